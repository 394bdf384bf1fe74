"""The public verbs: `read`, `lock`, `plan`, `build`, `deliver`. Each takes the value that the one before gives.

`cli` calls these and nothing deeper, so that a program which imports paddlewheel can do all that the command does.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
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
    version: str = ""
    """The app's version, which a build back end may have found."""

    @property
    def reference(self) -> str:
        """``name@sha256:...``"""
        return f"{self.name}@{self.image.digest}"


def read(path: str | Path = ".", *, context: Context | None = None) -> Project:
    """Read a project's folder. Raise `ProjectError`, `SettingsError` or `LockFormatError`."""
    from paddlewheel.project.reader import read as read_project

    overrides = context.overrides if context else Overrides()
    project = read_project(path, lock_override=overrides.lock)
    settings = replace(
        project.settings,
        base=overrides.base or project.settings.base,
        # A Python that is named for this build stands above a base that the settings name.
        python=overrides.python or project.settings.python,
    )
    return replace(project, settings=settings)


def lock(project: Project, *, context: Context | None = None, locked: bool = False, upgrade: bool = False) -> Lock:
    """Find or make everything that the image is made of, by hash; write the locks that paddlewheel keeps.

    With `locked`, raise `LockOutdatedError` instead of making or changing a lock. With `upgrade`, take the newest
    versions instead of those that the lock has.
    """
    from paddlewheel.locking import make_lock

    return make_lock(project, context or Context.default(), locked=locked, upgrade=upgrade)


def plan(project: Project, lock: Lock, *, context: Context | None = None) -> Plan:
    """Decide what is to be built. Pure but for SOURCE_DATE_EPOCH: no network, no clock, no files."""
    from paddlewheel.plan.make import Choices, make_plan

    overrides = context.overrides if context else Overrides()
    choices = Choices(bytecode=overrides.bytecode, layers=overrides.layers, epoch=_epoch())
    return make_plan(project, lock, choices)


def build(
    project: Project | str | Path = ".",
    *,
    context: Context | None = None,
    locked: bool = False,
    name: str | None = None,
) -> Built:
    """Lock, plan and build. The result's blobs are in the cache; hand it to `deliver`.

    Given a path, and nothing changed since the last build of that folder, its result is given back at once.
    """
    context = context or Context.default()
    if isinstance(project, (str, Path)):
        from paddlewheel.building import build_folder

        return build_folder(Path(project), context, locked=locked, name=name)
    from paddlewheel.building import build_project

    return build_project(project, context, locked=locked, name=name)


def deliver(built: Built, destination: str, *, context: Context | None = None) -> str:
    """Write or load the image: ``oci:DIR``, ``oci-archive:FILE``, ``docker-archive:FILE``, ``docker-daemon:NAME``,
    ``containers-storage:NAME``. Return the destination in words. Raise `DeliveryError` or `ToolMissingError`.
    """
    from paddlewheel.delivering import deliver as deliver_image

    return deliver_image(built, destination, context or Context.default())


def load(source: str, *, context: Context | None = None) -> Built:
    """An image that was made before: ``oci:DIR``, ``oci-archive:FILE`` or ``docker-archive:FILE``, each with
    ``:NAME`` where it holds several. Its blobs are taken into the cache. Raise `ImageError` or `StorageError`.
    """
    from paddlewheel.delivering import load as load_image

    return load_image(source, context or Context.default())


def run(
    built: Built,
    arguments: tuple[str, ...] = (),
    *,
    context: Context | None = None,
    env: dict[str, str] | None = None,
) -> int:
    """Run the image in the rootless sandbox; `arguments` replace its cmd. Return the program's exit status."""
    from paddlewheel.delivering import run as run_image

    return run_image(built, arguments, context or Context.default(), env or {})


def _epoch() -> int | None:
    import os

    text = os.environ.get("SOURCE_DATE_EPOCH")
    if not text:
        return None
    if not text.isdecimal():
        from paddlewheel.errors import SettingsError

        raise SettingsError(
            f"SOURCE_DATE_EPOCH={text!r} is no number of seconds since 1970", hint="unset it, or mend it"
        )
    return int(text)
