"""The public verbs: `read`, `lock`, `plan`, `build`, `deliver`, `load`, `run`. Each takes what the one before gives.

`cli` calls these and little deeper, so that a program which imports paddlewheel can do all that the command does.
A verb's own work is in the module of its name here, which is imported when the verb is called.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from paddlewheel.verbs.values import Built, Context, LayerReport, Overrides

if TYPE_CHECKING:
    from paddlewheel.lock.model import Lock
    from paddlewheel.plan.model import Plan
    from paddlewheel.project.model import Project

__all__ = [
    "Built",
    "Context",
    "LayerReport",
    "Overrides",
    "build",
    "deliver",
    "load",
    "lock",
    "plan",
    "read",
    "run",
]


def read(path: str | Path = ".", *, context: Context | None = None) -> Project:
    """Read a project's folder. Raise `ProjectError`, `SettingsError` or `LockFormatError`."""
    from paddlewheel.verbs.reading import read_project

    return read_project(path, context.overrides if context else Overrides())


def lock(project: Project, *, context: Context | None = None, locked: bool = False, upgrade: bool = False) -> Lock:
    """Find or make everything that the image is made of, by hash; write the locks that paddlewheel keeps.

    With `locked`, raise `LockOutdatedError` instead of making or changing a lock. With `upgrade`, take the newest
    versions instead of those that the lock has.
    """
    from paddlewheel.verbs.locking import make_lock

    return make_lock(project, context or Context.default(), locked=locked, upgrade=upgrade)


def plan(project: Project, lock: Lock, *, context: Context | None = None) -> Plan:
    """Decide what is to be built. Pure but for SOURCE_DATE_EPOCH: no network, no clock, no files."""
    from paddlewheel.verbs.planning import plan_image

    return plan_image(project, lock, context.overrides if context else Overrides())


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
        from paddlewheel.verbs.building import build_folder

        return build_folder(Path(project), context, locked=locked, name=name)
    from paddlewheel.verbs.building import build_project

    return build_project(project, context, locked=locked, name=name)


def deliver(built: Built, destination: str, *, context: Context | None = None) -> str:
    """Write or load the image: ``oci:DIR``, ``oci-archive:FILE``, ``docker-archive:FILE``, ``docker-daemon:NAME``,
    ``containers-storage:NAME``. Return the destination in words. Raise `DeliveryError` or `ToolMissingError`.
    """
    from paddlewheel.verbs.delivering import deliver as deliver_image

    return deliver_image(built, destination, context or Context.default())


def load(source: str, *, context: Context | None = None) -> Built:
    """An image that was made before: ``oci:DIR``, ``oci-archive:FILE`` or ``docker-archive:FILE``, each with
    ``:NAME`` where it holds several. Its blobs are taken into the cache. Raise `ImageError` or `StorageError`.
    """
    from paddlewheel.verbs.delivering import load as load_image

    return load_image(source, context or Context.default())


def run(
    built: Built,
    arguments: tuple[str, ...] = (),
    *,
    context: Context | None = None,
    env: dict[str, str] | None = None,
) -> int:
    """Run the image in the rootless sandbox; `arguments` replace its cmd. Return the program's exit status."""
    from paddlewheel.verbs.delivering import run as run_image

    return run_image(built, arguments, context or Context.default(), env or {})
