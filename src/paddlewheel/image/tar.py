"""Tar headers, byte for byte the same everywhere: POSIX ustar, with a pax header only where ustar cannot say it.

Source: POSIX.1-2017, pax, "ustar Interchange Format". Python's `tarfile` is not used for writing because its
choice of extensions has changed between versions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

Kind = Literal["file", "dir", "symlink", "hardlink"]

BLOCK: Final = 512
TRAILER: Final = b"\0" * 1024
EPOCH: Final = 315532800
"""1980-01-01T00:00:00Z, the time of every file in a layer: the earliest that a zip can hold."""

NAME: Final = 100
"""Bytes that a header has for the name."""
PLAIN_END: Final = b"%bustar\x0000%b0000000\x000000000\0%b" % (bytes(100), bytes(64), bytes(155 + 12))
"""How the header of a file or folder of root's ends: no link, no names of owners, no devices, no prefix."""

_TYPES: Final[dict[Kind, bytes]] = {"file": b"0", "hardlink": b"1", "symlink": b"2", "dir": b"5"}
_MAX_OCTAL_SIZE: Final = 0o77777777777
_MAX_ID: Final = 0o7777777


@dataclass(frozen=True, slots=True)
class Entry:
    """One member of a layer. `path` is relative, with ``/`` between names and none at the end or start.

    `size` counts for files alone; `target` is a symlink's text or, for a hard link, a path in the same layer.
    """

    path: str
    kind: Kind = "file"
    mode: int = 0o644
    size: int = 0
    target: str = ""
    uid: int = 0
    gid: int = 0
    mtime: int = EPOCH


def padding(size: int) -> bytes:
    """The zero bytes that bring a body of `size` bytes to a full block."""
    return bytes(-size % BLOCK)


def header(entry: Entry) -> bytes:
    """The header of `entry`: 512 bytes, or 1536 and more when a pax header must go before it.

    Bytes that are no UTF-8 are written as they are where `path` or `target` has them by "surrogateescape". Raise
    `ValueError` for an empty path, for a NUL, at which a reader would cut the name off, and for a negative number.
    """
    name = entry.path + "/" if entry.kind == "dir" else entry.path
    size = entry.size if entry.kind == "file" else 0
    if not entry.path or "\0" in name or "\0" in entry.target:
        raise ValueError(f"{name!r} -> {entry.target!r}: a name is empty or has a NUL")
    if size < 0 or entry.uid < 0 or entry.gid < 0 or not 0 <= entry.mtime <= _MAX_OCTAL_SIZE:
        raise ValueError(f"{name!r}: a number is out of range")
    if len(name) <= NAME and name.isascii() and not (entry.target or entry.uid or entry.gid) and size < _MAX_OCTAL_SIZE:
        encoded = name.encode()
        fields = _plain_fields(encoded, entry.kind, entry.mode, size, entry.mtime)
        return b"%b%b%b" % (encoded.ljust(NAME, b"\0"), fields, PLAIN_END)
    pax: dict[str, str] = {}
    prefix = ""
    if not name.isascii():
        pax["path"] = name
    elif len(name) > 100:
        split = _split(name)
        if split is None:
            pax["path"] = name
        else:
            prefix, name = split
    if not entry.target.isascii() or len(entry.target) > 100:
        pax["linkpath"] = entry.target
    if size > _MAX_OCTAL_SIZE:
        pax["size"] = str(size)
    if entry.uid > _MAX_ID:
        pax["uid"] = str(entry.uid)
    if entry.gid > _MAX_ID:
        pax["gid"] = str(entry.gid)
    block = _block(name, entry, size, _TYPES[entry.kind], prefix)
    if not pax:
        return block
    records = b"".join(_record(key, value) for key, value in sorted(pax.items()))
    lead = _block("././@PaxHeader", Entry("", mtime=entry.mtime), len(records), b"x", "")
    return lead + records + padding(len(records)) + block


def file_fields(entry: Entry) -> tuple[bytes, bytes] | None:
    """The header of the usual file in parts: its name, and what follows the name's `NAME` bytes; after that comes
    `PLAIN_END`. None for an entry that is not a file, or needs more than a plain header.
    """
    name, size = entry.path, entry.size
    if entry.kind != "file" or not 0 < len(name) <= NAME or not name.isascii() or "\0" in name:
        return None
    if entry.target or entry.uid or entry.gid or not 0 <= size < _MAX_OCTAL_SIZE:
        return None
    if not 0 <= entry.mtime <= _MAX_OCTAL_SIZE:
        return None
    encoded = name.encode()
    return encoded, _plain_fields(encoded, "file", entry.mode, size, entry.mtime)


def _plain_fields(name: bytes, kind: Kind, mode: int, size: int, mtime: int) -> bytes:
    """Of `_block` for the usual entry what depends on it. All but the size and the checksum is made once and kept."""
    middle, time, checksum = _frame(kind, mode, mtime)
    length = b"%011o\0" % size
    return b"%b%b%b%06o\0 %b" % (middle, length, time, checksum + sum(name) + sum(length), _TYPES[kind])


@lru_cache(maxsize=64)
def _frame(kind: Kind, mode: int, mtime: int) -> tuple[bytes, bytes, int]:
    block = _block("", Entry("", mode=mode, mtime=mtime), 0, _TYPES[kind], "")
    middle, time, tail = block[NAME:124], block[136:148], block[156:]
    return middle, time, sum(middle) + sum(time) + sum(tail) + 8 * 32


def _split(name: str) -> tuple[str, str] | None:
    """Split a long name at a slash into a prefix of at most 155 bytes and a name of at most 100."""
    if len(name) > 256:
        return None
    cut = name.rfind("/", 0, 156)
    # A directory's own trailing slash must not become an empty name.
    if cut == len(name) - 1:
        cut = name.rfind("/", 0, cut)
    if cut <= 0 or len(name) - cut - 1 > 100:
        return None
    return name[:cut], name[cut + 1 :]


def _block(name: str, entry: Entry, size: int, kind: bytes, prefix: str) -> bytes:
    head = b"%b%07o\0%07o\0%07o\0%011o\0%011o\0" % (
        _text(name, 100),
        entry.mode & 0o7777,
        min(entry.uid, _MAX_ID),
        min(entry.gid, _MAX_ID),
        min(size, _MAX_OCTAL_SIZE),
        entry.mtime,
    )
    tail = b"%b%bustar\x0000%b0000000\x000000000\0%b" % (kind, _text(entry.target, 100), bytes(64), _text(prefix, 155))
    # The checksum field counts as eight spaces.
    checksum = sum(head) + sum(tail) + 8 * 32
    return b"%b%06o\0 %b%b" % (head, checksum, tail, bytes(12))


def _text(text: str, width: int) -> bytes:
    return text.encode("ascii", "replace")[:width].ljust(width, b"\0")


def _record(key: str, value: str) -> bytes:
    """A pax record, whose leading number is the length of the whole record, itself included."""
    body = b" %b=%b\n" % (key.encode(), value.encode("utf-8", "surrogateescape"))
    length = len(body)
    while len(str(length)) + len(body) != length:
        length = len(str(length)) + len(body)
    return str(length).encode() + body
