"""The image's `User` in numbers, looked up in the image's own /etc/passwd and /etc/group, as Docker does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from paddlewheel.errors import ImageError
from paddlewheel.sandbox.tree import find

_LIMIT = 1 << 32


@dataclass(frozen=True, slots=True)
class User:
    """Numbers for the kernel, and the home directory (``/`` for a number without an entry)."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()
    home: str = "/"


def resolve(user: str, layers: Sequence[Path]) -> User:
    """`user` as in an image's config: empty (root), ``name``, ``65532``, ``name:group`` or ``1000:1000``.

    Without a group, the primary one of /etc/passwd counts (0 for a number that is not there), and the supplementary
    ones of /etc/group. Raise `ImageError` for a name that the image does not know.
    """
    name, colon, group = user.partition(":")
    entry = _passwd_entry(layers, name or "0")
    if entry is None and not _is_number(name):
        raise ImageError(
            f"the image is to run as {name!r}, which its /etc/passwd does not know",
            hint="set `user` to a number, or to a user of the image (distroless: root, nobody, nonroot)",
        )
    uid = int(entry[2]) if entry else int(name)
    home = entry[5] if entry and entry[5] else "/"
    if colon and group:
        return User(uid, _group_number(layers, group), (), home)
    gid = int(entry[3]) if entry else 0
    groups = _supplementary(layers, entry[0]) if entry else ()
    return User(uid, gid, tuple(number for number in groups if number != gid), home)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and int(text) < _LIMIT


def _lines(layers: Sequence[Path], path: str, fields: int) -> list[list[str]]:
    """The valid lines of a file like /etc/passwd, split at the colons."""
    place = find(layers, path)
    if place is None or not place.is_file():
        return []
    rows = (line.split(":") for line in place.read_text(errors="replace").splitlines())
    return [row for row in rows if len(row) >= fields and _is_number(row[2])]


def _passwd_entry(layers: Sequence[Path], name: str) -> list[str] | None:
    rows = [row for row in _lines(layers, "/etc/passwd", 6) if _is_number(row[3])]
    for row in rows:
        if row[0] == name:
            return row
    if _is_number(name):
        for row in rows:
            if int(row[2]) == int(name):
                return row
        # Root exists without an entry too.
        return ["root", "x", "0", "0", "", "/root"] if int(name) == 0 else None
    return ["root", "x", "0", "0", "", "/root"] if name == "root" else None


def _group_number(layers: Sequence[Path], group: str) -> int:
    if _is_number(group):
        return int(group)
    for row in _lines(layers, "/etc/group", 4):
        if row[0] == group:
            return int(row[2])
    raise ImageError(
        f"the image is to run with group {group!r}, which its /etc/group does not know",
        hint="set the group to a number",
    )


def _supplementary(layers: Sequence[Path], name: str) -> tuple[int, ...]:
    rows = _lines(layers, "/etc/group", 4)
    return tuple(sorted({int(row[2]) for row in rows if name in row[3].split(",")}))
