"""Which files of a project its build back end sees: the one rule for the copy that it works in, and for whether
anything has changed.

Everything counts, as a source distribution may hold anything, save for version control, virtual environments, caches,
and what earlier builds left. Imported by builds in which nothing changed, so it imports little.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from paddlewheel.project.outputs import ARCHIVE_ENDING, is_archive, is_layout

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

Kind = Literal["folder", "file", "link", "left out"]


class Place(NamedTuple):
    """Something in the project's folder."""

    relative: str
    """Its path in the project, with ``/``."""
    path: str
    """Where it is: somewhere else than `relative` says when a link led there."""
    kind: Kind
    followed: bool = False
    """It is a link, and counts as the file or folder that it names."""


class _Folder(NamedTuple):
    """A folder that waits to be read. `path` is real, without links."""

    relative: str
    path: str
    in_package: bool
    """It is in a folder with ``__init__.py``, where an image can only be the package's own data."""
    via: tuple[str, ...]
    """The folders in which links were followed on the way to it."""


def walk(root: str) -> Iterator[Place]:
    """All places below `root`, a real path: folders before what is in them. A folder left out is not entered.

    A link inside the project stays a link; one that leads out of it, or is absolute, would dangle in a copy: it
    counts as the file or folder that it names. One that names a folder above itself does not count. Special files do
    not. Raise `OSError` for what cannot be read.
    """
    # A source distribution's egg-info lists the data files, which setuptools has no other way to know.
    is_sdist = os.path.isfile(f"{root}/PKG-INFO")  # noqa: PTH113 - a Path costs more
    waiting = [_Folder("", root, False, ())]
    while waiting:
        folder = waiting.pop()
        with os.scandir(folder.path) as found:
            entries = sorted(found, key=lambda entry: entry.name)
        in_package = folder.in_package or any(entry.name == "__init__.py" for entry in entries)
        for entry in entries:
            relative = f"{folder.relative}{entry.name}"
            if _is_left_out(entry, relative, is_sdist, in_package):
                yield Place(relative, entry.path, "left out")
            elif entry.is_dir(follow_symlinks=False):
                yield Place(relative, entry.path, "folder")
                waiting.append(_Folder(f"{relative}/", entry.path, in_package, folder.via))
            elif entry.is_symlink():
                place = _follow(root, folder, entry, relative)
                if place is not None:
                    yield place
                    if place.kind == "folder":
                        via = (*folder.via, folder.path)
                        waiting.append(_Folder(f"{relative}/", place.path, in_package, via))
            elif entry.is_file(follow_symlinks=False):
                yield Place(relative, entry.path, "file")


def _follow(root: str, folder: _Folder, entry: os.DirEntry[str], relative: str) -> Place | None:
    text = os.readlink(entry.path)  # noqa: PTH115 - the text as it is written
    try:
        real = os.path.realpath(entry.path, strict=True)
    except FileNotFoundError:
        real = os.path.realpath(entry.path)
    except OSError:  # a loop
        return Place(relative, entry.path, "link")
    if _is_within(real, root) and not text.startswith("/"):
        return Place(relative, entry.path, "link")
    if os.path.isdir(real):  # noqa: PTH112 - a Path costs more
        loops = any(_is_within(one, real) for one in (folder.path, *folder.via))
        return None if loops else Place(relative, real, "folder", followed=True)
    return Place(relative, real, "file", followed=True) if os.path.isfile(real) else None  # noqa: PTH113 - likewise


def _is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder.rstrip('/')}/")


def _is_left_out(entry: os.DirEntry[str], relative: str, is_sdist: bool, in_package: bool) -> bool:
    name = entry.name
    if name in _LEFT_OUT:
        return True
    if entry.is_dir(follow_symlinks=False):
        if name.endswith(".egg-info"):
            return not is_sdist
        return (
            os.path.isfile(f"{entry.path}/pyvenv.cfg")  # noqa: PTH113 - a Path costs more
            or (relative == "build" and _is_stale(entry.path))
            or (not in_package and is_layout(entry.path))
        )
    if name.endswith((".pyc", ".pyo")):
        return True
    if name.endswith(_LEFTOVERS) and relative == f"dist/{name}":
        return True
    return name.endswith(ARCHIVE_ENDING) and not in_package and entry.is_file() and is_archive(entry.path)


def _is_stale(build: str) -> bool:
    """Whether setuptools made this ``build`` folder. A package of that name is the project's own."""
    names = os.listdir(build)  # noqa: PTH208 - only the names are wanted
    return bool(names) and all(name == "lib" or name.startswith(("lib.", "bdist.", "temp.")) for name in names)
