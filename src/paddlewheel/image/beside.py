"""Outputs appear by rename, so they grow under another name beside their place.

While that file or folder is written it is locked (flock). A run that is killed leaves it behind without the lock, and
the next one that writes to the same place removes it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

_ATTEMPTS: Final = 16


@contextmanager
def file_beside(place: Path) -> Iterator[tuple[Path, int]]:
    """A new file in the folder of `place`, its path and its descriptor, to be renamed. Removed when it was not."""
    with _beside(place, _new_file) as (temporary, handle):
        try:
            yield temporary, handle
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def folder_beside(place: Path) -> Iterator[Path]:
    """A new folder in the folder of `place`, to be renamed. Removed when it was not."""
    with _beside(place, _new_folder) as (temporary, _):
        try:
            yield temporary
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def _beside(place: Path, make: Callable[[Path], int]) -> Iterator[tuple[Path, int]]:
    _sweep(place)
    temporary, handle = _make_locked(place, make)
    try:
        yield temporary, handle
    finally:
        os.close(handle)


def _make_locked(place: Path, make: Callable[[Path], int]) -> tuple[Path, int]:
    """Another run's sweep may take what is not locked yet for a remnant; then it is made once more."""
    for _ in range(_ATTEMPTS):
        temporary = place.with_name(f".{place.name}.{os.urandom(6).hex()}")
        try:
            handle = make(temporary)
        except FileNotFoundError as error:
            gone = error
            continue
        # Not without waiting: a sweep that holds the lock is about to remove the file.
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        if temporary.exists():
            return temporary, handle
        os.close(handle)
        gone = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(temporary))
    raise gone


def _new_file(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)


def _new_folder(path: Path) -> int:
    path.mkdir()
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def _sweep(place: Path) -> None:
    left = re.compile(re.escape(f".{place.name}.") + "[0-9a-f]{12}")
    with suppress(OSError):
        for entry in list(os.scandir(place.parent)):
            if left.fullmatch(entry.name):
                _remove_unlocked(Path(entry.path))


def _remove_unlocked(path: Path) -> None:
    with suppress(OSError):
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        finally:
            os.close(handle)
