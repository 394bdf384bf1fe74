"""Where a file's bytes lie: a `Member` of a zip or pack on disk, already deflated, or bytes made here.

A member's compressed bytes are copied into a layer as they are; they are inflated once, to hash them and to check
size and CRC. Files are read with `pread`, not mapped: touched pages of a mapping count as this process's memory,
and a wheel of a gigabyte must not.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from deflate import DeflateError, gzip_decompress
from isal import isal_zlib
from isal.isal_zlib import crc32, decompressobj

from paddlewheel.errors import ProjectError, StorageError, WheelError
from paddlewheel.image.layer import GZIP_HEADER, GZIP_TAIL, Data, LayerWriter
from paddlewheel.image.tar import Entry

STORED: Final = 0
DEFLATED: Final = 8

_TINY: Final = 1 << 16
"""Members up to this size are inflated by libdeflate, which is quicker but cannot go piece by piece. It also keeps
the interpreter's lock, which for so little other threads do not notice."""

SMALL: Final = 1 << 20
"""Members up to this size, on both sides, are handled in one piece."""

_CHUNK: Final = 1 << 18
"""Larger ones go through in pieces of this size, on both sides: they stay in the processor's cache until they are
hashed, and the allocator hands out the same memory again instead of asking the kernel for fresh pages."""

# Typed as an exception's instance in the library's stub.
_InflateError: type[Exception] = isal_zlib.error  # type: ignore[assignment]


# Named tuples where one is made for each file of a wheel: a frozen dataclass takes three times as long.
class Member(NamedTuple):
    """A file inside a container on disk. `offset` is that of its first data byte; sizes in bytes."""

    name: str
    method: int
    crc: int
    size: int
    compressed: int
    offset: int

    @property
    def is_small(self) -> bool:
        return self.compressed <= SMALL and self.size <= SMALL


class Container:
    """An open zip or pack. `label` names it in errors. Use as a context manager; reads are thread-safe."""

    def __init__(self, path: os.PathLike[str], label: str) -> None:
        self.label = label
        try:
            self._handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise StorageError(
                f"{label} is not in the cache any more",
                hint="build again; do not prune the whole cache while something is built",
            ) from error

    def __enter__(self) -> Container:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._handle)

    @property
    def size(self) -> int:
        return os.fstat(self._handle).st_size

    def pread(self, length: int, offset: int) -> bytes:
        """Exactly `length` bytes. Raise `WheelError` at the end of the file."""
        data = os.pread(self._handle, length, offset)
        while len(data) < length:
            more = os.pread(self._handle, length - len(data), offset + len(data))
            if not more:
                raise WheelError(f"{self.label} ends before its own index says", hint=_DOWNLOAD_AGAIN)
            data += more
        return data

    def read(self, member: Member) -> bytes:
        """The member's inflated bytes, checked. For small members: it holds all of them."""
        return b"".join(inflated for _, inflated in self.pieces(member))

    def read_start(self, member: Member, length: int) -> bytes:
        """The first `length` inflated bytes at most, unchecked: to decide by."""
        raw = self.pread(min(member.compressed, 4096), member.offset)
        if member.method == STORED:
            return raw[:length]
        try:
            return decompressobj(wbits=-15).decompress(raw, length)
        except _InflateError as error:
            raise self._wrong(member) from error

    def whole(self, member: Member) -> tuple[bytes, Data]:
        """A small member's raw and inflated bytes, checked."""
        raw = self.pread(member.compressed, member.offset)
        if 0 < member.size <= _TINY and member.method == DEFLATED:
            tiny = _inflate_tiny(raw, member.crc, member.size)
            if tiny is not None:
                return raw, tiny
        inflated = self._inflate(member, raw)
        if len(inflated) != member.size or crc32(inflated) != member.crc:
            raise self._wrong(member)
        return raw, inflated

    def pieces(self, member: Member) -> Iterator[tuple[bytes, Data]]:
        """The member as (raw, inflated) pieces, checked against its size and CRC by the time it ends.

        Inflating stops at the first byte more than the declared size, so that a bomb does no harm.
        """
        if member.is_small:
            yield self.whole(member)
            return
        crc = size = 0
        for raw, inflated in self._stream(member):
            size += len(inflated)
            if size > member.size:
                raise self._wrong(member)
            crc = crc32(inflated, crc)
            yield raw, inflated
        if size != member.size or crc != member.crc:
            raise self._wrong(member)

    def _inflate(self, member: Member, raw: bytes) -> bytes:
        if member.method == STORED:
            return raw
        inflater = decompressobj(wbits=-15)
        try:
            inflated = inflater.decompress(raw, member.size + 1)
            if not inflater.eof and len(inflated) <= member.size:
                inflated += inflater.flush()
        except _InflateError as error:
            raise self._wrong(member) from error
        if not inflater.eof or inflater.unused_data:
            raise self._wrong(member)
        return inflated

    def _stream(self, member: Member) -> Iterator[tuple[bytes, bytes]]:
        left, offset = member.compressed, member.offset
        inflater = decompressobj(wbits=-15)
        stored = member.method == STORED
        while left:
            raw = self.pread(min(_CHUNK, left), offset)
            left -= len(raw)
            offset += len(raw)
            if stored:
                yield raw, raw
                continue
            data, shown = raw, raw
            while data:
                try:
                    inflated = inflater.decompress(data, _CHUNK)
                except _InflateError as error:
                    raise self._wrong(member) from error
                if inflater.unused_data or (inflater.eof and left):
                    raise self._wrong(member)
                yield shown, inflated
                shown, data = b"", inflater.unconsumed_tail
        while not stored and not inflater.eof:
            # The input is used up, but output may wait inside.
            inflated = inflater.decompress(b"", _CHUNK)
            if not inflated and not inflater.eof:
                raise self._wrong(member)
            yield b"", inflated

    def _wrong(self, member: Member) -> WheelError:
        return WheelError(
            f"{self.label}: {member.name} does not inflate to the size and CRC that the index gives for it",
            hint=_DOWNLOAD_AGAIN,
        )


