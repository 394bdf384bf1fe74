"""Reading single files of an image from its unpacked layers, without mounting them."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

_OPAQUE = "user.overlay.opaque"
_MAX_LINKS = 40


def is_whiteout(about: os.stat_result) -> bool:
    """Whether an entry of a layer says that the name does not exist: a character device 0:0."""
    return stat.S_ISCHR(about.st_mode) and about.st_rdev == 0


def is_opaque(folder: str | Path) -> bool:
    """Whether a folder of a layer hides what lower layers have in it."""
    try:
        return os.getxattr(folder, _OPAQUE) == b"y"
    except OSError:
        return False


def find(layers: Sequence[Path], path: str) -> Path | None:
    """Where the image's `path` (absolute) lies among `layers`, lowest first; links are followed. None: nowhere."""
    left = _names(path)
    done: list[str] = []
    links = 0
    place: Path | None = None
    while left:
        name = left.pop()
        if name == "..":
            done = done[:-1]
            continue
        place = _topmost(layers, [*done, name])
        if place is None:
            return None
        if not place.is_symlink():
            done.append(name)
            continue
        links += 1
        if links > _MAX_LINKS:
            return None
        target = str(place.readlink())
        if target.startswith("/"):
            done = []
        left += _names(target)
    return _topmost(layers, done) if done else place


def _names(path: str) -> list[str]:
    return [name for name in reversed(path.split("/")) if name not in ("", ".")]


def _topmost(layers: Sequence[Path], names: Sequence[str]) -> Path | None:
    """The highest layer's entry for a path whose folders are no links."""
    for layer in reversed(layers):
        place, hidden = layer, False
        for number, name in enumerate(names):
            hidden = hidden or is_opaque(place)
            place = place / name
            try:
                about = place.lstat()
            except OSError:
                break
            last = number == len(names) - 1
            if is_whiteout(about) or not (last or stat.S_ISDIR(about.st_mode)):
                return None
            if last:
                return place
        if hidden:
            return None
    return None
