"""A clean copy of a project's files for its build back end, so that nothing is written into the user's folder and
nothing stale (``build/``, ``*.egg-info``) gets from there into the result.

Everything is copied, as a source distribution may hold anything, save for version control (see `source_git`),
virtual environments, caches, and what earlier builds left.
"""

from __future__ import annotations

import os
import shutil
import stat
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from paddlewheel.cache import Cache
from paddlewheel.errors import ProjectError
from paddlewheel.lock.source_git import attach, find_repository
from paddlewheel.project.model import LockKind, Project

EARLIEST: Final = 315532800
"""1980-01-01T00:00:00Z, the first time that a zip can hold."""

_LEFT_OUT: Final = frozenset(
    {
        ".git",
        ".hg",
        ".svn",
        ".bzr",
        "_darcs",
        "__pycache__",
        ".eggs",
        ".hypothesis",
        ".mypy_cache",
        ".nox",
        ".pytest_cache",
        ".ruff_cache",
        ".tox",
    }
)
_LEFTOVERS: Final = (".whl", ".tar.gz", ".tar", ".zip")
"""What builds leave in ``dist/``; anything else there may be the project's own."""


def copy_source(source: Path, folder: Path, *, epoch: int = EARLIEST) -> Path:
    """Copy the project in `source` into the empty `folder`; return where it is. Modes are 644 or 755, times `epoch`.

    When the project is in a git repository, the copy is a work tree of it for back ends that ask git for the version
    or the list of files. Raise `ProjectError` for files that cannot be read.
    """
    repository = find_repository(source.resolve())
    top = folder / "source"
    target = top / repository.prefix if repository else top
    target.parent.mkdir(parents=True, exist_ok=True)
    # A source distribution's egg-info lists the data files, which setuptools has no other way to know.
    copy = _Copy(root=source.resolve(), is_sdist=(source / "PKG-INFO").is_file(), epoch=epoch)
    try:
        copy.folder(copy.root, target, "")
    except PermissionError as error:
        raise ProjectError(
            f"{error.filename} cannot be read: {error.strerror}",
            hint="make it readable, or move it out of the project",
        ) from error
    if repository:
        attach(repository, top, copy.left_out)
    return target


@dataclass
class _Copy:
    root: Path
    is_sdist: bool
    epoch: int
    left_out: list[str] = field(default_factory=list)
    """Relative paths of what was passed over."""

    def folder(self, source: Path, target: Path, relative: str) -> None:
        target.mkdir(mode=0o755)
        with os.scandir(source) as found:
            entries = sorted(found, key=lambda entry: entry.name)
        for entry in entries:
            place, path = f"{relative}{entry.name}", Path(entry.path)
            if _is_left_out(entry, place, self.is_sdist):
                self.left_out.append(place)
            elif entry.is_dir(follow_symlinks=False):
                self.folder(path, target / entry.name, f"{place}/")
            elif entry.is_symlink():
                self.link(path, target / entry.name, f"{place}/")
            elif entry.is_file(follow_symlinks=False):
                self.file(path, target / entry.name)
        os.utime(target, (self.epoch, self.epoch))

    def link(self, source: Path, target: Path, relative: str) -> None:
        """A link inside the project stays a link; one that leads out of it would dangle: what it names is copied."""
        text = source.readlink()
        try:
            place = source.resolve()
        except (OSError, RuntimeError):  # a loop
            target.symlink_to(text)
            return
        if (place == self.root or self.root in place.parents) and not text.is_absolute():
            target.symlink_to(text)
        elif place.is_dir() and place not in self.root.parents:
            self.folder(place, target, relative)
        elif place.is_file():
            self.file(place, target)

    def file(self, source: Path, target: Path) -> None:
        shutil.copyfile(source, target)
        target.chmod(0o755 if source.stat().st_mode & stat.S_IXUSR else 0o644)
        os.utime(target, (self.epoch, self.epoch))


def _is_left_out(entry: os.DirEntry[str], relative: str, is_sdist: bool) -> bool:
    if entry.name in _LEFT_OUT:
        return True
    if entry.is_dir(follow_symlinks=False):
        if entry.name.endswith(".egg-info"):
            return not is_sdist
        return (Path(entry.path) / "pyvenv.cfg").is_file() or (relative == "build" and _is_stale(entry.path))
    if entry.name.endswith((".pyc", ".pyo")):
        return True
    return relative == f"dist/{entry.name}" and entry.name.endswith(_LEFTOVERS)


def _is_stale(build: str) -> bool:
    """Whether setuptools made this ``build`` folder. A package of that name is the project's own."""
    names = os.listdir(build)  # noqa: PTH208 - only the names are wanted
    return bool(names) and all(name == "lib" or name.startswith(("lib.", "bdist.", "temp.")) for name in names)


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
