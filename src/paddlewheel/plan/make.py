"""Project and lock to plan: which stages, which steps, which configuration. Pure: no files, no network, no clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from packaging.pylock import Pylock

from paddlewheel import __version__
from paddlewheel.errors import SettingsError
from paddlewheel.image.model import Healthcheck, RunConfig
from paddlewheel.image.tar import EPOCH
from paddlewheel.lock.model import Lock
from paddlewheel.plan.model import (
    APP_DIR,
    VENV,
    BuildApp,
    ComposeBase,
    CopyApp,
    CreateVenv,
    InstallApp,
    InstallWheels,
    MakeDirectories,
    Plan,
    SetConfig,
    Stage,
    Start,
    Step,
    WheelRef,
)
from paddlewheel.plan.python import python_target
from paddlewheel.plan.start import choose
from paddlewheel.plan.wheels import select_wheels
from paddlewheel.project.fields import user_ids
from paddlewheel.project.model import Project, Settings

NONROOT = 65532
_FIXED_LAYERS = 4
"""Layers that are neither wheels nor the app: base, its bytecode, extra packages, the environment."""
_BASE_ENV = {
    "PATH": f"{VENV}/bin:/usr/local/bin:/usr/bin:/bin",
    "VIRTUAL_ENV": VENV,
    "LANG": "C.UTF-8",
    "PYTHONUNBUFFERED": "1",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What stands above the settings: the command line's word, and SOURCE_DATE_EPOCH (seconds since 1970)."""

    bytecode: bool | None = None
    layers: int | None = None
    epoch: int | None = None


def make_plan(project: Project, lock: Lock, choices: Choices | None = None) -> Plan:
    """Plan the image. Raise `NoMatchingWheelError` or `ProjectError`."""
    choices = choices or Choices()
    settings = project.settings
    target = python_target(lock.base)
    wheels = select_wheels(lock.python, target)
    bytecode = settings.bytecode if choices.bytecode is None else choices.bytecode
    start = choose(project, [wheel.name for wheel in wheels])
    workdir = settings.workdir or APP_DIR
    uid, gid = user_ids(settings.user) if settings.user else (NONROOT, NONROOT)
    app: Step
    if project.is_package:
        app = InstallApp(prefix=VENV, bytecode=bytecode)
    else:
        app = CopyApp(target=APP_DIR, files=settings.files, bytecode=bytecode)
    builder: tuple[Stage, ...] = ()
    if project.is_package:
        constraints = tuple(
            f"{r.name}=={r.version} " + " ".join(f"--hash={h}" for h in sorted(r.hashes)) for r in lock.build
        )
        builder = (
            Stage(
                name="app-builder",
                parent=None,
                steps=(
                    BuildApp(
                        name=project.name,
                        version=project.version,
                        constraints=constraints,
                        epoch=max(EPOCH, choices.epoch or 0),
                    ),
                ),
                note=f"{len(constraints)} pinned build requirements",
            ),
        )
    directories = tuple(sorted({*settings.volumes}))
    environment: tuple[Step, ...] = ()
    if directories:
        environment = (MakeDirectories(paths=directories, uid=uid, gid=gid),)
    stages = (
        Stage(
            name="base-pre-pkg",
            parent=None,
            steps=(ComposeBase(base=lock.base, timezone=settings.timezone),),
            note=f"{len(lock.base.packages)} Debian packages of {lock.base.suite}",
        ),
        Stage(
            name="dep-builder",
            parent=None,
            note=f"not needed: every package has a wheel for {target.platform}",
        ),
        Stage(
            name="python-pkg-pinned",
            parent="base-pre-pkg",
            steps=(
                CreateVenv(prefix=VENV, python=target),
                InstallWheels(prefix=VENV, wheels=wheels, bytecode=bytecode, layers=_wheel_layers(settings, choices)),
            ),
            note=f"{len(wheels)} wheels, pinned by {lock.python.path.name}",
        ),
        Stage(name="base-post-pkg", parent="python-pkg-pinned", steps=environment),
        *builder,
        Stage(
            name="target-image",
            parent="base-post-pkg",
            steps=(
                app,
                SetConfig(
                    run=_run_config(project, start, workdir, f"{uid}:{gid}", lock),
                    annotations=_annotations(project),
                    created=_created(lock, wheels, choices.epoch),
                ),
            ),
        ),
    )
    return Plan(
        name=settings.name or project.name,
        version=project.version,
        platform=target.platform,
        python=target,
        start=start,
        stages=stages,
        notes=(*lock.notes, *lock.python.notes),
    )


