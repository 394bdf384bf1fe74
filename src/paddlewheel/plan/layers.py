"""Which wheels share a layer. Pure: sizes and names in, groups out.

Heavy wheels stand alone, so that a bump of one moves that one. The tail of light ones is bundled: a layer each would
cost more, in requests and in mounts, than it saves. Bundles are the leaves of a binary trie over a hash of the
names, split only where one would grow too large; so adding, removing or bumping a package changes one bundle, and
the others keep their digests.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

HEAVY: Final = 640 << 10
"""Compressed bytes from which a wheel has a layer of its own, while the budget allows it."""


@dataclass(frozen=True, slots=True)
class Weight:
    """A wheel as the planner sees it: its normalised name and its compressed size in bytes."""

    name: str
    size: int


def group(weights: Sequence[Weight], budget: int) -> tuple[tuple[str, ...], ...]:
    """Names by layer, lowest layer first: heavy wheels, heaviest first, then bundles. At most `budget` layers.

    Docker unpacks a layer anew when one below it changes, so what is costly to unpack lies low.
    """
    if budget < 1:
        raise ValueError("a budget of at least one layer is needed")
    heavy_from = HEAVY
    while True:
        heavy = sorted((w for w in weights if w.size >= heavy_from), key=lambda w: (-w.size.bit_length(), w.name))
        light = [w for w in weights if w.size < heavy_from]
        bundles = _split(light, 2 * heavy_from, 0)
        if len(heavy) + len(bundles) <= budget:
            return tuple((w.name,) for w in heavy) + bundles
        heavy_from *= 2


def _split(weights: Sequence[Weight], limit: int, bit: int) -> tuple[tuple[str, ...], ...]:
    if not weights:
        return ()
    if len(weights) == 1 or sum(w.size for w in weights) <= limit:
        return (tuple(sorted(w.name for w in weights)),)
    sides: tuple[list[Weight], list[Weight]] = ([], [])
    for weight in weights:
        sides[_bit(weight.name, bit)].append(weight)
    return _split(sides[0], limit, bit + 1) + _split(sides[1], limit, bit + 1)


def _bit(name: str, number: int) -> int:
    digest = hashlib.sha256(name.encode()).digest()
    return digest[number // 8] >> (7 - number % 8) & 1
