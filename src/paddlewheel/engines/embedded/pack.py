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

from paddlewheel.cache import Cache
from paddlewheel.engines.embedded.members import DEFLATED, Container, Member
from paddlewheel.errors import WheelError

_MAGIC: Final = b"pwpack1\n"
_HEAD: Final = len(_MAGIC) + 8
_LEVEL: Final = 9


def write_pack(cache: Cache, path: Path, files: list[tuple[str, bytes]]) -> None:
    """Write `files`, (name, bytes) pairs, to `path` in the cache, whole or not at all."""
    index: list[list[str | int]] = []
    streams = []
    for name, data in files:
        stream = bytes(deflate_compress(data, _LEVEL))
        index.append([name, crc32(data), len(data), len(stream)])
        streams.append(stream)
    text = json.dumps(index, separators=(",", ":")).encode()
    cache.write(path, b"".join([_MAGIC, b"%08x" % len(text), text, *streams]))


def read_pack(container: Container) -> list[Member]:
    """The members of a pack. Raise `WheelError` when it is none, or is not as long as it should be."""
    head = container.pread(_HEAD, 0)
    if not head.startswith(_MAGIC):
        raise _no_pack(container)
    members = []
    try:
        length = int(head[len(_MAGIC) :], 16)
        offset = _HEAD + length
        for name, crc, size, compressed in json.loads(container.pread(length, _HEAD)):
            members.append(Member(name, DEFLATED, crc, size, compressed, offset))
            offset += compressed
    except (ValueError, TypeError) as error:
        raise _no_pack(container) from error
    if offset != container.size:
        raise _no_pack(container)
    return members


def _no_pack(container: Container) -> WheelError:
    return WheelError(f"{container.label} is damaged in the cache", hint="run `paddlewheel cache prune --all`")
