"""A zip writer that can also write what no honest zip writer would: lies, descriptors, zip64 for small files.

APPNOTE 6.3: local header 4.3.7, data descriptor 4.3.9, central directory 4.3.12, zip64 4.3.14 and 4.5.3.
"""

from __future__ import annotations

import stat
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Final

_DESCRIPTOR: Final = 0x0008
_UTF8: Final = 0x0800
_ENCRYPTED: Final = 0x0001
_NONE: Final = 0xFFFFFFFF
_DOS_1980: Final = (0, 0x0021)
"""Time and date of 1980-01-01 00:00, the oldest that a zip can hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A file of the zip. What is None is told as it is; what is set is told instead, true or not."""

    data: bytes = b""
    repeat: int = 1
    """The body is `data` this many times over: large members from little memory."""
    mode: int | None = 0o644
    """Permission bits. None: written as a DOS program would, without any."""
    kind: int = stat.S_IFREG
    """``stat.S_IFLNK`` for a symlink, whose target is `data`."""
    stored: bool | None = None
    """None: as the archive."""
    level: int = 6
    descriptor: bool | None = None
    """Sizes and CRC behind the body, zeros in front of it. None: as the archive."""
    zip64: bool | None = None
    """Sizes of 64 bits, needed or not. None: as the archive."""
    size: int | None = None
    crc: int | None = None
    method: int | None = None
    raw: bytes | None = None
    """The body as it stands in the file, instead of the compressed `data`."""
    encrypted: bool = False
    recorded: bool = True
    """Whether a wheel's RECORD lists it."""
    record: tuple[str, str] | None = None
    """Hash and size as RECORD gives them, instead of the true ones."""

    @property
    def content(self) -> bytes:
        return self.data * self.repeat

    @property
    def true_size(self) -> int:
        return len(self.data) * self.repeat


@dataclass(frozen=True, slots=True)
class _Told:
    """What the headers say about a member."""

    name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int
    zip64: bool
    system: int
    attributes: int


def write_zip(
    path: Path,
    members: Iterable[tuple[str, Member]],
    *,
    stored: bool = False,
    descriptors: bool = False,
    zip64: bool = False,
    prefix: bytes = b"",
    comment: bytes = b"",
) -> Path:
    """Write `members` to `path` in the order given; names are neither checked nor made unique."""
    told: list[_Told] = []
    with path.open("wb") as file:
        file.write(prefix)
        for name, member in members:
            told.append(_write_member(file, name, member, stored=stored, descriptors=descriptors, zip64=zip64))
        start = file.tell()
        for entry in told:
            file.write(_central(entry))
        _write_end(file, len(told), start, zip64=zip64, comment=comment)
    return path


def _write_member(file: BinaryIO, name: str, member: Member, *, stored: bool, descriptors: bool, zip64: bool) -> _Told:
    method = 0 if (stored if member.stored is None else member.stored) else 8
    descriptor = descriptors if member.descriptor is None else member.descriptor
    wide = zip64 if member.zip64 is None else member.zip64
    offset = file.tell()
    flags = (_DESCRIPTOR if descriptor else 0) | (0 if name.isascii() else _UTF8)
    flags |= _ENCRYPTED if member.encrypted else 0
    # A stream has nothing but zeros in front of the body; a file is told afterwards.
    begun = _Told(
        name=name.encode(),
        flags=flags,
        method=method if member.method is None else member.method,
        crc=0,
        packed=0,
        size=0,
        offset=offset,
        zip64=wide,
        system=0 if member.mode is None else 3,
        attributes=0 if member.mode is None else (member.kind | member.mode) << 16,
    )
    file.write(_local(begun))
    body = file.tell()
    crc = 0
    for chunk in _chunks(member):
        crc = zlib.crc32(chunk, crc)
    file.writelines(_packed(member, method))
    end = file.tell()
    told = replace(
        begun,
        crc=crc if member.crc is None else member.crc,
        packed=end - body,
        size=member.true_size if member.size is None else member.size,
    )
    if descriptor:
        file.write(struct.pack("<4sIQQ" if wide else "<4sIII", b"PK\x07\x08", told.crc, told.packed, told.size))
    else:
        file.seek(offset)
        file.write(_local(told))
        file.seek(end)
    return told


def _chunks(member: Member) -> Iterator[bytes]:
    for _ in range(member.repeat):
        yield member.data


def _packed(member: Member, method: int) -> Iterator[bytes]:
    if member.raw is not None:
        yield member.raw
    elif method == 0:
        yield from _chunks(member)
    else:
        compressor = zlib.compressobj(member.level, zlib.DEFLATED, -15)
        for chunk in _chunks(member):
            yield compressor.compress(chunk)
        yield compressor.flush()


def _local(told: _Told) -> bytes:
    extra = b""
    packed, size = told.packed, told.size
    if told.zip64:
        extra = struct.pack("<HHQQ", 1, 16, size, packed)
        packed = size = _NONE
    return (
        struct.pack(
            "<4sHHHHHIIIHH",
            b"PK\x03\x04",
            45 if told.zip64 else 20,
            told.flags,
            told.method,
            *_DOS_1980,
            told.crc,
            packed,
            size,
            len(told.name),
            len(extra),
        )
        + told.name
        + extra
    )


def _central(told: _Told) -> bytes:
    extra = b""
    packed, size, offset = told.packed, told.size, told.offset
    if told.zip64:
        extra = struct.pack("<HHQQQ", 1, 24, size, packed, offset)
        packed = size = offset = _NONE
    return (
        struct.pack(
            "<4sBBHHHHHIIIHHHHHII",
            b"PK\x01\x02",
            45 if told.zip64 else 20,
            told.system,
            45 if told.zip64 else 20,
            told.flags,
            told.method,
            *_DOS_1980,
            told.crc,
            packed,
            size,
            len(told.name),
            len(extra),
            0,
            0,
            0,
            told.attributes,
            offset,
        )
        + told.name
        + extra
    )


def _write_end(file: BinaryIO, count: int, start: int, *, zip64: bool, comment: bytes) -> None:
    end = file.tell()
    size = end - start
    if zip64:
        file.write(struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, start))
        file.write(struct.pack("<4sIQI", b"PK\x06\x07", 0, end, 1))
        count, size, start = 0xFFFF, _NONE, _NONE
    file.write(struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, count, count, size, start, len(comment)))
    file.write(comment)
