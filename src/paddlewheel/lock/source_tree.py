"""A clean copy of a project's files for its build back end, so that nothing is written into the user's folder and
nothing stale (``build/``, ``*.egg-info``) gets from there into the result.

What is copied, `source_walk` says; version control is added by `source_git`.
"""

from __future__ import annotations

import os
import shutil
import stat
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from paddlewheel.cache import Cache
from paddlewheel.errors import ProjectError
from paddlewheel.lock.source_git import attach, find_repository
from paddlewheel.project.model import LockKind, Project
from paddlewheel.project.source_walk import walk

EARLIEST: Final = 315532800
"""1980-01-01T00:00:00Z, the first time that a zip can hold."""


def copy_source(source: Path, folder: Path, *, epoch: int = EARLIEST) -> Path:
    """Copy the project in `source` into the empty `folder`; return where it is. Modes are 644 or 755, times `epoch`.

    When the project is in a git repository, the copy is a work tree of it for back ends that ask git for the version
    or the list of files. Raise `ProjectError` for files that cannot be read.
    """
    repository = find_repository(source.resolve())
    top = folder / "source"
    target = top / repository.prefix if repository else top
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        other = _copy(source.resolve(), target, epoch)
    except PermissionError as error:
        raise ProjectError(
            f"{error.filename} cannot be read: {error.strerror}",
            hint="make it readable, or move it out of the project",
        ) from error
    if repository:
        attach(repository, top, other)
    return target


def _copy(root: Path, target: Path, epoch: int) -> list[str]:
    """Copy what `walk` finds; return the relative paths of what was left out, or is no link any more."""
    other = []
    folders = [target]
    target.mkdir(mode=0o755)
    for place in walk(os.fspath(root)):
        to = target / place.relative
        if place.kind == "left out" or place.followed:
            other.append(place.relative)
        if place.kind == "left out":
            continue
        if place.kind == "folder":
            to.mkdir(mode=0o755)
            folders.append(to)
        elif place.kind == "link":
            to.symlink_to(os.readlink(place.path))  # noqa: PTH115 - the text as it is written
        else:
            shutil.copyfile(place.path, to)
            to.chmod(0o755 if os.stat(place.path).st_mode & stat.S_IXUSR else 0o644)  # noqa: PTH116 - a text
            os.utime(to, (epoch, epoch))
    # Last, as each file that is put into a folder moves the folder's time.
    for folder in folders:
        folder.chmod(0o755)
        os.utime(folder, (epoch, epoch))
    return other


@contextmanager
def static_source(project: Project, cache: Cache) -> Iterator[Path]:
    """The file that uv is to read the requirements from: the project's own, unless its back end must be asked.

    Back ends write into the folder that they are asked in, so they are asked in a copy.
    """
    path = project.lock.path
    if project.lock.kind is not LockKind.PYPROJECT or not _asks_the_back_end(path):
        yield path
        return
    with cache.directory("source") as folder:
        yield copy_source(path.parent, folder) / path.name


def _asks_the_back_end(pyproject: Path) -> bool:
    try:
        table = tomllib.loads(pyproject.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    project = table.get("project")
    return not isinstance(project, dict) or "dependencies" in project.get("dynamic", ())
