"""Debian versions as sort keys.

Source: Debian Policy 5.6.12 and deb-version(7): an epoch, an upstream version and a revision, the latter two compared
in turns of non-digits (``~`` before the end, the end before letters, letters before the rest) and numbers.
"""

from __future__ import annotations

import re
from functools import lru_cache
from operator import eq, ge, gt, le, lt
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_END: Final = ((0,), 0)
_TURN: Final = re.compile(r"(\D*)(\d*)")
_OPERATORS: Final[dict[str, Callable[[Any, Any], bool]]] = {"<<": lt, "<=": le, "=": eq, ">=": ge, ">>": gt}

Key = tuple[int, tuple[Any, ...], tuple[Any, ...]]


def _weight(character: str) -> int:
    if character == "~":
        return -1
    return ord(character) if character.isalpha() else ord(character) + 256


def _part_key(part: str) -> tuple[Any, ...]:
    # Every turn of non-digits ends in 0, the weight of "nothing here", which is what ~ must sort before.
    turns = [
        ((*(_weight(character) for character in text), 0), int(number or 0))
        for text, number in _TURN.findall(part)
        if text or number
    ]
    # Nothing at all counts as 0.
    return (*(turns or [_END]), _END)


@lru_cache(maxsize=1 << 14)
def version_key(version: str) -> Key:
    """A value that sorts as `version` does. A missing revision counts as ``0``, as in dpkg."""
    epoch, colon, rest = version.partition(":")
    if not colon:
        epoch, rest = "0", version
    upstream, _, revision = rest.rpartition("-") if "-" in rest else (rest, "", "")
    return int(epoch) if epoch.isdigit() else 0, _part_key(upstream), _part_key(revision)


def satisfies(version: str, operator: str, wanted: str) -> bool:
    """Whether `version` stands in relation `operator` (``<<``, ``<=``, ``=``, ``>=``, ``>>``) to `wanted`."""
    return _OPERATORS[operator](version_key(version), version_key(wanted))
