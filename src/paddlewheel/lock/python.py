"""The Python packages of a project, by hash: whatever it states them in becomes a Pylock."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from paddlewheel.cache import Cache
from paddlewheel.errors import NoMatchingWheelError
from paddlewheel.image.model import Platform
from paddlewheel.lock.kept import kept_lock
from paddlewheel.lock.model import PythonLock
from paddlewheel.lock.pinned_requirements import pinned_requirements
from paddlewheel.lock.pylock_file import read_pylock
from paddlewheel.lock.uv_lock import uv_lock
from paddlewheel.progress import Reporter
from paddlewheel.project.model import LockKind, Project
from paddlewheel.project.requirements import read

if TYPE_CHECKING:
    from paddlewheel.net import Client


def python_lock(
    project: Project,
    *,
    target_python: tuple[int, int],
    platform: Platform,
    cache: Cache,
    client: Client,
    reporter: Reporter,
    locked: bool = False,
    upgrade: bool = False,
) -> PythonLock:
    """The lock of the project's Python packages for the image's Python.

    pylock.toml, uv.lock and a complete requirements.txt are the user's and never written; for anything else
    pylock.paddlewheel.toml is kept. `locked` forbids to make or change it, `upgrade` takes the newest versions. The
    lock's notes and warnings have been told to `reporter`. Nothing changed since the last time: uv is not started.

    Raise `LockFormatError`, `LockOutdatedError`, `ResolutionError`, `NetworkError`, `IntegrityError`,
    `NoMatchingWheelError` (the project is for another Python), `ToolMissingError`.
    """
    _require_python(project, target_python)
    offline = client.offline
    if upgrade and (project.lock.complete or project.lock.kind in (LockKind.PYLOCK, LockKind.UV)):
        reporter.warn(f"{project.lock.path.name} is the project's own and is not upgraded: use the tool that wrote it")
    if project.lock.kind is LockKind.PYLOCK:
        lock = _pylock(project)
    elif project.lock.kind is LockKind.UV:
        lock = uv_lock(project, cache=cache, offline=offline, locked=locked)
    elif project.lock.kind is LockKind.REQUIREMENTS and project.lock.complete:
        lock = pinned_requirements(
            project,
            target_python=target_python,
            platform=platform,
            cache=cache,
            offline=offline,
            reporter=reporter,
        )
    else:
        lock = kept_lock(
            project,
            target_python=target_python,
            cache=cache,
            offline=offline,
            reporter=reporter,
            locked=locked,
            upgrade=upgrade,
        )
    for note in lock.notes:
        reporter.note(note)
    for warning in lock.warnings:
        reporter.warn(warning)
    return replace(lock, requested=_requested(project, lock))


def _require_python(project: Project, target: tuple[int, int]) -> None:
    # Whether 3.11.2 or 3.11.9 is known only to the base; here the minor version has to fit in some release.
    required = project.requires_python
    version = "{}.{}".format(*target)
    if required and not any(required.contains(f"{version}.{patch}", prereleases=True) for patch in range(100)):
        raise NoMatchingWheelError(
            f"the project is for Python {required}; the image has Python {version}",
            hint="choose another base or Python in [tool.paddlewheel], or change requires-python",
        )


def _pylock(project: Project) -> PythonLock:
    pylock, warnings = read_pylock(project.lock.path)
    return PythonLock(pylock=pylock, path=project.lock.path, locker=pylock.created_by, warnings=warnings)


def _requested(project: Project, lock: PythonLock) -> frozenset[str]:
    """The packages that the project names itself; all of the lock's where it states no dependencies but the lock."""
    if project.lock.kind is LockKind.REQUIREMENTS:
        return frozenset(line.name for line in read(project.lock.path).lines if line.name)
    declared = _declared(project.root / "pyproject.toml")
    return frozenset(package.name for package in lock.pylock.packages) if declared is None else declared


def _declared(pyproject: Path) -> frozenset[str] | None:
    """The names in [project].dependencies; None where there is no such list."""
    try:
        table = tomllib.loads(pyproject.read_text(encoding="utf-8")).get("project", {})
        return frozenset(canonicalize_name(Requirement(text).name) for text in table["dependencies"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, InvalidRequirement):
        return None
