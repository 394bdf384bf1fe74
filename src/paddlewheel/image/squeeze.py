"""A deflate encoder for tar headers alone: short ASCII text between long runs of zeros.

A layer of spliced files has a member for each header. A general compressor first clears tables of a hundred
kilobytes, which costs more than a header does; this one has none. It writes one block with the fixed Huffman codes
(RFC 1951, 3.2.6), where every byte below 144 is a literal of eight bits, and only runs of zeros become matches.
The result is about thirty bytes longer than libdeflate's.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from paddlewheel.image.tar import NAME, PLAIN_END

_LITERALS: Final = bytes(int(f"{0x30 + byte:08b}"[::-1], 2) if byte < 144 else 0 for byte in range(256))
"""Byte -> its code, whose bits go into the stream in reverse order."""

_SHORTEST: Final = 5
_RUN: Final = re.compile(b"(\\0{%d,})" % _SHORTEST)
_LONGEST: Final = 258

_LENGTHS: Final = (
    [(3 + n, 257 + n, 0) for n in range(8)]
    + [(11 + 2 * n, 265 + n, 1) for n in range(4)]
    + [(19 + 4 * n, 269 + n, 2) for n in range(4)]
    + [(35 + 8 * n, 273 + n, 3) for n in range(4)]
    + [(67 + 16 * n, 277 + n, 4) for n in range(4)]
    + [(131 + 32 * n, 281 + n, 5) for n in range(4)]
    + [(258, 285, 0)]
)
"""Shortest length, symbol, and number of extra bits: the table of RFC 1951, 3.2.5."""


def squeeze(data: bytes | bytearray) -> bytes:
    """`data`, whose bytes are all ASCII, as a raw deflate stream."""
    # The final block, of the kind with fixed codes: bits 1, 1, 0.
    stream, bits = 0b011, 3
    for number, piece in enumerate(_RUN.split(data)):
        if number % 2:
            code, width = _run(len(piece))
        else:
            code, width = int.from_bytes(piece.translate(_LITERALS), "little"), 8 * len(piece)
        stream |= code << bits
        bits += width
    # The symbol that ends a block is seven zeros.
    return stream.to_bytes((bits + 14) // 8, "little")


def squeeze_header(gap: int, name: bytes, fields: bytes) -> bytes:
    """``squeeze(bytes(gap) + header)``, for the header of a file with the parts that `tar.file_fields` gives."""
    stream, bits = _start(gap)
    stream |= int.from_bytes(name.translate(_LITERALS), "little") << bits
    bits += 8 * len(name)
    code, width = _zeros(NAME - len(name))
    stream |= code << bits
    bits += width
    stream |= int.from_bytes(fields.translate(_LITERALS), "little") << bits
    bits += 8 * len(fields)
    code, width = _end()
    stream |= code << bits
    return stream.to_bytes((bits + width + 7) // 8, "little")


@cache
def _start(gap: int) -> tuple[int, int]:
    code, width = _zeros(gap)
    return 0b011 | code << 3, 3 + width


@cache
def _end() -> tuple[int, int]:
    """The end of a header, and of the stream."""
    stream, bits = 0, 0
    for number, piece in enumerate(_RUN.split(PLAIN_END)):
        code, width = _zeros(len(piece)) if number % 2 else _text(piece)
        stream |= code << bits
        bits += width
    return stream, bits + 7


def _text(text: bytes) -> tuple[int, int]:
    return int.from_bytes(text.translate(_LITERALS), "little"), 8 * len(text)


@cache
def _zeros(length: int) -> tuple[int, int]:
    return _run(length) if length >= _SHORTEST else _text(bytes(length))


@cache
def _run(length: int) -> tuple[int, int]:
    """`length` zeros as a literal and matches at distance 1: the bits, and how many they are."""
    stream, bits = _LITERALS[0], 8
    left = length - 1
    while left:
        # Never leave a remainder that is too short to be a match.
        part = left - 3 if 0 < left - _LONGEST < 3 else min(left, _LONGEST)
        shortest, symbol, extra = next(row for row in reversed(_LENGTHS) if row[0] <= part)
        code, width = (symbol - 256, 7) if symbol < 280 else (0xC0 + symbol - 280, 8)
        stream |= int(f"{code:0{width}b}"[::-1], 2) << bits
        bits += width
        stream |= (part - shortest) << bits
        # Then distance 1, five zeros.
        bits += extra + 5
        left -= part
    return stream, bits
