"""The plan: named stages, each a parent and a list of steps. Pure data, serialisable; docs/plan-spec.md.

A step says what is wanted ("these hashed wheels into this environment"), not which files result, so that
every engine can run it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from paddlewheel.debian.model import PinnedBase
from paddlewheel.image.model import Platform, RunConfig

VENV: Final = "/opt/venv"
APP_DIR: Final = "/app"

StageName = Literal[
    "base-pre-pkg",
    "dep-builder",
    "python-pkg-refresh",
    "python-pkg-pinned",
    "base-post-pkg",
    "app-builder",
    "version",
    "smoke-test",
    "target-image",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonTarget:
    """The interpreter that the image has: what wheels are chosen for and scripts point at."""

    version: tuple[int, int]
    full_version: str
    """As ``3.11.2``, from the base's package version."""
    executable: str
    """Absolute path in the image: ``/usr/bin/python3.11``."""
    libc: tuple[str, int, int]
    """``("glibc", 2, 36)``"""
    platform: Platform

    @property
    def short(self) -> str:
        return f"{self.version[0]}.{self.version[1]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelRef:
    """A wheel, by hash, and where it may be had."""

    name: str
    version: str
    filename: str
    sha256: str
    size: int | None = None
    """Bytes, where the lock gives it."""
    url: str | None = None
    path: str | None = None
    """A local file, absolute, where the lock names one instead of a URL."""
    requested: bool = False
    """Named by the project itself, not only by another package."""
    vouched: bool = True
    """Its hash stands in a lock; otherwise RECORD's hashes are checked too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComposeBase:
    """Unpack the locked Debian packages; add users, CA bundle, ld.so.cache, byte-compiled standard library."""

    base: PinnedBase
    timezone: str | None = None
    step: Literal["compose-base"] = "compose-base"


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateVenv:
    """An empty virtual environment at `prefix`, its links pointing at the base's interpreter."""

    prefix: str
    python: PythonTarget
    step: Literal["create-venv"] = "create-venv"


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallWheels:
    """Install hashed wheels into the environment at `prefix`. `layers`: how many layers they may become."""

    prefix: str
    wheels: tuple[WheelRef, ...]
    bytecode: bool
    layers: int
    step: Literal["install-wheels"] = "install-wheels"


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildApp:
    """Build the project's own wheel with its build back end, whose environment is pinned."""

    name: str
    version: str
    constraints: tuple[str, ...]
    """Requirement lines with hashes, as pip writes them."""
    epoch: int = 315532800
    """SOURCE_DATE_EPOCH for the back end; a zip cannot hold times before 1980."""
    step: Literal["build-app"] = "build-app"


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallApp:
    """Install the wheel that stage `app-builder` made, in a layer of its own."""

    prefix: str
    bytecode: bool
    step: Literal["install-app"] = "install-app"


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyApp:
    """Copy the project's files to `target`, root-owned and read-only, a layer for each pattern of `files`."""

    target: str
    files: tuple[str, ...] | None = None
    bytecode: bool
    step: Literal["copy-app"] = "copy-app"


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeDirectories:
    """Directories that the image's user owns and may write."""

    paths: tuple[str, ...]
    uid: int
    gid: int
    step: Literal["make-directories"] = "make-directories"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetConfig:
    """The image's run configuration and annotations. The last step of target-image."""

    run: RunConfig
    annotations: dict[str, str] = field(default_factory=dict)
    created: str = "1980-01-01T00:00:00Z"
    step: Literal["set-config"] = "set-config"


Step = ComposeBase | CreateVenv | InstallWheels | BuildApp | InstallApp | CopyApp | MakeDirectories | SetConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A stage: its parent (None: from nothing), its steps, and a word on why it is as it is."""

    name: StageName
    parent: StageName | None = None
    steps: tuple[Step, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """How the image starts, and why."""

    entrypoint: tuple[str, ...]
    cmd: tuple[str, ...]
    reason: str
    expose: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be built, for one platform."""

    name: str
    version: str
    platform: Platform
    python: PythonTarget
    start: Start
    stages: tuple[Stage, ...]
    notes: tuple[str, ...] = ()
    """Sentences for the user: what was chosen and why."""

    def stage(self, name: StageName) -> Stage:
        for stage in self.stages:
            if stage.name == name:
                return stage
        raise KeyError(name)
