"""Writing a layer: a tar stream as a sequence of gzip members, both digests computed on the way.

RFC 1952 allows a gzip file to be several members, and every reader of image layers accepts it. That lets a body
which already is a raw deflate stream, as every file in a wheel is, be copied as a member of its own, while what
lies between two such bodies (padding, headers, small files) is compressed into members of this writer's making.
libdeflate does that, because its output depends on nothing but its input and level.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO, Final

from deflate import deflate_compress
from isal.isal_zlib import crc32

from paddlewheel.image.model import OCI_LAYER_GZIP, Descriptor
from paddlewheel.image.squeeze import squeeze, squeeze_header
from paddlewheel.image.tar import BLOCK, NAME, PLAIN_END, TRAILER, Entry, file_fields, header, padding

Data = bytes | bytearray | memoryview

GZIP_HEADER: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""Deflate, no name, no time, no flags, unknown operating system."""

_MEMBER: Final = 1 << 20
"""Plain bytes are cut into members of this size, so that memory stays bounded."""

_ZEROS: Final = bytes(BLOCK)
GZIP_TAIL: Final = struct.Struct("<II")
"""The end of a member: CRC-32 and size of what was compressed."""

_HEADERS: Final = 1535
"""A member up to this size is padding and a header, and nothing that would be worth a real compressor."""

_HASH: Final = 1 << 15
"""Smaller pieces are gathered to be hashed together. For each piece by itself the interpreter's lock would be let go
and taken again, and where several threads write layers, they would spend much of their time handing it over."""

_WRITE: Final = 1 << 18
"""Output is hashed and written in pieces of about this size, while it still is in the processor's cache."""


@dataclass(frozen=True, slots=True)
class WrittenLayer:
    """A finished layer: blob digest and size, DiffID, bytes of the uncompressed tar, number of entries."""

    digest: str
    size: int
    diff_id: str
    unpacked: int
    entries: int

    def descriptor(self, annotations: dict[str, str] | None = None) -> Descriptor:
        return Descriptor(media_type=OCI_LAYER_GZIP, digest=self.digest, size=self.size, annotations=annotations or {})


