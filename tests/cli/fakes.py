"""Verbs that give known values at once, so that the command line can be tested by itself."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.pylock import Pylock
from packaging.version import Version

from paddlewheel import verbs
from paddlewheel.cli.app import run
from paddlewheel.cli.terminal import Terminal
from paddlewheel.debian.model import PinnedBase, PinnedPackage
from paddlewheel.image.model import RunConfig
from paddlewheel.lock.model import BuildRequirement, Lock, PythonLock
from paddlewheel.plan.model import (
    BuildApp,
    ComposeBase,
    CreateVenv,
    InstallApp,
    InstallWheels,
    MakeDirectories,
    Plan,
    PythonTarget,
    SetConfig,
    Stage,
    Start,
    WheelRef,
)
from paddlewheel.project.model import LockKind, LockSource, Project
from tests.cli.values import AMD64, built

HEX = "0123456789abcdef" * 4


def project(root: Path = Path()) -> Project:
    source = LockSource(kind=LockKind.UV, path=root / "uv.lock", complete=True)
    return Project(root=root, name="shop", version="1.2", lock=source)


def base() -> PinnedBase:
    python = PinnedPackage(
        name="python3.11-minimal",
        version="3.11.2-6",
        architecture="amd64",
        archive="debian",
        path="pool/main/p/python3.11/a.deb",
        size=2_000_000,
        sha256=HEX,
    )
    return PinnedBase(
        suite="bookworm",
        architecture="amd64",
        snapshot="20251120T081500Z",
        requested=("libpq5",),
        packages=(python,),
    )


def lock(root: Path = Path()) -> Lock:
    from packaging.pylock import Package

    packages = [Package(name="flask", version=Version("3.1.0"))]  # type: ignore[arg-type]
    pylock = Pylock(lock_version=Version("1.0"), created_by="uv", packages=packages)
    return Lock(
        python=PythonLock(pylock=pylock, path=root / "uv.lock", locker="uv 0.9.1"),
        base=base(),
        build=(BuildRequirement(name="hatchling", version="1.27.0", hashes=(f"sha256:{HEX}",)),),
    )


def plan() -> Plan:
    python = PythonTarget(
        version=(3, 11),
        full_version="3.11.2",
        executable="/usr/bin/python3.11",
        libc=("glibc", 2, 36),
        platform=AMD64,
    )
    flask = WheelRef(name="flask", version="3.1.0", filename="flask-3.1.0-py3-none-any.whl", sha256=HEX, size=103_000)
    config = RunConfig(user="65532", env=(("PATH", "/opt/venv/bin"),), working_dir="/app")
    install = InstallWheels(prefix="/opt/venv", wheels=(flask,), bytecode=True, layers=57)
    build = BuildApp(name="shop", version="1.2", constraints=("hatchling==1.27.0",))
    stages = (
        Stage(name="base-pre-pkg", parent=None, steps=(ComposeBase(base=base(), timezone="Europe/Paris"),)),
        Stage(name="app-builder", parent="base-pre-pkg", steps=(build,), note="the project has a build system"),
        Stage(
            name="python-pkg-pinned",
            parent="base-pre-pkg",
            steps=(CreateVenv(prefix="/opt/venv", python=python), install),
        ),
        Stage(
            name="target-image",
            parent="python-pkg-pinned",
            steps=(
                InstallApp(prefix="/opt/venv", bytecode=True),
                MakeDirectories(paths=("/data",), uid=65532, gid=65532),
                SetConfig(run=config),
            ),
        ),
    )
    start = Start(entrypoint=("gunicorn", "shop:app"), cmd=(), reason="gunicorn is locked")
    return Plan(
        name="shop",
        version="1.2",
        platform=AMD64,
        python=python,
        start=start,
        stages=stages,
        notes=("Python 3.11 follows from .python-version",),
    )


@dataclass
class Calls:
    """What the verbs were called with, and what `build` does before it answers."""

    made: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    during_build: Callable[[verbs.Context], None] = lambda context: None
    exit_status: int = 0

    def __getitem__(self, verb: str) -> dict[str, Any]:
        """The arguments of the last call of `verb`."""
        return next(arguments for name, arguments in reversed(self.made) if name == verb)

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.made]

    def read(self, path: Path, *, context: verbs.Context) -> Project:
        self.made.append(("read", {"path": path, "context": context}))
        return project(Path(path))

    def lock(self, project: Project, *, context: verbs.Context, locked: bool = False, upgrade: bool = False) -> Lock:
        self.made.append(("lock", {"project": project, "context": context, "locked": locked, "upgrade": upgrade}))
        return lock(project.root)

    def plan(self, project: Project, lock: Lock, *, context: verbs.Context) -> Plan:
        self.made.append(("plan", {"project": project, "lock": lock, "context": context}))
        return plan()

    def build(
        self, project: Path, *, context: verbs.Context, locked: bool = False, name: str | None = None
    ) -> verbs.Built:
        self.made.append(("build", {"project": project, "context": context, "locked": locked, "name": name}))
        self.during_build(context)
        return built(name or "shop:1.2")

    def deliver(self, built: verbs.Built, destination: str, *, context: verbs.Context) -> str:
        self.made.append(("deliver", {"built": built, "destination": destination, "context": context}))
        return destination.partition(":")[2]

    def load(self, source: str, *, context: verbs.Context) -> verbs.Built:
        self.made.append(("load", {"source": source, "context": context}))
        return built("loaded:1")

    def run(
        self,
        built: verbs.Built,
        arguments: tuple[str, ...] = (),
        *,
        context: verbs.Context,
        env: dict[str, str] | None = None,
    ) -> int:
        self.made.append(("run", {"built": built, "arguments": arguments, "context": context, "env": env}))
        return self.exit_status


VERBS = ("read", "lock", "plan", "build", "deliver", "load", "run")


@dataclass(frozen=True)
class Result:
    status: int
    out: str
    err: str


class Stream(io.StringIO):
    """A stream that may be a terminal."""

    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "utf-8"


def command(*words: str, tty: bool = False, environ: Mapping[str, str] | None = None) -> Result:
    """Run a command line in this process, on streams of its own."""
    out, err = Stream(tty), Stream(tty)
    status = run(words, Terminal(out, err, environ or {}))
    return Result(status, out.getvalue(), err.getvalue())
