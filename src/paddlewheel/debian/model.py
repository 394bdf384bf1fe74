"""Values of the Debian side: a pinned package, a locked set of them. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SUITES: Final[dict[str, tuple[int, int]]] = {"bookworm": (3, 11), "trixie": (3, 13), "forky": (3, 14)}
"""Debian suites that a base can be composed from, oldest first, and the Python that each brings."""

STAMP: Final = "%Y%m%dT%H%M%SZ"
"""How the snapshot service writes a time, for strftime."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedPackage:
    """One .deb, by hash. `path` is relative to the archive's root, as `Filename` in a Packages index."""

    name: str
    version: str
    architecture: str
    archive: str
    """Which archive holds it: ``debian`` or ``debian-security``."""
    path: str
    size: int
    sha256: str
    extra: bool = False
    """Part of the second layer: wanted by the user or by a wheel, not by every image of the suite."""
    snapshot: str = ""
    """As the base's, where this package was kept from an older lock; empty: the base's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedBase:
    """Everything a composed base is made of, for one architecture.

    `snapshot` is the newest ``Date`` of the InRelease files that it was resolved from, as ``20251120T081500Z``:
    what the snapshot service is asked for when a mirror no longer has a .deb.
    """

    suite: str
    architecture: str
    """Debian's name: ``amd64``, ``arm64``."""
    snapshot: str
    requested: tuple[str, ...]
    """The user's `packages`, sorted."""
    libraries: tuple[str, ...] = ()
    """Sonames that wheels of the project need and that made the closure larger, sorted."""
    missing: tuple[str, ...] = ()
    """Sonames that wheels need and that no package of the suite holds, though others do, sorted."""
    packages: tuple[PinnedPackage, ...]
    """The whole closure, sorted by name."""
