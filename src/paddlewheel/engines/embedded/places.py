"""Where paths of the settings lie in a composed base: behind its links, with the owners and modes that it gives.

A layer that holds a path also holds its parents, and what it says of them replaces what the base says: a volume
/tmp/cache must not take /tmp from everybody, nor /var/run/app turn the link /var/run into a folder.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from paddlewheel.debian.compose import Composed
from paddlewheel.errors import SettingsError
from paddlewheel.image.tar import Entry

_MODE: Final = 0o755
_WORLD: Final = 0o002
_MOST_LINKS: Final = 40


@dataclass(frozen=True)
class Places:
    """The base's folders, files and links, by relative path."""

    directories: frozenset[str]
    files: frozenset[str]
    symlinks: Mapping[str, str]
    special: Mapping[str, tuple[int, int, int]]

    @classmethod
    def of(cls, composed: Composed) -> Places:
        return cls(frozenset(composed.directories), frozenset(composed.files), composed.symlinks, composed.special)

    def resolve(self, path: str, setting: str) -> str:
        """The relative path that `path`, absolute, leads to. Raise `SettingsError` where it is, or is below, a file."""
        done: list[str] = []
        todo = [part for part in path.split("/") if part and part != "."]
        links = 0
        while todo:
            part = todo.pop(0)
            if part == "..":
                done[-1:] = []
                continue
            done.append(part)
            here = "/".join(done)
            target = self.symlinks.get(here)
            if target is not None:
                links += 1
                if links > _MOST_LINKS:
                    raise SettingsError(f"{setting}: {path} leads through links without end")
                done = [] if posixpath.isabs(target) else done[:-1]
                todo = [part for part in target.split("/") if part and part != "."] + todo
            elif here in self.files:
                raise SettingsError(
                    f"{setting}: /{here} is a file in the image, not a folder", hint="name another folder"
                )
        return "/".join(done)

    def folder(self, path: str, owner: tuple[int, int] = (0, 0)) -> Entry:
        """The entry of a folder that the settings ask for. What everybody may write already stays as it is."""
        mode, uid, gid = self.special.get(path, (_MODE, 0, 0))
        if mode & _WORLD:
            return Entry(path, kind="dir", mode=mode, uid=uid, gid=gid)
        return Entry(path, kind="dir", mode=mode, uid=owner[0], gid=owner[1])

    def parents(self, paths: Iterable[str], owned: Mapping[str, Entry]) -> dict[str, Entry]:
        """The folders above `paths`, as the base has them; below a folder of `owned`, with its owner."""
        found: dict[str, Entry] = {}
        for path in paths:
            parent = posixpath.dirname(path)
            while parent and parent not in found:
                found[parent] = owned.get(parent) or self._parent(parent, owned)
                parent = posixpath.dirname(parent)
        return found

    def _parent(self, path: str, owned: Mapping[str, Entry]) -> Entry:
        if path not in self.directories:
            above = nearest(path, owned)
            if above is not None:
                return Entry(path, kind="dir", mode=_MODE, uid=above.uid, gid=above.gid)
        mode, uid, gid = self.special.get(path, (_MODE, 0, 0))
        return Entry(path, kind="dir", mode=mode, uid=uid, gid=gid)


def nearest(path: str, owned: Mapping[str, Entry]) -> Entry | None:
    """The closest folder of `owned` that `path` is below or at."""
    while path:
        if path in owned:
            return owned[path]
        path = posixpath.dirname(path)
    return None
