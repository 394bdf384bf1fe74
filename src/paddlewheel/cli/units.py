"""Sizes, times and ages as people read and write them. Sizes are decimal: 1 MB is 1,000,000 bytes."""

from __future__ import annotations

import re
from typing import Final

from paddlewheel.errors import UsageError

_STEPS: Final = ("B", "kB", "MB", "GB", "TB")
_BINARY: Final = {"kib": 1024, "mib": 1024**2, "gib": 1024**3, "tib": 1024**4}
_SIZES: Final = {"": 1, "b": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12} | {
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    **_BINARY,
}
_AGES: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def size(count: float) -> str:
    """``0 B``, ``999 B``, ``1.5 kB``, ``17.5 MB``, ``508 MB``, ``1.2 GB``."""
    value = float(count)
    for step in _STEPS:
        shown = f"{value:.0f}" if step == "B" or value >= 99.95 else f"{value:.1f}"
        if float(shown) < 1000 or step == _STEPS[-1]:
            return f"{shown} {step}"
        value /= 1000
    raise AssertionError("unreachable")


def seconds(value: float) -> str:
    """``0.14 s``, ``1.9 s``, ``42 s``, ``3 min 5 s``."""
    if value < 0.995:
        return f"{value:.2f} s"
    if value < 9.95:
        return f"{value:.1f} s"
    whole = round(value)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60} s"


def count(number: int, one: str, many: str | None = None) -> str:
    """``1 layer``, ``27 layers``."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def parse_size(text: str) -> int:
    """Bytes of ``5GB``, ``800 MB``, ``512MiB``, ``1000B``, ``0``. Raise `UsageError`, also where there is no unit."""
    match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([a-z]*)\s*", text.lower())
    if match and not match[2] and float(match[1]):
        raise UsageError(f"{text!r} has no unit", hint=f"write it as {match[1]}GB, {match[1]}MB or {match[1]}MiB")
    if not match or match[2] not in _SIZES:
        raise UsageError(f"{text!r} is no size", hint="write it as 800MB, 5GB or 512MiB")
    return int(float(match[1]) * _SIZES[match[2]])


def parse_age(text: str) -> float:
    """Seconds of ``30d``, ``12h``, ``2w``, ``90m``, ``5s``. Raise `UsageError`."""
    match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([smhdw]?)\s*", text.lower())
    if match and not match[2]:
        raise UsageError(f"{text!r} has no unit", hint=f"write it as {match[1]}d, {match[1]}h or {match[1]}w")
    if not match:
        raise UsageError(f"{text!r} is no age", hint="write it as 30d, 12h or 2w")
    return float(match[1]) * _AGES[match[2]]
