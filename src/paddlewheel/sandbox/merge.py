"""Layers copied into one folder, for kernels that refuse overlayfs. Slow and large, but it works anywhere.

Hard links into the cache would be faster; a program that writes would change the cached layers through them.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from paddlewheel.image.store import storage_errors
from paddlewheel.progress import Reporter, Task
from paddlewheel.sandbox._files import clear
from paddlewheel.sandbox.tree import is_opaque, is_whiteout


def merge(layers: Sequence[Path], target: Path, reporter: Reporter) -> None:
    """Copy `layers`, lowest first, to the new folder `target`; whiteouts remove what is below them."""
    with storage_errors(target), reporter.task("Copying layers", len(layers), unit="layers") as task:
        target.mkdir(mode=0o755)
        merger = _Merger(os.geteuid() == 0)
        for layer in layers:
            merger.add(layer, target, task)
        merger.finish()


class _Merger:
    def __init__(self, owners: bool) -> None:
        self._owners = owners
        self._modes: dict[str, int] = {}
        """Folder -> mode, to set when all is copied: until then each must be writable."""

    def add(self, layer: Path, target: Path, task: Task) -> None:
        self._links: dict[int, str] = {}
        """Inode in this layer -> copy, for hard links."""
        self._folder(str(layer), str(target))
        task.advance(1)

    def finish(self) -> None:
        for folder, mode in reversed(self._modes.items()):
            if os.path.isdir(folder) and not os.path.islink(folder):
                os.chmod(folder, mode)

    def _folder(self, source: str, target: str) -> None:
        if is_opaque(source):
            clear(target)
        about = os.stat(source)
        if self._owners:
            os.chown(target, about.st_uid, about.st_gid)
        self._modes[target] = stat.S_IMODE(about.st_mode)
        with os.scandir(source) as entries:
            for entry in entries:
                self._entry(entry, f"{target}/{entry.name}")

    def _entry(self, entry: os.DirEntry[str], target: str) -> None:
        about = entry.stat(follow_symlinks=False)
        folder = stat.S_ISDIR(about.st_mode)
        if not (folder and os.path.isdir(target) and not os.path.islink(target)):
            _remove(target)
        if is_whiteout(about):
            return
        if folder:
            if not os.path.isdir(target):
                os.mkdir(target, 0o700)
            self._folder(entry.path, target)
            return
        if about.st_nlink > 1 and about.st_ino in self._links:
            os.link(self._links[about.st_ino], target, follow_symlinks=False)
            return
        if stat.S_ISLNK(about.st_mode):
            os.symlink(os.readlink(entry.path), target)
        elif stat.S_ISREG(about.st_mode):
            _copy(entry.path, target)
            os.chmod(target, stat.S_IMODE(about.st_mode))
        else:
            return  # pipes and devices: a sandbox has its own
        if self._owners:
            os.lchown(target, about.st_uid, about.st_gid)
        os.utime(target, ns=(about.st_mtime_ns, about.st_mtime_ns), follow_symlinks=False)
        self._links[about.st_ino] = target


def _remove(target: str) -> None:
    try:
        os.unlink(target)
    except FileNotFoundError:
        return
    except (IsADirectoryError, PermissionError):
        clear(target)
        os.rmdir(target)


def _copy(source: str, target: str) -> None:
    """Copy a file, sharing its blocks where the file system can."""
    reader = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    try:
        writer = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            while _piece(reader, writer):
                pass
        finally:
            os.close(writer)
    finally:
        os.close(reader)


def _piece(reader: int, writer: int) -> int:
    try:
        return os.copy_file_range(reader, writer, 1 << 30)
    except OSError:
        # Between file systems, on old kernels.
        data = os.read(reader, 1 << 20)
        left = memoryview(data)
        while left:
            left = left[os.write(writer, left) :]
        return len(data)
