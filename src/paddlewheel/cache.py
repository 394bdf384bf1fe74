"""The cache folder: artifacts by hash, blobs by digest, records by key. Everything in it can be made again.

::

    artifacts/<2>/<sha256>      wheels, .debs, source archives: as downloaded, checked
    blobs/sha256/<hex>          layers and configs (`image.store`)
    records/<kind>/<2>/<key>    small JSON values: what a key gave (a layer's digests, a wheel's libraries)
    rootfs/<hex of DiffID>/     unpacked layers, for the sandbox
    tmp/                        what is being written
    locks/                      files to hold with flock

A file appears by rename, whole. Anyone may delete anything at any time, save for `tmp` and `locks` in use.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from paddlewheel.image.store import Store, storage_errors

ENVIRONMENT = "PADDLEWHEEL_CACHE_DIR"


def default_root() -> Path:
    """$PADDLEWHEEL_CACHE_DIR, else the platform's cache folder."""
    named = os.environ.get(ENVIRONMENT)
    if named:
        return Path(named).expanduser().absolute()
    from platformdirs import user_cache_path

    return user_cache_path("paddlewheel", appauthor=False)


class Cache:
    """Paths and atomic writes below `root`. Cheap to make; touches the disk only when used."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = root if root is not None else default_root()

    @cached_property
    def store(self) -> Store:
        return Store(self.root)

    def artifact(self, sha256: str) -> Path:
        """Where the file with this SHA-256 (hex) is, or would be."""
        return self.root / "artifacts" / sha256[:2] / sha256

    def has_artifact(self, sha256: str, size: int | None = None) -> bool:
        try:
            found = self.artifact(sha256).stat().st_size
        except OSError:
            return False
        return size is None or found == size

    def record(self, kind: str, key: str) -> dict[str, Any] | None:
        """The record of `kind` under `key` (hex), or None. One that cannot be read counts as absent."""
        try:
            value = json.loads(self._record_path(kind, key).read_bytes())
        except (OSError, ValueError):
            return None
        return value if isinstance(value, dict) else None

    def put_record(self, kind: str, key: str, value: dict[str, Any]) -> None:
        self.write(self._record_path(kind, key), json.dumps(value, sort_keys=True).encode())

    def _record_path(self, kind: str, key: str) -> Path:
        return self.root / "records" / kind / key[:2] / f"{key}.json"

    def write(self, path: Path, data: bytes) -> None:
        """Write a file below the cache, whole or not at all."""
        with storage_errors(self.root):
            write_atomically(path, data)

    @contextmanager
    def directory(self, prefix: str) -> Iterator[Path]:
        """A temporary folder in the cache, removed at the end unless it was renamed away."""
        with storage_errors(self.root):
            place = self.root / "tmp" / f"{prefix}-{os.getpid()}-{secrets.token_hex(6)}"
            place.mkdir(parents=True)
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold a lock between processes, so that two builds do not do the same long work twice."""
        with storage_errors(self.root):
            place = self.root / "locks" / name
            place.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def write_atomically(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Write `path` whole or not at all: a temporary file beside it, then a rename. Makes its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with temporary.open("xb") as file:
            file.write(data)
        temporary.chmod(mode)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
