"""Nothing changed since the last build: how that is told, in milliseconds, and what is remembered.

A build leaves a record: what it was asked, what it read, and which image came out. What it read is known by size,
times, inode and mode of each file, as git's index knows it, so nothing is read again. Where a file was touched after
the build began, or just before, the build may have read it as it was before; then no record is kept.

Imported by each build before anything else, so it imports little itself.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from paddlewheel import __version__
from paddlewheel.cache import Cache
from paddlewheel.errors import PaddlewheelError

KIND: Final = "build"
_FORMAT: Final = 2
_SETTLED: Final = 20_000_000
"""Nanoseconds after which the clock of every common file system has moved on."""
_WRITTEN: Final = frozenset({"paddlewheel.lock", "pylock.paddlewheel.toml"})
"""What a build writes into the folder itself."""

State = tuple[str, os.stat_result | None]
"""A path and its state. None: it is not there."""

_STATED_ENDINGS: Final = (".toml", ".lock", ".txt", ".in", ".cfg")
_STATED_NAMES: Final = frozenset({".python-version", ".dockerignore", "Procfile", "setup.py"})
_MOST_FOLDERS: Final = 2000
"""Folders of references that are looked at; for a repository with more no record is kept."""

_HEARD: Final = re.compile(
    r".*PRETEND_VERSION.*"
    r"|(UV|PIP|HATCH|SETUPTOOLS|DISTUTILS|PBR|PDM|POETRY|FLIT|SKBUILD|CMAKE|CIBUILDWHEEL|PADDLEWHEEL)_.*"
    r"|GIT_(DIR|WORK_TREE|INDEX_FILE|COMMON_DIR|OBJECT_DIRECTORY|CEILING_DIRECTORIES)"
    r"|AR|ARCHFLAGS|CC|CFLAGS|CPP|CPPFLAGS|CXX|CXXFLAGS|LD|LDFLAGS|LDSHARED"
)
"""Environment variables that what is resolved or built may depend on."""
_NOT_HEARD: Final = re.compile(
    r"UV_INDEX_.*_(USERNAME|PASSWORD)"
    r"|UV_(CACHE_DIR|NO_CACHE|HTTP_.*|CONCURRENT_.*|NO_PROGRESS|NATIVE_TLS|SYSTEM_CERTS|LINK_MODE)"
    r"|PIP_(CACHE_DIR|NO_CACHE_DIR|NO_COLOR|PROGRESS_BAR|TIMEOUT|RETRIES|DISABLE_PIP_VERSION_CHECK|ROOT_USER_ACTION)"
    r"|PADDLEWHEEL_(CACHE_DIR|DEBUG|COMPLETE)"
)
"""Those among them that do not change the result."""


def record_key(root: Path, asked: dict[str, Any]) -> str:
    """The key of the record for a folder and what was asked of it (JSON values)."""
    # Caches can be shared by machines, and a wheel is built by the Python that runs this.
    machine = [os.uname().machine, *sys.version_info[:2]]
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    parts = [_FORMAT, __version__, machine, os.fspath(root), asked, epoch, _heard()]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _heard() -> list[tuple[str, str]]:
    """What the environment says that may count. Only to be hashed: there may be passwords in it."""
    names = [name for name in os.environ if _HEARD.fullmatch(name) and not _NOT_HEARD.fullmatch(name)]
    return [(name, os.environ[name]) for name in sorted(names)]


def remembered(cache: Cache, root: Path, key: str) -> dict[str, Any] | None:
    """What `remember` was told, if no file that the build read was touched since."""
    record = cache.record(KIND, key)
    if record is None:
        return None
    try:
        # First the settings: the patterns in the record are those of the settings that it was made with.
        if stated(root, record["extra"]).signature != record["stated"]:
            return None
        found = _seen(_sources(root, record["files"]))
    except (PaddlewheelError, OSError):
        return None
    return record["result"] if found.signature == record["sources"] else None


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
    try:
        said, sources = stated(root, extra), _seen(_sources(root, files))
    except (PaddlewheelError, OSError):  # it was changed while it was built
        return
    if said.is_settled(since) and sources.is_settled(since):
        value = {"files": files, "extra": list(extra), "stated": said.signature, "sources": sources.signature}
        cache.put_record(KIND, key, {**value, "result": result})


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


def _seen(states: Iterable[State]) -> Seen:
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


def _stated(root: Path, extra: Sequence[str]) -> Iterator[State]:
    yield from ((path, _stat(path)) for path in extra)
    with os.scandir(root) as found:
        names = sorted(
            entry.name for entry in found if entry.name in _STATED_NAMES or entry.name.endswith(_STATED_ENDINGS)
        )
    yield from ((name, _stat(f"{root}/{name}")) for name in names)


def _sources(root: Path, files: Sequence[str] | bool | None) -> Iterator[State]:
    """What goes into the image, or what a build back end may look at."""
    if files is False:
        from paddlewheel.project.source_walk import walk

        real = os.path.realpath(root)
        for place in walk(real):
            if place.kind == "link":
                yield place.relative, os.lstat(place.path)
            elif place.kind == "file":
                yield place.relative, _stat(place.path)
        yield from _repository(Path(real))
    else:
        from paddlewheel.project.files import select

        for group in select(root, files if not isinstance(files, bool) else None):
            for file in group:
                path = f"{root}/{file.path}"
                yield file.path, _stat(path) if file.target is None else os.lstat(path)


def _repository(root: Path) -> Iterator[State]:
    """What a version that comes from git depends on: the commit checked out, the index, the references."""
    from paddlewheel.lock.git_folder import common_folder, work_tree

    found = work_tree(root)
    if found is None:
        return
    own, common = found[1], common_folder(found[1])
    yield from ((f".git/{name}", _stat(f"{own}/{name}")) for name in ("HEAD", "index"))
    names = ("packed-refs", "shallow", "reftable", "reftable/tables.list")
    yield from ((f".git/{name}", _stat(f"{common}/{name}")) for name in names)
    # References are written by rename, so the time of their folder shows it.
    waiting = [f"{common}/refs/heads", f"{common}/refs/tags"]
    for number, folder in enumerate(waiting):  # which grows meanwhile
        if number == _MOST_FOLDERS:
            raise OSError(errno.E2BIG, "too many folders of references", folder)
        state = _stat(folder)
        yield folder, state
        if state is not None:
            with os.scandir(folder) as entries:
                waiting += sorted(entry.path for entry in entries if entry.is_dir(follow_symlinks=False))


def _stat(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)  # noqa: PTH116 - a Path for each file of a large folder takes longer than the stat
    except OSError:
        return None