class LayerWriter:
    """Write entries in the order given, then `close`. `level` is libdeflate's, 1 to 12.

    The caller keeps the order of entries and their uniqueness; this class keeps the format.
    """

    def __init__(self, sink: BinaryIO, *, level: int = 9) -> None:
        self._sink = sink
        self._level = level
        self._blob = hashlib.sha256()
        self._diff = hashlib.sha256()
        self._pending = bytearray()
        self._gap = 0
        """Bytes of padding after the last body, if nothing is pending yet."""
        self._unhashed: list[Data] = []
        self._unhashed_size = 0
        self._out: list[Data] = []
        self._out_size = 0
        self._size = 0
        self._unpacked = 0
        self._entries = 0

    def add(self, entry: Entry, data: Data = b"") -> None:
        """Add an entry, compressing its `data` here. `entry.size` must be ``len(data)``."""
        if entry.kind == "file" and entry.size != len(data):
            raise ValueError(f"{entry.path}: {len(data)} bytes for a size of {entry.size}")
        self._entries += 1
        self._plain(header(entry))
        if data:
            self._plain(data)
            self._plain(padding(len(data)))

    def add_stream(self, entry: Entry, chunks: Iterable[Data]) -> None:
        """As `add`, for a body that comes in pieces."""
        self._entries += 1
        self._plain(header(entry))
        left = entry.size
        for chunk in chunks:
            left -= len(chunk)
            if left < 0:
                break
            self._plain(chunk)
        if left:
            raise ValueError(f"{entry.path}: body is not {entry.size} bytes long")
        self._plain(padding(entry.size))

    def splice(self, entry: Entry, crc: int, raw: Data, inflated: Data) -> None:
        """Add a file whose body is the raw deflate stream `raw`, copied. `inflated` is only hashed.

        The caller has checked that `raw` is one whole stream whose content has this CRC. Neither may change until
        `close`. Raise `ValueError` when `inflated` is not ``entry.size`` bytes long.
        """
        size = entry.size
        if len(inflated) != size:
            raise ValueError(f"{entry.path}: {len(inflated)} bytes for a size of {size}")
        self._header(entry)
        self._hash(inflated)
        self._unpacked += size
        self._write(GZIP_HEADER, raw, GZIP_TAIL.pack(crc, size & 0xFFFFFFFF))
        self._gap = -size % BLOCK

    def splice_stream(self, entry: Entry, crc: int, pieces: Iterable[tuple[Data, Data]]) -> None:
        """As `splice`, for a body that comes in (raw, inflated) pieces. What `pieces` raises passes through."""
        self._header(entry)
        self._write(GZIP_HEADER)
        size = 0
        for raw, inflated in pieces:
            self._hash(inflated)
            size += len(inflated)
            if raw:
                self._write(raw)
        if size != entry.size:
            raise ValueError(f"{entry.path}: {size} bytes for a size of {entry.size}")
        self._unpacked += size
        self._write(GZIP_TAIL.pack(crc, size & 0xFFFFFFFF))
        self._gap = -size % BLOCK

    def close(self) -> WrittenLayer:
        """Write the trailer and flush. The sink stays open."""
        self._plain(TRAILER)
        self._flush()
        self._hash_gathered()
        self._drain()
        self._sink.flush()
        return WrittenLayer(
            digest="sha256:" + self._blob.hexdigest(),
            size=self._size,
            diff_id="sha256:" + self._diff.hexdigest(),
            unpacked=self._unpacked,
            entries=self._entries,
        )

    def _header(self, entry: Entry) -> None:
        """Write the header of a file whose body is spliced, in a member with what comes before it."""
        self._entries += 1
        fields = None if self._pending else file_fields(entry)
        if fields is None:
            self._close_gap()
            self._pending += header(entry)
            self._flush()
            return
        gap = self._gap
        plain = b"%b%b%b%b" % (_ZEROS[:gap], fields[0].ljust(NAME, b"\0"), fields[1], PLAIN_END)
        self._hash(plain)
        self._unpacked += len(plain)
        self._write(GZIP_HEADER, squeeze_header(gap, *fields), GZIP_TAIL.pack(crc32(plain), len(plain)))

    def _close_gap(self) -> None:
        if self._gap:
            self._pending += _ZEROS[: self._gap]
            self._gap = 0

    def _plain(self, data: Data) -> None:
        self._close_gap()
        room = _MEMBER - len(self._pending)
        if len(data) < room:
            self._pending += data
            return
        # Cut through a view, so that a large body is not copied into `_pending` as a whole.
        view = memoryview(data)
        self._pending += view[:room]
        self._flush()
        start = room
        while len(view) - start >= _MEMBER:
            self._member(bytearray(view[start : start + _MEMBER]))
            start += _MEMBER
        self._pending += view[start:]

    def _flush(self) -> None:
        if self._pending:
            self._member(self._pending)
            # A new one, because a view of the old may still be on its way.
            self._pending = bytearray()

    def _member(self, data: bytearray) -> None:
        """Compress `data` into one member."""
        size = len(data)
        self._hash(data)
        self._unpacked += size
        # Below the limit stands a lone header, mostly; libdeflate's set-up would cost more than its compression.
        body = squeeze(data) if size <= _HEADERS and data.isascii() else deflate_compress(data, self._level)
        self._write(GZIP_HEADER, body, GZIP_TAIL.pack(crc32(data), size))

    def _hash(self, data: Data) -> None:
        if len(data) < _HASH:
            self._unhashed.append(data)
            self._unhashed_size += len(data)
            if self._unhashed_size < _HASH:
                return
            data = b""
        self._hash_gathered()
        self._diff.update(data)

    def _hash_gathered(self) -> None:
        self._diff.update(b"".join(self._unhashed))
        self._unhashed.clear()
        self._unhashed_size = 0

    def _write(self, *pieces: Data) -> None:
        self._out += pieces
        for piece in pieces:
            self._out_size += len(piece)
        if self._out_size >= _WRITE:
            self._drain()

    def _drain(self) -> None:
        small: list[Data] = []
        for piece in self._out:
            if len(piece) < _WRITE:
                small.append(piece)
                continue
            self._emit(b"".join(small))
            small.clear()
            self._emit(piece)
        self._emit(b"".join(small))
        self._out.clear()
        self._out_size = 0

    def _emit(self, data: Data) -> None:
        self._size += len(data)
        self._blob.update(data)
        self._sink.write(data)
