"""The public verbs: `read`, `lock`, `plan`, `build`, `deliver`. Each takes the value that the one before gives.

`cli` calls these and nothing deeper, so that a program which imports paddlewheel can do all that the command does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from paddlewheel.cache import Cache
    from paddlewheel.image.model import Image
    from paddlewheel.lock.model import Lock
    from paddlewheel.net import Client
    from paddlewheel.plan.model import Plan
    from paddlewheel.progress import Reporter
    from paddlewheel.project.model import Project


@dataclass(frozen=True, kw_only=True)
class Overrides:
    """What the command line says over the settings. None: not said."""

    base: str | None = None
    python: str | None = None
    lock: str | None = None
    mirror: str | None = None
    platform: str | None = None
    bytecode: bool | None = None
    layers: int | None = None


@dataclass(frozen=True, kw_only=True)
class Context:
    """What every verb works with. The defaults suit a library: quiet, the user's cache, the network allowed."""

    cache: Cache
    client: Client
    reporter: Reporter
    overrides: Overrides = field(default_factory=Overrides)

    @classmethod
    def default(cls, *, offline: bool = False) -> Context:
        from paddlewheel.cache import Cache
        from paddlewheel.net import Client
        from paddlewheel.progress import Silent

        return cls(cache=Cache(), client=Client(offline=offline), reporter=Silent())


@dataclass(frozen=True, kw_only=True)
class LayerReport:
    """One layer of a built image, for the summary. Sizes in bytes."""

    title: str
    size: int
    unpacked: int
    reused: bool
    """It was in the cache already."""


@dataclass(frozen=True, kw_only=True)
class Built:
    """A finished image: its value, its layers, where its blobs are."""

    image: Image
    cache: Cache
    name: str
    """Name and tag without a digest: ``shop:1.2`` or what `-t` said."""
    layers: tuple[LayerReport, ...]
    base: str
    """For people: ``distroless:bookworm (Python 3.11.2, 38 Debian packages)``."""
    packages: int
    """Number of Python packages installed."""
    start_reason: str

    @property
    def reference(self) -> str:
        """``name@sha256:...``"""
        return f"{self.name}@{self.image.digest}"


def read(path: str | Path = ".", *, context: Context | None = None) -> Project:
    """Read a project's folder. Raise `ProjectError`, `SettingsError` or `LockFormatError`."""
    raise NotImplementedError


def lock(project: Project, *, context: Context | None = None, locked: bool = False, upgrade: bool = False) -> Lock:
    """Find or make everything that the image is made of, by hash; write the locks that paddlewheel keeps.

    With `locked`, raise `LockOutdatedError` instead of making or changing a lock. With `upgrade`, take the newest
    versions instead of those that the lock has.
    """
    raise NotImplementedError


def plan(project: Project, lock: Lock, *, context: Context | None = None) -> Plan:
    """Decide what is to be built. Pure: no network, no clock, no files."""
    raise NotImplementedError


def build(
    project: Project,
    *,
    context: Context | None = None,
    locked: bool = False,
    name: str | None = None,
) -> Built:
    """Lock, plan and build. The result's blobs are in the cache; hand it to `deliver`.

    Nothing changed since the last build of this folder: its result is given back at once.
    """
    raise NotImplementedError


def deliver(built: Built, destination: str, *, context: Context | None = None) -> str:
    """Write or load the image: ``oci:DIR``, ``oci-archive:FILE``, ``docker-archive:FILE``, ``docker-daemon:NAME``,
    ``containers-storage:NAME``. Return the destination in words. Raise `DeliveryError` or `ToolMissingError`.
    """
    raise NotImplementedError


def load(source: str, *, context: Context | None = None) -> Built:
    """An image that was made before: ``oci:DIR``, ``oci-archive:FILE`` or ``docker-archive:FILE``, each with
    ``:NAME`` where it holds several. Its blobs are taken into the cache. Raise `ImageError` or `StorageError`.
    """
    raise NotImplementedError


def run(
    built: Built,
    arguments: tuple[str, ...] = (),
    *,
    context: Context | None = None,
    env: dict[str, str] | None = None,
) -> int:
    """Run the image in the rootless sandbox; `arguments` replace its cmd. Return the program's exit status."""
    raise NotImplementedError