def _wheel_layers(settings: Settings, choices: Choices) -> int:
    """How many layers the wheels may have. Raise `SettingsError` where `files` leaves none."""
    most = choices.layers or settings.layers
    app = len(settings.files or ()) or 1
    if _FIXED_LAYERS + app >= most:
        raise SettingsError(
            f"files: {app} patterns, a layer each, are too many for {most} layers: {_FIXED_LAYERS} are for the base "
            "and the environment, and one at least for the wheels",
            hint=f"allow {_FIXED_LAYERS + app + 1} layers (`layers`, --layers), or write fewer patterns",
        )
    return most - _FIXED_LAYERS - app


def _run_config(project: Project, start: Start, workdir: str, user: str, lock: Lock) -> RunConfig:
    settings = project.settings
    env: dict[str, str] = {**_BASE_ENV, **start.env}
    if settings.timezone:
        env["TZ"] = settings.timezone
    env.update(settings.env)
    labels = {
        **_annotations(project),
        "dev.paddlewheel.base": f"distroless:{lock.base.suite}@{lock.base.snapshot}",
        "dev.paddlewheel.version": __version__,
        **settings.labels,
    }
    health = settings.healthcheck
    return RunConfig(
        user=user,
        exposed_ports=settings.expose or start.expose,
        env=tuple(env.items()),
        entrypoint=start.entrypoint,
        cmd=start.cmd,
        volumes=settings.volumes,
        working_dir=workdir,
        labels=labels,
        stop_signal=settings.stop_signal or "",
        healthcheck=_absolute(health) if health else None,
    )


def _absolute(health: Healthcheck) -> Healthcheck:
    """A health check in exec form; Docker wants ``CMD`` before its words."""
    if health.test[:1] in (("CMD",), ("CMD-SHELL",), ("NONE",)):
        return health
    return Healthcheck(
        test=("CMD", *health.test),
        interval=health.interval,
        timeout=health.timeout,
        start_period=health.start_period,
        retries=health.retries,
    )


_URL_KEYS = {
    "source": ("source", "source code", "repository", "github", "code"),
    "documentation": ("documentation", "docs"),
    "url": ("homepage", "home", "home page"),
}


def _annotations(project: Project) -> dict[str, str]:
    """``org.opencontainers.image.*`` from what the project says of itself."""
    values: dict[str, str | None] = {
        "title": _title(project),
        # "0" stands for a project that states none.
        "version": None if project.version_is_dynamic or project.version == "0" else project.version,
        "description": project.description,
        "licenses": project.license_expression,
    }
    urls: Mapping[str, str] = {key.lower(): url for key, url in project.urls.items()}
    for name, keys in _URL_KEYS.items():
        values[name] = next((urls[key] for key in keys if key in urls), None)
    return {f"org.opencontainers.image.{name}": value for name, value in values.items() if value}


def _title(project: Project) -> str | None:
    """What the image is called, where the project or its settings say so."""
    if project.is_named:
        return project.name
    name = project.settings.name
    return name.rpartition("/")[2] if name else None


def _created(lock: Lock, wheels: tuple[WheelRef, ...], epoch: int | None) -> str:
    """When the newest thing in the image was published. SOURCE_DATE_EPOCH wins."""
    if epoch is not None:
        return _rfc3339(datetime.fromtimestamp(epoch, UTC))
    base = datetime.strptime(lock.base.snapshot, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return _rfc3339(max([base, *_upload_times(lock.python.pylock, {wheel.filename for wheel in wheels})]))


def _upload_times(pylock: Pylock, filenames: set[str]) -> list[datetime]:
    return [
        wheel.upload_time.astimezone(UTC)
        for package in pylock.packages
        for wheel in package.wheels or ()
        if wheel.upload_time and wheel.filename in filenames
    ]


def _rfc3339(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")
