"""Folders of the sandbox, as its processes see them: removal, and paths inside another root."""

from __future__ import annotations

import errno
import fcntl
import os

PREFIX = "run-"
"""Names of the folders, one for each run, in the scratch folder. Each is locked (flock) while it is in use."""

_MAX_LINKS = 40


def clear(folder: str) -> None:
    """Remove all that is in `folder`, as far as it can be: what stays, the next run removes."""
    try:
        entries = list(os.scandir(folder))
    except PermissionError:
        # overlayfs makes its work folder without permissions.
        try:
            os.chmod(folder, 0o700)
            entries = list(os.scandir(folder))
        except OSError:
            return
    except OSError:
        return
    for entry in entries:
        try:
            if entry.is_dir(follow_symlinks=False):
                clear(entry.path)
                os.rmdir(entry.path)
            else:
                os.unlink(entry.path)
        except OSError:
            continue


def sweep(scratch: str, *, keep: str) -> None:
    """Remove what runs that were killed have left: their folders are not locked any more."""
    try:
        names = [name for name in os.listdir(scratch) if name.startswith(PREFIX)]
    except OSError:
        return
    for name in names:
        path = f"{scratch}/{name}"
        if path == keep:
            continue
        try:
            handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            clear(path)
            os.rmdir(path)
        except OSError:
            pass
        finally:
            os.close(handle)


def inside(root: str, path: str) -> str:
    """The place of `path` below `root`, links followed as if `root` were ``/``. It need not exist."""
    left = _names(path)
    place = root
    links = 0
    while left:
        name = left.pop()
        if name == "..":
            place = place if place == root else os.path.dirname(place)
            continue
        try:
            target = os.readlink(f"{place}/{name}")
        except OSError:
            place = f"{place}/{name}"
            continue
        links += 1
        if links > _MAX_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
        if target.startswith("/"):
            place = root
        left += _names(target)
    return place


def _names(path: str) -> list[str]:
    """The names in `path`, the last first."""
    return [name for name in reversed(path.split("/")) if name not in ("", ".")]


def ensure_folder(place: str) -> bool:
    """Make `place` and its parents unless they exist. Return whether it was missing."""
    try:
        os.makedirs(place)
    except FileExistsError:
        return False
    return True


def ensure_file(place: str) -> None:
    """Make an empty file at `place` unless something is there."""
    if os.path.lexists(place):
        return
    ensure_folder(os.path.dirname(place))
    os.close(os.open(place, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))
