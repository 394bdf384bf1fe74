"""Nothing changed since the last build: how that is told, in milliseconds, and what is remembered.

A build leaves a record: what it was asked, what it read, and which image came out. What it read is known by size,
times, inode and mode of each file, as git's index knows it, so nothing is read again. Where a file was touched after
the build began, or just before, the build may have read it as it was before; then no record is kept.

Imported by each build before anything else, so it imports little itself.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from paddlewheel import __version__
from paddlewheel.cache import Cache

KIND: Final = "build"
_FORMAT: Final = 1
_SETTLED: Final = 20_000_000
"""Nanoseconds after which the clock of every common file system has moved on."""
_WRITTEN: Final = frozenset({"paddlewheel.lock", "pylock.paddlewheel.toml"})
"""What a build writes into the folder itself."""

_STATED_ENDINGS: Final = (".toml", ".lock", ".txt", ".in", ".cfg")
_STATED_NAMES: Final = frozenset({".python-version", ".dockerignore", "Procfile", "setup.py"})
_NEVER_READ: Final = frozenset(
    {
        ".git",
        ".hg",
        ".svn",
        ".bzr",
        "__pycache__",
        ".eggs",
        ".hypothesis",
        ".mypy_cache",
        ".nox",
        ".pytest_cache",
        ".ruff_cache",
        ".tox",
        "dist",
    }
)


def record_key(root: Path, asked: dict[str, Any]) -> str:
    """The key of the record for a folder and what was asked of it (JSON values)."""
    machine = os.uname().machine
    parts = [_FORMAT, __version__, machine, os.fspath(root), asked, os.environ.get("SOURCE_DATE_EPOCH")]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def remembered(cache: Cache, root: Path, key: str) -> dict[str, Any] | None:
    """What `remember` was told, if no file that the build read was touched since."""
    record = cache.record(KIND, key)
    if record is None:
        return None
    found = _seen(_states(root, record["files"], record["extra"]))
    return record["result"] if found.signature == record["signature"] else None


def remember(
    cache: Cache,
    root: Path,
    key: str,
    result: dict[str, Any],
    *,
    files: Sequence[str] | bool | None,
    extra: Sequence[str],
    since: int,
) -> None:
    """Keep `result`. `files`: the patterns of an app that is copied (None: all files), False for one that is built.

    `extra`: absolute paths of further files that were read. `since`: when the build began, as `time.time_ns` has it.
    """
    found = _seen(_states(root, files, extra))
    if found.is_settled(since):
        value = {"files": files, "extra": list(extra), "signature": found.signature, "result": result}
        cache.put_record(KIND, key, value)


class Seen(NamedTuple):
    """Files as they were found: a hash over their states, the newest time of those that a build only reads, and of
    those that it may write (nanoseconds)."""

    signature: str
    newest: int
    newest_written: int

    def is_settled(self, since: int) -> bool:
        """Whether a build that began at `since` surely read the files as they are now."""
        return self.newest <= since - _SETTLED and self.newest_written <= time.time_ns() - _SETTLED


def stated(root: Path, extra: Sequence[str]) -> Seen:
    """The files in `root` that a lock or the settings may be made from, and those at the absolute paths `extra`."""
    return _seen(_stated(root, extra))


def _seen(states: Iterable[tuple[str, os.stat_result | None]]) -> Seen:
    digest = hashlib.sha256()
    newest = written = 0
    for path, found in states:
        if found is None:
            digest.update(f"{path}\0gone\n".encode())
            continue
        moment = max(found.st_mtime_ns, found.st_ctime_ns)
        if path in _WRITTEN:
            written = max(written, moment)
        else:
            newest = max(newest, moment)
        state = f"{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns} {found.st_ino} {found.st_mode}"
        digest.update(f"{path}\0{state}\n".encode("utf-8", "surrogateescape"))
    return Seen(digest.hexdigest(), newest, written)


def _stated(root: Path, extra: Sequence[str]) -> Iterator[tuple[str, os.stat_result | None]]:
    yield from ((path, _stat(path)) for path in extra)
    with os.scandir(root) as found:
        entries = sorted(
            (entry for entry in found if entry.name in _STATED_NAMES or entry.name.endswith(_STATED_ENDINGS)),
            key=lambda entry: entry.name,
        )
    yield from ((entry.name, entry.stat()) for entry in entries)


def _states(
    root: Path, files: Sequence[str] | bool | None, extra: Sequence[str]
) -> Iterator[tuple[str, os.stat_result | None]]:
    yield from _stated(root, extra)
    if files is False:
        yield from _tree(os.fspath(root), "")
        yield from _repository(root)
    else:
        from paddlewheel.project.files import select

        for group in select(root, files if not isinstance(files, bool) else None):
            for file in group:
                yield file.path, _stat(f"{root}/{file.path}")


def _tree(folder: str, prefix: str) -> Iterator[tuple[str, os.stat_result | None]]:
    """All files that a build back end may see, and more; never what builds and tools leave."""
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        if entry.name in _NEVER_READ or entry.name.endswith((".pyc", ".egg-info")):
            continue
        if entry.is_dir(follow_symlinks=False):
            if _stat(f"{entry.path}/pyvenv.cfg") is None:
                yield from _tree(entry.path, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name, entry.stat(follow_symlinks=False)


def _repository(root: Path) -> Iterator[tuple[str, os.stat_result | None]]:
    """What a version that comes from git depends on: the commit checked out, the tags, the index."""
    for folder in (root, *root.parents):
        place = folder / ".git"
        if place.is_file():
            # A work tree beside the repository: the file says where its own part of it is.
            place = folder / place.read_text(errors="replace").removeprefix("gitdir:").strip()
        if place.is_dir():
            for name in ("HEAD", "packed-refs", "index", "refs/tags", "refs/heads"):
                yield f".git/{name}", _stat(os.fspath(place / name))
            return


def _stat(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)  # noqa: PTH116 - a Path for each file of a large folder takes longer than the stat
    except OSError:
        return None
