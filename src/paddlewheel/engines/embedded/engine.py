"""The embedded engine: Plan -> Image, with nothing but this process and the cache."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from paddlewheel.cache import Cache
from paddlewheel.debian.mirror import Mirrors
from paddlewheel.engines.embedded.app import compiled_pieces, content_key, read_files
from paddlewheel.engines.embedded.app_install import installed_app
from paddlewheel.engines.embedded.app_warnings import keep_uncompiled, warn_missing_script, warn_uncompiled
from paddlewheel.engines.embedded.base import Base, base_layers
from paddlewheel.engines.embedded.environment import environment_layer
from paddlewheel.engines.embedded.install import Venv
from paddlewheel.engines.embedded.kept import KeptLayer, keep_layer, kept_layer, layer_key
from paddlewheel.engines.embedded.splice import write_layer
from paddlewheel.engines.embedded.wheels import Workshop, wheel_layers
from paddlewheel.image.model import Image, RunConfig
from paddlewheel.image.tar import Entry
from paddlewheel.net import Client
from paddlewheel.plan.model import (
    BuildApp,
    ComposeBase,
    CopyApp,
    CreateVenv,
    InstallApp,
    InstallWheels,
    MakeDirectories,
    Plan,
    SetConfig,
)
from paddlewheel.progress import Reporter
from paddlewheel.project.files import scan
from paddlewheel.project.model import AppFile

_VERSION_LABEL = "org.opencontainers.image.version"
StepType = TypeVar("StepType")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A finished image. Its manifest, config and layers are in the cache's store. `version` is the app's own."""

    image: Image
    layers: tuple[KeptLayer, ...]
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where a plan is carried out: the project's folder, and what fetches and keeps."""

    root: Path
    cache: Cache
    client: Client
    reporter: Reporter
    mirrors: Callable[[], Mirrors]
    """Asked only when something must be fetched from them."""


def build_image(plan: Plan, site: Site) -> Outcome:
    """Carry out `plan`. Layers whose key is in the cache are used as they are."""
    compose = _step(plan, ComposeBase)
    create = _step(plan, CreateVenv)
    install = _step(plan, InstallWheels)
    config = _step(plan, SetConfig)
    venv = Venv(create.prefix, create.python.version)
    base = base_layers(
        compose,
        create.python,
        (site.cache, site.client, site.reporter, site.mirrors),
        bytecode=install.bytecode,
    )
    directories = _optional_step(plan, MakeDirectories)
    shop = Workshop(
        cache=site.cache,
        client=site.client,
        reporter=site.reporter,
        venv=venv,
        compiler=base.compiler(site.reporter) if install.bytecode else None,
    )
    environment = environment_layer(
        site.cache,
        venv,
        create.python,
        base.composed,
        workdir=config.run.working_dir,
        directories=directories,
        timezone=compose.timezone,
    )
    wheels = wheel_layers(install.wheels, install.layers, shop)
    version = plan.version
    copy = _optional_step(plan, CopyApp)
    if copy is not None:
        app = _copied_app(copy, config.run, site, base, directories)
    else:
        app, version = installed_app(_step(plan, BuildApp), _step(plan, InstallApp), site.root, shop, wheels)
    layers = (*base.layers, environment, *wheels, *app)
    image = Image.create(
        platform=plan.platform,
        run=config.run,
        layers=[layer.as_layer() for layer in layers],
        created=config.created,
        annotations={**config.annotations, "org.opencontainers.image.created": config.created},
    )
    if version != plan.version:
        image = _with_version(image, version)
    site.cache.store.put(image.config_bytes)
    site.cache.store.put(image.manifest_bytes)
    return Outcome(image=image, layers=layers, version=version)


def _with_version(image: Image, version: str) -> Image:
    """The version that the build back end found, where the plan could not know it."""
    image = image.with_labels({_VERSION_LABEL: version})
    return Image.create(
        platform=image.platform,
        run=image.run,
        layers=image.layers,
        created=image.config["created"],
        annotations={**image.annotations, _VERSION_LABEL: version},
    )


def _optional_step(plan: Plan, kind: type[StepType]) -> StepType | None:
    return next((step for stage in plan.stages for step in stage.steps if isinstance(step, kind)), None)


def _step(plan: Plan, kind: type[StepType]) -> StepType:
    step = _optional_step(plan, kind)
    if step is None:
        raise ValueError(f"the plan has no step {kind.__name__}")
    return step


def _copied_app(
    copy: CopyApp, run: RunConfig, site: Site, base: Base, directories: MakeDirectories | None
) -> list[KeptLayer]:
    """A layer for each pattern of `files`, or one for all."""
    selection = scan(site.root, copy.files)
    if selection.secrets:
        # A `.env` lies in many a folder, and belongs there. A password in a file that states dependencies does not.
        tell = site.reporter.warn if selection.passwords else site.reporter.note
        shown = (*selection.passwords, *(path for path in selection.secrets if path not in selection.passwords))
        tell(f"left out, as they look like secrets: {', '.join(shown[:5])}" + (" ..." if len(shown) > 5 else ""))
    warn_missing_script(run, selection.groups, copy.target, site.reporter)
    titles = copy.files or ("app",)
    return [
        _copied_group(group, title, copy, site, base, directories)
        for group, title in zip(selection.groups, titles, strict=True)
        if group
    ]


def _copied_group(
    group: Sequence[AppFile],
    title: str,
    copy: CopyApp,
    site: Site,
    base: Base,
    directories: MakeDirectories | None,
) -> KeptLayer:
    files, links = read_files(site.root, group, copy.target)
    compiler = None
    if copy.bytecode and any(file.piece.path.endswith(".py") for file in files):
        compiler = base.compiler(site.reporter)
    owned = _owned_folders([file.piece.path for file in files], directories)
    key = layer_key(
        "files",
        content=content_key(files, links),
        owned=[[entry.path, entry.uid, entry.gid] for entry in owned],
        bytecode=compiler.identity if compiler else None,
    )
    kept = kept_layer(site.cache, key, site.reporter)
    if kept is not None:
        warn_uncompiled(key, base.python.short, site.cache, site.reporter)
        return replace(kept, title=title)
    pieces = [file.piece for file in files]
    if compiler is not None:
        with ThreadPoolExecutor(len(os.sched_getaffinity(0)), "compile") as executor:
            compiled, broken = compiled_pieces(files, compiler, site.cache, executor)
        pieces += compiled
        keep_uncompiled(broken, copy.target, key, compiler, site.cache)
        warn_uncompiled(key, base.python.short, site.cache, site.reporter)
    layer = write_layer(site.cache.store, pieces, [], entries=[*links, *owned])
    return keep_layer(site.cache, key, layer, title=title)


def _owned_folders(paths: Sequence[str], directories: MakeDirectories | None) -> list[Entry]:
    """Writable folders that the app brings files into: this layer must not take them from their owner."""
    if directories is None:
        return []
    return [
        Entry(folder, kind="dir", mode=0o755, uid=directories.uid, gid=directories.gid)
        for folder in (path.strip("/") for path in directories.paths)
        if any(path.startswith(folder + "/") for path in paths)
    ]
