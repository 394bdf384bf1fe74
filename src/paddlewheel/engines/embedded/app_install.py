"""The app's own layer, for a project with a build system: its wheel, built here and installed like the rest."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from packaging.utils import parse_wheel_filename

from paddlewheel.engines.embedded.app_wheel import build_wheel
from paddlewheel.engines.embedded.kept import KeptLayer, keep_layer, kept_layer, layer_key
from paddlewheel.engines.embedded.members import Container
from paddlewheel.engines.embedded.splice import WheelFile, splice
from paddlewheel.engines.embedded.wheel import read_wheel
from paddlewheel.engines.embedded.wheels import Workshop, bytecode_pack, check_agreement, keep_files
from paddlewheel.plan.model import BuildApp, InstallApp


def installed_app(
    build: BuildApp, install: InstallApp, root: Path, shop: Workshop, dependencies: Sequence[KeptLayer]
) -> tuple[list[KeptLayer], str]:
    """Build the wheel of the project at `root` and make its layer. Return the layer and the wheel's version."""
    with shop.cache.directory("app") as folder:
        with shop.reporter.task(f"Building the wheel of {build.name}"):
            wheel = build_wheel(
                root, folder, build.constraints, epoch=build.epoch, offline=shop.client.offline, cache=shop.cache
            )
        name, version = (str(part) for part in parse_wheel_filename(wheel.name)[:2])
        content = wheel_content(wheel)
        with_bytecode = install.bytecode and shop.compiler is not None
        key = layer_key(
            "app-wheel",
            prefix=install.prefix,
            python=list(shop.venv.python),
            bytecode=shop.compiler.identity if with_bytecode and shop.compiler else None,
            content=content,
        )
        layer = kept_layer(shop.cache, key, shop.reporter)
        if layer is None:
            with ThreadPoolExecutor(shop.threads, "compile") as compilers:
                pack = bytecode_pack(wheel, wheel.name, content, shop, compilers) if with_bytecode else None
            # The wheel was compressed by this machine's zlib, whose bytes other machines would not give.
            made = splice(
                [WheelFile(path=wheel, filename=wheel.name, pack=pack, vouched=False, splice=False)],
                shop.venv,
                shop.cache.store,
            )
            keep_files(shop.cache, key, made.files)
            layer = keep_layer(shop.cache, key, made.layer, title=f"{name} {version}")
    check_agreement([(kept.key, kept.title) for kept in (*dependencies, layer)], shop.cache)
    return [layer], version


def wheel_content(path: Path) -> str:
    """A hash of what the wheel holds, not of how it is compressed: names, modes, and RECORD's hashes, checked."""
    digest = hashlib.sha256()
    with Container(path, path.name) as container:
        wheel = read_wheel(container, path, path.name, vouched=False)
        for name in wheel.members:
            row = wheel.record.get(name)
            digest.update(f"{name}\0{name in wheel.executables}\0{row.hash if row else ''}\n".encode())
    return digest.hexdigest()
