"""What the cache holds, and what of it may go. Every entry can be made again; the question is only what costs least.

A file counts as used when it was last read or written, whichever is later (file systems mounted with `relatime`,
the default, note a read once a day); an unpacked layer, when its folder was made, moved or touched.
"""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from paddlewheel.image.store import storage_errors

DAY: Final = 86400.0
KEEP: Final = 30 * DAY
"""Seconds after which an unused entry goes when nothing else is asked for."""
IN_USE: Final = 600.0
"""A build under way may count on entries that it saw this many seconds ago."""
_TREES: Final = frozenset({"rootfs", "uv"})
"""Folders of the cache whose entries are whole directories. uv keeps packages unpacked, which must not lose files."""
_LOCKS: Final = "locks"
_TMP: Final = "tmp"
_LOCKED: Final = _TREES | {_TMP}
"""Folders of the cache whose entries are locked (flock) by whoever uses them."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, or below `rootfs` a directory, that stands or goes as a whole. Size in bytes, `used` in Unix time."""

    kind: str
    path: Path
    size: int
    used: float


def entries(root: Path) -> Iterator[Entry]:
    """All entries of the cache at `root`, and what killed builds left in tmp (kind ``tmp``)."""
    for folder in _folders(root):
        if folder.name == _LOCKS:
            continue
        if folder.name in _TREES or folder.name == _TMP:
            for item in _scan(folder):
                with suppress(FileNotFoundError):
                    yield _whole(folder.name, Path(item.path))
        else:
            for path in _files(folder):
                with suppress(FileNotFoundError):
                    status = path.lstat()
                    yield Entry(folder.name, path, status.st_size, _used(status))


def choose(
    found: Iterable[Entry],
    *,
    now: float | None = None,
    older_than: float | None = None,
    max_size: int | None = None,
    everything: bool = False,
) -> list[Entry]:
    """The entries to remove: `everything`, or those unused for `older_than` seconds, and of the rest the longest
    unused until no more than `max_size` bytes stay. Neither given: those unused for `KEEP` seconds.

    Temporary files that name the process which made them are chosen when it is gone. Unless `everything`, nothing
    that was used within the last `IN_USE` seconds is chosen.
    """
    clock = time.time() if now is None else now
    if older_than is None and max_size is None:
        older_than = KEEP
    kept: list[Entry] = []
    chosen: list[Entry] = []
    for entry in found:
        age = clock - entry.used
        maker = _maker(entry.path) if entry.kind == _TMP else None
        if maker is not None:
            goes = not Path("/proc", maker).exists() and (everything or age > IN_USE)
        else:
            goes = everything or (older_than is not None and age > max(older_than, IN_USE))
        (chosen if goes else kept).append(entry)
    if max_size is not None and not everything:
        left = sum(entry.size for entry in kept)
        for entry in sorted(kept, key=lambda entry: entry.used):
            if left <= max_size or clock - entry.used <= IN_USE:
                break
            if entry.kind != _TMP or _maker(entry.path) is None:
                chosen.append(entry)
                left -= entry.size
    return chosen


def remove(root: Path, entry: Entry) -> bool:
    """Remove an entry at once: a directory is renamed away before its files go. Raise `StorageError`.

    Return whether it is gone: an unpacked layer on which a sandbox stands, and a download under way, stay.
    """
    with storage_errors(root), suppress(FileNotFoundError):
        if entry.kind in _LOCKED and _held(entry.path):
            return False
        if entry.path.is_dir() and not entry.path.is_symlink():
            _remove_tree(root, entry.path)
        else:
            entry.path.unlink()
    return True


def _held(path: Path) -> bool:
    """Whether somebody has a lock on the file or directory."""
    import fcntl

    if path.is_symlink():
        return False
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def _remove_tree(root: Path, path: Path) -> None:
    path.chmod(0o700)  # to rename a directory is to write to it
    grave = root / _TMP / f"gone-{os.getpid()}-{path.name[-24:]}"
    if path.parent.name != _TMP:
        grave.parent.mkdir(exist_ok=True)
        path = path.rename(grave)
    for folder, _, _ in os.walk(path):
        Path(folder).chmod(0o700)  # an image's own directories may be read-only
        for item in _scan(Path(folder)):
            if item.is_dir(follow_symlinks=False):
                Path(item.path).chmod(0o700)
    shutil.rmtree(path)


def _whole(kind: str, path: Path) -> Entry:
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode):
        return Entry(kind, path, status.st_size, _used(status))
    # To measure a directory is to read it, so its access time tells of the last `cache size`; its modification
    # time may be the layer's own.
    size = 0
    for file in _files(path):
        with suppress(FileNotFoundError):
            size += file.lstat().st_size
    return Entry(kind, path, size, status.st_ctime)


def _files(folder: Path) -> Iterator[Path]:
    for place, _, names in os.walk(folder):
        yield from (Path(place, name) for name in names)


def _folders(root: Path) -> list[Path]:
    return sorted(Path(item.path) for item in _scan(root) if item.is_dir(follow_symlinks=False))


def _scan(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with storage_errors(folder), os.scandir(folder) as found:
            return list(found)
    except FileNotFoundError:
        return []


def _used(status: os.stat_result) -> float:
    return max(status.st_atime, status.st_mtime)


def _maker(path: Path) -> str | None:
    """The process that a temporary name tells of (``blob-<pid>-<hex>``). None: a partial download, to be resumed."""
    for part in path.name.split("-")[1:]:
        if part.isdecimal() and len(part) < 10:
            return part
    return None
