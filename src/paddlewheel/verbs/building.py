"""The verb `build`: from a folder to a finished image, or straight to the last one when nothing changed."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paddlewheel.verbs.unchanged import record_key, remember, remembered
from paddlewheel.verbs.values import Built, Context, LayerReport

if TYPE_CHECKING:
    from paddlewheel.engines.embedded.engine import Outcome
    from paddlewheel.plan.model import Plan
    from paddlewheel.project.model import Project


def build_folder(path: Path, context: Context, *, locked: bool, name: str | None) -> Built:
    """Build the project in the folder `path`, unless the last build's image still is what it gives."""
    root = path.absolute()
    asked = {**asdict(context.overrides), "name": name}
    key = record_key(root, asked)
    built = _remembered(context, root, key)
    if built is not None:
        return built
    from paddlewheel.verbs.reading import read_project

    project = read_project(path, context.overrides)
    return build_project(project, context, locked=locked, name=name, key=key)


def build_project(
    project: Project, context: Context, *, locked: bool, name: str | None, key: str | None = None
) -> Built:
    """Lock, plan and build."""
    from paddlewheel.engines.embedded.engine import Site, build_image
    from paddlewheel.verbs.locking import make_lock, mirrors_for
    from paddlewheel.verbs.planning import plan_image

    context.cache.sweep()
    if project.lock.reason:
        context.reporter.note(project.lock.reason)
    lock = make_lock(project, context, locked=locked)
    plan = plan_image(project, lock, context.overrides)
    site = Site(
        root=project.root,
        cache=context.cache,
        client=context.client,
        reporter=context.reporter,
        mirrors=mirrors_for(project, context),
    )
    outcome = build_image(plan, site)
    built = _built(context, plan, outcome, name, base=_base_text(plan, len(lock.base.packages), lock.base.suite))
    if key is not None:
        _remember(context, project, key, built)
    return built


def _base_text(plan: Plan, packages: int, suite: str) -> str:
    return f"distroless:{suite} (Python {plan.python.full_version}, {packages} Debian packages)"


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


def _remember(context: Context, project: Project, key: str, built: Built) -> None:
    from paddlewheel.project.model import LockKind
    from paddlewheel.project.requirements import read as read_requirements

    extra: tuple[Path, ...] = ()
    if project.lock.kind is LockKind.REQUIREMENTS:
        extra = read_requirements(project.lock.path).files
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
        extra=[str(path) for path in extra],
    )


def _remembered(context: Context, root: Path, key: str) -> Built | None:
    """The last build's result, if nothing was touched and the store still has all of it."""
    from paddlewheel.image.model import Image

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
    if image.digest != result["manifest"]:
        return None
    if not all(store.has(layer.digest, layer.size) for layer in image.layers):
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
