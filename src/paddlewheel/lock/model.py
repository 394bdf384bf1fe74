"""`Lock`: everything an image is made of, by hash. Frozen values, no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packaging.pylock import Pylock

from paddlewheel.debian.model import PinnedBase

PYTHON_LOCK: Final = "pylock.paddlewheel.toml"
BASE_LOCK: Final = "paddlewheel.lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonLock:
    """The Python packages, whatever file they came from, as PEP 751 has them.

    `path` is the file that is the source of truth: the project's own lock or pylock.paddlewheel.toml.
    `notes` are sentences for the user about what was made, remade or chosen.
    """

    pylock: Pylock
    path: Path
    locker: str
    """Name and version of what resolved or exported it: ``uv 0.9.1``."""
    vouched: bool = True
    """Whether every artifact has a sha256 or stronger hash (RECORD's hashes are then not checked again)."""
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    """Sentences about what may be wrong with the lock: it is stale, or newer than what is understood."""
    requested: frozenset[str] = frozenset()
    """Normalised names of the packages that the project itself asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRequirement:
    """A package of the app's build environment, pinned: the build back end and what it needs."""

    name: str
    version: str
    hashes: tuple[str, ...]
    """As pip writes them: ``sha256:...``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """Python packages, base, and the app's build environment."""

    python: PythonLock
    base: PinnedBase
    build: tuple[BuildRequirement, ...] = ()
    notes: tuple[str, ...] = ()
