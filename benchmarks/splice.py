"""The splice beside its physical limit: read the wheels, inflate once, SHA-256 of both streams, the same threads."""

from __future__ import annotations

import hashlib
import os
import shutil
import struct
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from isal import isal_zlib

from benchmarks.measure import Cost, Pairs, in_pairs
from paddlewheel.engines.embedded.install import Venv
from paddlewheel.engines.embedded.splice import WheelFile, splice
from paddlewheel.image.store import Store

PAIRS: Final = 7
THREADS: Final = (1, 2)

_PIECE: Final = 1 << 18
_END: Final = struct.Struct("<4s4H2LH")
_ENTRY: Final = struct.Struct("<4s6H3L5H2L")
_DEFLATED: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class SpliceResult:
    """For one number of threads: the pairs of (limit, splice), in `Cost`s without memory."""

    threads: int
    pairs: Pairs[Cost]


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What was spliced. Sizes in bytes."""

    wheels: int
    size: int
    unpacked: int
    entries: int
    layers_size: int


def measure(
    wheels: Sequence[tuple[Path, str]], work: Path, say: Callable[[str], None], *, short: bool
) -> tuple[Material, list[SpliceResult]]:
    """Measure with `wheels`, (file, file name) pairs, and a folder to work in, on the disk where the cache is."""
    # The largest first, so that no thread is left with it alone at the end.
    ordered = sorted(wheels, key=lambda wheel: wheel[0].stat().st_size, reverse=True)
    venv = Venv("/opt/venv", (3, 13))
    store = Store(work / "splice")

    def one(wheel: tuple[Path, str]) -> tuple[int, int, int]:
        path, name = wheel
        layer = splice([WheelFile(path=path, filename=name)], venv, store).layer
        return layer.size, layer.unpacked, layer.entries

    def spliced(threads: int) -> Cost:
        shutil.rmtree(store.root, ignore_errors=True)
        return _timed(threads, one, ordered)

    def limit(threads: int) -> Cost:
        return _timed(threads, lambda wheel: read_and_hash(wheel[0]), ordered)

    totals = [one(wheel) for wheel in ordered]
    material = Material(
        wheels=len(ordered),
        size=sum(path.stat().st_size for path, _ in ordered),
        unpacked=sum(unpacked for _, unpacked, _ in totals),
        entries=sum(entries for _, _, entries in totals),
        layers_size=sum(size for size, _, _ in totals),
    )
    results = []
    for threads in THREADS:
        limit(threads)
        pairs = in_pairs(2 if short else PAIRS, lambda n=threads: limit(n), lambda n=threads: spliced(n))  # type: ignore[misc]
        results.append(SpliceResult(threads=threads, pairs=pairs))
        say(f"splice, {threads} threads")
    shutil.rmtree(store.root, ignore_errors=True)
    return material, results


def _timed(threads: int, work: Callable[[tuple[Path, str]], object], wheels: Sequence[tuple[Path, str]]) -> Cost:
    wall, cpu = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(work, wheels):
            pass
    return Cost(time.perf_counter() - wall, time.process_time() - cpu)


def read_and_hash(path: Path) -> tuple[bytes, bytes]:
    """The limit: the digests of a zip's bytes, and of its members' inflated bytes. Nothing is written or checked."""
    whole, inflated = hashlib.sha256(), hashlib.sha256()
    handle = os.open(path, os.O_RDONLY)
    try:
        size = os.fstat(handle).st_size
        members = index(handle, size)
        ends = [*(offset for offset, _, _, _ in members[1:]), size]
        whole.update(os.pread(handle, members[0][0] if members else size, 0))
        for (offset, compressed, unpacked, method), end in zip(members, ends, strict=True):
            if max(end - offset, unpacked) <= _PIECE:
                # A member with its header and whatever follows it: one read, one inflate, two updates.
                span = os.pread(handle, end - offset, offset)
                whole.update(span)
                start = 30 + int.from_bytes(span[26:28], "little") + int.from_bytes(span[28:30], "little")
                raw = memoryview(span)[start : start + compressed]
                inflated.update(isal_zlib.decompress(raw, -15, max(unpacked, 1)) if method == _DEFLATED else raw)
            else:
                _in_pieces(handle, offset, compressed, method, end, (whole, inflated))
    finally:
        os.close(handle)
    return whole.digest(), inflated.digest()


def _in_pieces(
    handle: int, offset: int, compressed: int, method: int, end: int, hashes: tuple[hashlib._Hash, hashlib._Hash]
) -> None:
    whole, inflated = hashes
    lead = os.pread(handle, 30, offset)
    start = offset + 30 + int.from_bytes(lead[26:28], "little") + int.from_bytes(lead[28:30], "little")
    whole.update(os.pread(handle, start - offset, offset))
    inflater = isal_zlib.decompressobj(wbits=-15)
    for at in range(start, start + compressed, _PIECE):
        raw = os.pread(handle, min(_PIECE, start + compressed - at), at)
        whole.update(raw)
        if method != _DEFLATED:
            inflated.update(raw)
            continue
        while raw:
            inflated.update(inflater.decompress(raw, _PIECE))
            raw = inflater.unconsumed_tail
    while method == _DEFLATED and not inflater.eof:
        inflated.update(inflater.decompress(b"", _PIECE))
    whole.update(os.pread(handle, end - start - compressed, start + compressed))


def index(handle: int, size: int) -> list[tuple[int, int, int, int]]:
    """(header's offset, compressed size, size, method) of each member, in the file's order.

    The least that can be done to find the members: no zip64, no names, no checks. Raise `ValueError` for a zip
    that needs more.
    """
    tail = os.pread(handle, min(size, 65557), max(0, size - 65557))
    end = tail.rfind(b"PK\x05\x06")
    if end < 0:
        raise ValueError("no zip")
    _, _, _, _, count, length, start, _ = _END.unpack_from(tail, end)
    if start == 0xFFFFFFFF or count == 0xFFFF:
        raise ValueError("zip64 is not read here")
    directory = os.pread(handle, length, start)
    found = []
    at = 0
    for _ in range(count):
        _, _, _, _, method, _, _, _, compressed, unpacked, name, extra, comment, _, _, _, offset = _ENTRY.unpack_from(
            directory, at
        )
        at += _ENTRY.size + name + extra + comment
        found.append((offset, compressed, unpacked, method))
    found.sort()
    return found
