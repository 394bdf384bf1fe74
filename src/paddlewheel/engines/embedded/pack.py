"""A pack: small files deflated one after another, with an index in front. What byte-compiling leaves in the cache.

A layer takes a pack's streams as it takes a wheel's, without inflating more than once. Layout: eight bytes of magic,
the index's length as eight hex digits, the index as JSON, then the raw deflate streams.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from deflate import deflate_compress
from isal.isal_zlib import crc32

from paddlewheel.cache import write_atomically
from paddlewheel.engines.embedded.members import DEFLATED, Container, Member
from paddlewheel.errors import WheelError

_MAGIC: Final = b"pwpack1\n"
_HEAD: Final = len(_MAGIC) + 8
_LEVEL: Final = 9


def write_pack(path: Path, files: list[tuple[str, bytes]]) -> None:
    """Write `files`, (name, bytes) pairs, whole or not at all."""
    index: list[list[str | int]] = []
    streams = []
    for name, data in files:
        stream = bytes(deflate_compress(data, _LEVEL))
        index.append([name, crc32(data), len(data), len(stream)])
        streams.append(stream)
    text = json.dumps(index, separators=(",", ":")).encode()
    write_atomically(path, b"".join([_MAGIC, b"%08x" % len(text), text, *streams]), mode=0o444)


def read_pack(container: Container) -> list[Member]:
    """The members of a pack. Raise `WheelError` when it is none."""
    head = container.pread(_HEAD, 0)
    if not head.startswith(_MAGIC):
        raise WheelError(f"{container.label} is no pack", hint="run `paddlewheel cache prune --all`")
    length = int(head[len(_MAGIC) :], 16)
    offset = _HEAD + length
    members = []
    for name, crc, size, compressed in json.loads(container.pread(length, _HEAD)):
        members.append(Member(name, DEFLATED, crc, size, compressed, offset))
        offset += compressed
    return members
