"""The folder of one run: what the program writes goes there. Locked while in use; a killed run's goes with the next."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from paddlewheel.image.store import storage_errors
from paddlewheel.sandbox._files import PREFIX, clear


@contextmanager
def run_folder(scratch: Path) -> Iterator[tuple[Path, int]]:
    """A new folder below `scratch` and the descriptor that holds its lock. Removed at the end."""
    with storage_errors(scratch):
        scratch.mkdir(parents=True, exist_ok=True)
        folder, handle = _locked(scratch)
    try:
        yield folder, handle
    finally:
        clear(str(folder))
        with suppress(OSError):
            folder.rmdir()
        os.close(handle)


def _locked(scratch: Path) -> tuple[Path, int]:
    while True:
        folder = scratch / f"{PREFIX}{os.getpid()}-{secrets.token_hex(4)}"
        folder.mkdir(mode=0o755)
        try:
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue  # another run's sweep was faster than the lock
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if folder.exists():
                return folder, handle
        os.close(handle)


@contextmanager
def held(folders: tuple[Path, ...]) -> Iterator[None]:
    """Hold a shared lock on each folder, so that `in_use` says so to whoever wants to remove one."""
    with ExitStack() as stack:
        for folder in folders:
            try:
                handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            except OSError:
                continue  # the mount will say what is wrong with it
            stack.callback(os.close, handle)
            with suppress(OSError):
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        yield


def in_use(folder: Path) -> bool:
    """Whether a running sandbox stands on this unpacked layer, or is this run's folder."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False
