"""The cache folder: artifacts by hash, blobs by digest, records by key. Everything in it can be made again.

::

    artifacts/<2>/<sha256>      wheels, .debs, source archives: as downloaded, checked
    blobs/sha256/<hex>          layers and configs (`image.store`)
    records/<kind>/<2>/<key>    a SHA-256 and the JSON that has it: what a key gave (a layer's digests, a wheel's needs)
    rootfs/<hex of DiffID>/     unpacked layers, for the sandbox
    uv/                         uv's own cache, where it has no home to keep it in
    tmp/                        what is being written
    locks/                      files to hold with flock

A file appears by rename, whole. Anyone may delete anything at any time, save for `tmp` and `locks` in use. What is
in use in `tmp` is locked with flock and, but for downloads, named for its process: ``<what>-<pid>-<random>``.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from paddlewheel.errors import StorageError
from paddlewheel.image.beside import file_beside
from paddlewheel.image.store import Store, hold, storage_errors

ENVIRONMENT = "PADDLEWHEEL_CACHE_DIR"
_TMP: Final = "tmp"
_BLOB: Final = "blob"
_SUM: Final = 65
"""A hash in hex, and a line end."""
_RESUMABLE: Final = 7 * 86400.0
"""Seconds that a partial download may wait for the run that goes on with it."""


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

    def has_blob(self, digest: str, size: int) -> bool:
        """Whether the store has the blob, whole. One whose file is not as it was when last looked at is hashed again;
        damaged, it is removed, so that it is made again.
        """
        if not self.store.has(digest, size):
            return False
        now = self.store.signature(digest)
        record = self.record(_BLOB, digest.rpartition(":")[2])
        if record is not None and record["signature"] == now:
            return True
        if now is None or not self.store.verify(digest):
            return False
        with suppress(StorageError):  # a cache that cannot be written is of use all the same
            self._keep_signature(digest, now)
        return True

    def vouch_for(self, digest: str) -> None:
        """Remember the state of a blob's file, whose bytes are known to be right."""
        found = self.store.signature(digest)
        if found is not None:
            self._keep_signature(digest, found)

    def _keep_signature(self, digest: str, signature: list[int]) -> None:
        self.put_record(_BLOB, digest.rpartition(":")[2], {"signature": signature})

    def record(self, kind: str, key: str) -> dict[str, Any] | None:
        """The record of `kind` under `key` (hex), or None. One that is not as it was written counts as absent."""
        data = self.checked(self._record_path(kind, key))
        return None if data is None else json.loads(data)

    def put_record(self, kind: str, key: str, value: dict[str, Any]) -> None:
        self.put_checked(self._record_path(kind, key), json.dumps(value, sort_keys=True).encode())

    def _record_path(self, kind: str, key: str) -> Path:
        return self.root / "records" / kind / key[:2] / key

    def checked(self, path: Path) -> bytes | None:
        """What `put_checked` wrote to `path`; None when it is not there, or is not what was written."""
        try:
            text = path.read_bytes()
        except OSError:
            return None
        digest, data = text[:_SUM], text[_SUM:]
        return data if digest == _sum(data) else None

    def put_checked(self, path: Path, data: bytes) -> None:
        """Write a file below the cache, with a hash in front of `data`, for those that nothing else vouches for."""
        self.write(path, _sum(data) + data)

    def write(self, path: Path, data: bytes) -> None:
        """Write a file below the cache, whole or not at all."""
        with storage_errors(self.root), self.store.create() as (file, temporary):
            file.write(data)
            file.flush()
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.chmod(0o644)
            temporary.replace(path)

    @contextmanager
    def directory(self, prefix: str) -> Iterator[Path]:
        """A temporary folder in the cache, removed at the end unless it was renamed away."""
        with storage_errors(self.root):
            place = self.root / _TMP / f"{prefix}-{os.getpid()}-{os.urandom(6).hex()}"
            place.mkdir(parents=True)
            handle = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            hold(handle)
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)
            os.close(handle)

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

    def sweep(self) -> None:
        """Remove what processes that are gone left in `tmp`. A partial download waits to be resumed, for a week."""
        try:
            found = list(os.scandir(self.root / _TMP))
        except OSError:
            return
        for entry in found:
            with suppress(OSError):
                if is_debris(Path(entry.path)):
                    if entry.is_dir(follow_symlinks=False):
                        shutil.rmtree(entry.path, ignore_errors=True)
                    else:
                        Path(entry.path).unlink()


def is_debris(path: Path) -> bool:
    """Whether nobody will go on with the temporary file or folder at `path`. Raise `OSError` where that is unclear."""
    maker = next((part for part in path.name.split("-")[1:] if part.isdecimal() and len(part) < 10), None)
    if maker is None and time.time() - path.lstat().st_mtime < _RESUMABLE:
        return False
    if maker is not None and Path("/proc", maker).exists():
        return False
    # The process may be one of another container, whose number means nothing here, on the same cache.
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True


def _sum(data: bytes) -> bytes:
    return hashlib.sha256(data).hexdigest().encode() + b"\n"


def write_atomically(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Write `path` whole or not at all: a temporary file beside it, then a rename. Makes its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with file_beside(path) as (temporary, handle):
        with open(handle, "wb", closefd=False) as file:
            file.write(data)
        os.fchmod(handle, mode)
        temporary.replace(path)
