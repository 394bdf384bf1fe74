"""Running commands and loops, and what they cost."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, TypeVar

_LAUNCHER: Final = Path(__file__).with_name("_launch.py")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one run: seconds by the clock, seconds of processor (user and system, children included), and the most
    memory that one of its processes had, in bytes."""

    wall: float
    cpu: float
    rss: int = 0


@dataclass(frozen=True, slots=True)
class Spread:
    """Several measurements of one thing."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(statistics.median(values), min(values), max(values))


@dataclass(frozen=True, slots=True)
class Pairs(Generic[T]):
    """Two things measured by turns, so that whatever else the machine does falls on both."""

    first: tuple[T, ...]
    second: tuple[T, ...]

    def ratio(self, read: Callable[[T], float]) -> Spread:
        """First over second, pair by pair."""
        return Spread.of([read(one) / read(other) for one, other in zip(self.first, self.second, strict=True)])


def in_pairs(times: int, first: Callable[[], T], second: Callable[[], T]) -> Pairs[T]:
    """Run both `times` times, by turns, and each pair in the other order than the one before."""
    ones: list[T] = []
    others: list[T] = []
    for number in range(times):
        if number % 2:
            others.append(second())
            ones.append(first())
        else:
            ones.append(first())
            others.append(second())
    return Pairs(tuple(ones), tuple(others))


class CommandFailedError(Exception):
    """A command that was to be measured ended with an error."""


def timed_command(command: Sequence[str], *, env: Mapping[str, str], cwd: Path) -> tuple[Cost, str]:
    """Run a command to its end; what it cost, and its standard output.

    A small process starts it and waits for it. Started from this one, it would seem to need at least as much memory
    as this one has: Linux counts what a process had before `exec`.
    """
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as told:
        done = subprocess.run(
            [sys.executable, "-I", "-S", str(_LAUNCHER), str(writer), *command],
            env=dict(env),
            cwd=cwd,
            capture_output=True,
            text=True,
            pass_fds=[writer],
            check=False,
        )
        os.close(writer)
        figures = told.read()
    if done.returncode or not figures:
        raise CommandFailedError(f"{' '.join(command)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    wall, cpu, rss = json.loads(figures)
    return Cost(wall, cpu, rss), done.stdout
