"""The file in which a download grows, held by one process or thread at a time.

An flock on the file itself says who holds it, so that a kill frees it. Its name comes from the hash of what it will
be: the next run finds it and goes on. Whoever finds it held waits as long as it grows, and takes a private file
when it does not (the holder may be stopped), so two downloads of one file never write to the same place.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from paddlewheel.net.stop import Stop

_POLL: Final = 0.1
_CHUNK: Final = 1 << 20


class Partial:
    """The bytes that have arrived, and their hash. Made by `claim`."""

    def __init__(self, path: Path, handle: int, *, waited: bool, private: bool) -> None:
        self.path = path
        self.waited = waited
        self.private = private
        self.size = 0
        self.done = False
        self._handle = handle
        self._hash = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """Of what has arrived so far, hex."""
        return self._hash.hexdigest()

    def load(self, stop: Stop) -> bool:
        """Hash what an earlier run left. Return whether there was anything."""
        os.lseek(self._handle, 0, os.SEEK_SET)
        while chunk := os.read(self._handle, _CHUNK):
            stop.check()
            self._hash.update(chunk)
            self.size += len(chunk)
        return self.size > 0

    def write(self, chunk: bytes) -> None:
        # At the place counted here, and past Python's buffers: a kill loses nothing, a failed write is written over.
        view = memoryview(chunk)
        written = 0
        while written < len(view):
            written += os.pwrite(self._handle, view[written:], self.size + written)
        self._hash.update(chunk)
        self.size += len(chunk)

    def clear(self) -> None:
        """Forget what has arrived."""
        os.ftruncate(self._handle, 0)
        self._hash = hashlib.sha256()
        self.size = 0

    def discard(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)
        self.done = True

    def move_to(self, place: Path) -> None:
        """Make the finished file appear at `place`."""
        os.fchmod(self._handle, 0o644)
        self.path.replace(place)
        self.done = True


@contextmanager
def claim(path: Path, *, patience: float, stop: Stop) -> Iterator[Partial]:
    """Hold the partial file at `path`, or a private one when its holder makes no progress for `patience` seconds.

    Afterwards it stays when it is neither empty nor private nor done: the next run resumes it.
    """
    handle, waited = _lock(path, patience, stop)
    private = handle is None
    if handle is None:
        path = path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    part = Partial(path, handle, waited=waited, private=private)
    try:
        yield part
    finally:
        if not part.done and (private or os.fstat(handle).st_size == 0):
            part.discard()
        os.close(handle)


def _lock(path: Path, patience: float, stop: Stop) -> tuple[int | None, bool]:
    """A locked handle (None: its holder is stuck), and whether somebody else held it before."""
    waited = False
    seen, since = -1, time.monotonic()
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(handle, path):
                return handle, waited
            waited = True  # it was finished or removed between our open and our lock
        except BlockingIOError:
            waited = True
            size = os.fstat(handle).st_size
            if size != seen:
                seen, since = size, time.monotonic()
            elif time.monotonic() - since > patience:
                os.close(handle)
                return None, waited
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)
        stop.sleep(_POLL if waited else 0)


def _is_at(handle: int, path: Path) -> bool:
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    mine = os.fstat(handle)
    return (found.st_dev, found.st_ino) == (mine.st_dev, mine.st_ino)
