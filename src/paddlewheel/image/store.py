"""The content-addressed store: blobs by digest, under the cache folder. Whole or absent, never half.

A blob is written to a temporary file beside its place and renamed when its digest is known. Two builds at once
write the same bytes to the same name, so the later rename does no harm. Blobs are read-only files.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from paddlewheel.errors import ImageError, StorageError
from paddlewheel.image.model import Descriptor, sha256_digest


class Store:
    """Blobs below `root`/blobs/sha256. Creates its folders when first written to."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._blobs = root / "blobs" / "sha256"
        self._tmp = root / "tmp"

    def path(self, digest: str) -> Path:
        """Where the blob of `digest` is, or would be."""
        algorithm, _, hexes = digest.partition(":")
        if algorithm != "sha256" or len(hexes) != 64 or set(hexes) - set("0123456789abcdef"):
            raise ImageError(f"{digest!r} is no sha256 digest")
        return self._blobs / hexes

    def has(self, digest: str, size: int | None = None) -> bool:
        """Whether the blob is here. A file of the wrong size (a crash of the machine) does not count."""
        try:
            found = self.path(digest).stat().st_size
        except OSError:
            return False
        return size is None or found == size

    def signature(self, digest: str) -> list[int] | None:
        """What the state of a blob's file is known by: it changes with each write. None: there is no such file."""
        try:
            found = self.path(digest).stat()
        except OSError:
            return None
        return [found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns]

    def verify(self, digest: str) -> bool:
        """Hash a blob; remove it when it is damaged. Return whether it is here and whole."""
        path, before = self.path(digest), self.signature(digest)
        try:
            if file_digest(path) == digest:
                return True
        except OSError:
            return False
        # Another process may have made it again in the meantime.
        if self.signature(digest) == before:
            with storage_errors(self.root):
                path.unlink(missing_ok=True)
        return False

    def open(self, digest: str) -> BinaryIO:
        """The blob as a file. Raise `ImageError` when it is missing."""
        try:
            return self.path(digest).open("rb")
        except FileNotFoundError as error:
            raise ImageError(f"blob {digest} is missing from the store") from error

    def read(self, descriptor: Descriptor) -> bytes:
        """The blob's bytes, checked against its digest. Raise `ImageError` when missing or changed."""
        try:
            data = self.path(descriptor.digest).read_bytes()
        except FileNotFoundError as error:
            raise ImageError(f"blob {descriptor.digest} is missing from the store") from error
        if sha256_digest(data) != descriptor.digest:
            raise ImageError(f"blob {descriptor.digest} has changed on disk", hint="paddlewheel cache prune --all")
        return data

    def put(self, data: bytes) -> str:
        """Store `data`; return its digest."""
        digest = sha256_digest(data)
        if not self._holds(digest, data):
            with self.create() as (file, temporary):
                file.write(data)
                file.flush()
                self.commit(temporary, digest)
        return digest

    def _holds(self, digest: str, data: bytes) -> bool:
        try:
            return self.path(digest).read_bytes() == data
        except OSError:
            return False

    @contextmanager
    def create(self) -> Iterator[tuple[BinaryIO, Path]]:
        """A temporary file to write a blob to; pass its path to `commit`. Removed when not committed."""
        with storage_errors(self.root):
            self._tmp.mkdir(parents=True, exist_ok=True)
            temporary = self._tmp / f"blob-{os.getpid()}-{os.urandom(6).hex()}"
            try:
                with temporary.open("xb") as file:
                    hold(file.fileno())
                    yield file, temporary
            finally:
                temporary.unlink(missing_ok=True)

    def commit(self, temporary: Path, digest: str) -> Path:
        """Move a finished temporary file to the place of `digest`."""
        place = self.path(digest)
        size = temporary.stat().st_size
        if self.has(digest, size) and self.verify(digest):
            # Renaming over a file makes ext4 write the new one to the disk at once, which takes its time.
            return place
        place.parent.mkdir(parents=True, exist_ok=True)
        temporary.chmod(0o444)
        temporary.replace(place)
        return place


def hold(handle: int) -> None:
    """Say by flock that a temporary file or folder is in use, as long as the descriptor `handle` is open."""
    import fcntl

    with suppress(OSError):  # some network file systems have no locks; the process's number in the name remains
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def storage_errors(where: Path) -> Iterator[None]:
    """Turn the errors of a full or forbidden disk into `StorageError`."""
    import errno

    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageError(
                f"no space left on the disk that holds {error.filename or where}",
                hint="free some space, run `paddlewheel cache prune`, or set PADDLEWHEEL_CACHE_DIR to another disk",
            ) from error
        forbidden = error.errno in (errno.EACCES, errno.EPERM, errno.EROFS)
        no_folder = error.errno in (errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP)
        if forbidden or no_folder or error.errno == errno.EIO:
            raise StorageError(
                f"{error.filename or where} cannot be written: {error.strerror}",
                hint="set PADDLEWHEEL_CACHE_DIR to a folder that you own",
            ) from error
        raise


def file_digest(path: Path) -> str:
    """The sha256 digest of a file, read in pieces."""
    with path.open("rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
