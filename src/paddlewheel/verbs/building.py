"""The verb `build`: from a folder to a finished image, or straight to the last one when nothing changed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paddlewheel.verbs.unchanged import record_key, remember, remembered
from paddlewheel.verbs.values import Built, Context, LayerReport

if TYPE_CHECKING:
    from paddlewheel.debian.mirror import Mirrors
    from paddlewheel.engines.embedded.engine import Outcome
    from paddlewheel.plan.model import Plan
    from paddlewheel.project.model import Project
    from paddlewheel.verbs.planned import Planned


def build_folder(path: Path, context: Context, *, locked: bool, name: str | None) -> Built:
    """Build the project in the folder `path`, unless the last build's image still is what it gives."""
    began = time.time_ns()
    root = path.absolute()
    asked = {**asdict(context.overrides), "name": name}
    key = record_key(root, asked)
    built = _remembered(context, root, key)
    if built is not None:
        return built
    from paddlewheel.verbs.planned import keep_plan, known_plan
    from paddlewheel.verbs.reading import read_project

    project = read_project(path, context.overrides)
    _begin(project, context)
    known = known_plan(context.cache, key, project)
    planned = known or _plan(project, context, locked=locked)
    built = _build(project, planned, context, name)
    extra = _extra(project)
    if known is None:
        keep_plan(context.cache, key, project, planned, extra=extra, since=began)
    _remember(context, project, key, built, extra=extra, since=began)
    return built


def build_project(project: Project, context: Context, *, locked: bool, name: str | None) -> Built:
    """Lock, plan and build."""
    _begin(project, context)
    return _build(project, _plan(project, context, locked=locked), context, name)


def _plan(project: Project, context: Context, *, locked: bool) -> Planned:
    from paddlewheel.plan.start import check

    check(project)
    from paddlewheel.verbs.locking import make_lock
    from paddlewheel.verbs.planned import Planned
    from paddlewheel.verbs.planning import plan_image

    lock = make_lock(project, context, locked=locked)
    plan = plan_image(project, lock, context.overrides)
    python = plan.python.full_version
    return Planned(plan, f"distroless:{lock.base.suite} (Python {python}, {len(lock.base.packages)} Debian packages)")


def _begin(project: Project, context: Context) -> None:
    context.cache.sweep()
    context.use_credentials_of(project)
    if project.lock.reason:
        context.reporter.note(project.lock.reason)


def _mirrors(project: Project, context: Context) -> Mirrors:
    from paddlewheel.verbs.locking import mirrors_for

    return mirrors_for(project, context)


def _build(project: Project, planned: Planned, context: Context, name: str | None) -> Built:
    from paddlewheel.engines.embedded.engine import Site, build_image

    site = Site(
        root=project.root,
        cache=context.cache,
        client=context.client,
        reporter=context.reporter,
        mirrors=lambda: _mirrors(project, context),
    )
    return _built(context, planned.plan, build_image(planned.plan, site), name, base=planned.base)


def _built(context: Context, plan: Plan, outcome: Outcome, name: str | None, *, base: str) -> Built:
    from paddlewheel.plan.model import InstallWheels

    wheels = [step for stage in plan.stages for step in stage.steps if isinstance(step, InstallWheels)]
    return Built(
        image=outcome.image,
        cache=context.cache,
        name=name or f"{plan.name}:{_tag(outcome.version)}",
        layers=tuple(
            LayerReport(title=layer.title, size=layer.size, unpacked=layer.unpacked, reused=layer.reused)
            for layer in outcome.layers
        ),
        base=base,
        packages=sum(len(step.wheels) for step in wheels),
        start_reason=plan.start.reason,
        version=outcome.version,
    )


def _tag(version: str) -> str:
    """A version as a tag may have it: plus and exclamation marks are not allowed there. None known: ``latest``."""
    if version == "0":
        return "latest"
    return version.replace("+", "-").replace("!", "-")


def _extra(project: Project) -> Sequence[str]:
    """Files that a lock of requirements includes, wherever they are."""
    from paddlewheel.project.model import LockKind

    if project.lock.kind is not LockKind.REQUIREMENTS:
        return ()
    from paddlewheel.project.requirements import read as read_requirements

    return [str(path) for path in read_requirements(project.lock.path).files]


def _remember(context: Context, project: Project, key: str, built: Built, *, extra: Sequence[str], since: int) -> None:
    result: dict[str, Any] = {
        "manifest": built.image.digest,
        "config": built.image.config_descriptor.digest,
        "name": built.name,
        "version": built.version,
        "layers": [asdict(layer) for layer in built.layers],
        "base": built.base,
        "packages": built.packages,
        "start_reason": built.start_reason,
    }
    remember(
        context.cache,
        project.root.absolute(),
        key,
        result,
        files=False if project.is_package else project.settings.files,
        extra=extra,
        since=since,
    )


def _remembered(context: Context, root: Path, key: str) -> Built | None:
    """The last build's result, if nothing was touched and the store still has all of it."""
    from paddlewheel.image.model import Image, sha256_digest

    if not root.is_dir():
        return None
    result = remembered(context.cache, root, key)
    if result is None:
        return None
    store = context.cache.store
    try:
        image = Image(store.path(result["manifest"]).read_bytes(), store.path(result["config"]).read_bytes())
    except OSError:
        return None
    if image.digest != result["manifest"] or sha256_digest(image.config_bytes) != result["config"]:
        return None
    if not all(context.cache.has_blob(layer.digest, layer.size) for layer in image.layers):
        return None
    return Built(
        image=image,
        cache=context.cache,
        name=result["name"],
        layers=tuple(LayerReport(**{**layer, "reused": True}) for layer in result["layers"]),
        base=result["base"],
        packages=result["packages"],
        start_reason=result["start_reason"],
        version=result["version"],
    )