_DOWNLOAD_AGAIN = (
    "the file is damaged or was made to mislead; run `paddlewheel cache prune --all` and build again, "
    "and report it to the package's authors if it stays"
)


def _inflate_tiny(raw: bytes, crc: int, size: int) -> bytearray | None:
    """`raw` inflated, as a gzip member that ends with CRC and size. None where it is not that; then the other way
    finds out what is wrong.
    """
    tail = GZIP_TAIL.pack(crc, size)
    member = b"".join((GZIP_HEADER, raw, tail))
    if member.index(tail, len(GZIP_HEADER)) != len(member) - len(tail):
        # A stream that ends before that would be taken, and what follows it copied.
        return None
    try:
        inflated: bytearray = gzip_decompress(member, size)
    except DeflateError:
        return None
    return inflated if len(inflated) == size else None


class Piece(NamedTuple):
    """One file to be installed: its place in the image, its mode, and its bytes, here or in a container."""

    path: str
    mode: int
    size: int
    crc: int
    data: bytes | None = None
    member: Member | None = None
    container: int = 0
    """Which of the layer's containers `member` is in."""
    file: Path | None = None
    """A file of this machine, read when it is written; its size and CRC must not have changed by then."""


def write_piece(writer: LayerWriter, piece: Piece, containers: list[Container], *, splice: bool = True) -> None:
    """Add one piece to a layer. With `splice` False a deflated member is compressed anew.

    A wheel that was built here was compressed by whatever zlib this machine's Python has; its bytes must not reach
    a layer, or digests would differ between machines.
    """
    entry = Entry(piece.path, mode=piece.mode, size=piece.size)
    member = piece.member
    if piece.file is not None:
        writer.add_stream(entry, _file_chunks(piece, piece.file))
        return
    if member is None:
        writer.add(entry, piece.data or b"")
        return
    container = containers[piece.container]
    if member.method == STORED or not splice or member.size == 0:
        writer.add_stream(entry, (inflated for _, inflated in container.pieces(member)))
    elif member.is_small:
        raw, inflated = container.whole(member)
        writer.splice(entry, member.crc, raw, inflated)
    else:
        writer.splice_stream(entry, member.crc, container.pieces(member))


def _file_chunks(piece: Piece, path: Path) -> Iterator[bytes]:
    crc = size = 0
    with path.open("rb") as file:
        while chunk := file.read(min(SMALL, piece.size + 1 - size)):
            size += len(chunk)
            crc = crc32(chunk, crc)
            if size > piece.size:
                break
            yield chunk
    if size != piece.size or crc != piece.crc:
        raise changed(path)


def changed(path: Path) -> ProjectError:
    """The error for a file of the project that is not what it was a moment ago."""
    return ProjectError(f"{path} changed while it was read", hint="build again when nothing writes to it")
