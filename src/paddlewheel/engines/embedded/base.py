"""The base layers: Debian's packages composed, the standard library byte-compiled, the extras on top."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from isal.isal_zlib import crc32

from paddlewheel.cache import Cache
from paddlewheel.debian.compose import (
    Composed,
    compose_core,
    compose_extras,
    core_key,
    core_packages,
    extra_packages,
    extras_key,
)
from paddlewheel.debian.filters import wants_bytecode
from paddlewheel.debian.mirror import Mirrors
from paddlewheel.debian.model import PinnedPackage
from paddlewheel.debian.pin import fetch
from paddlewheel.engines.embedded.bytecode import (
    Compiler,
    Source,
    compile_sources,
    image_compiler,
    other_compiler,
    pyc_name,
)
from paddlewheel.engines.embedded.damage import remove_damaged
from paddlewheel.engines.embedded.install import FILE_MODE
from paddlewheel.engines.embedded.kept import KeptLayer, keep_layer, kept_layer, layer_key
from paddlewheel.engines.embedded.members import Piece
from paddlewheel.engines.embedded.splice import write_layer
from paddlewheel.image.layer import LayerWriter
from paddlewheel.image.unpack import unpack_layer
from paddlewheel.net import Client
from paddlewheel.plan.model import ComposeBase, PythonTarget
from paddlewheel.plan.python import python_build
from paddlewheel.progress import Reporter

_LEVEL: Final = 10
"""A base is compressed once for all projects, so a high level pays. 12 would take twice as long for 0.2 % less."""

_COMPOSED: Final = "composed-2"


@dataclass
class Base:
    """The layers of a base, lowest first, what they hold, and its interpreter, started only when it is needed."""

    core: KeptLayer
    composed: Composed
    layers: tuple[KeptLayer, ...]
    python: PythonTarget
    build: str
    cache: Cache
    _compiler: list[Compiler | None] = field(default_factory=list)

    def compiler(self, reporter: Reporter) -> Compiler | None:
        """What to byte-compile with; None, and a warning, where nothing of this Python version runs here."""
        if not self._compiler:
            self._compiler.append(self._find_compiler(reporter))
        return self._compiler[0]

    def _find_compiler(self, reporter: Reporter) -> Compiler | None:
        rootfs = unpack_layer(self.core.as_layer(), self.cache.store, self.cache)
        own = image_compiler(rootfs, self.python.version, self.build, self.python.platform.architecture)
        if own:
            return own
        short = self.python.short
        other = other_compiler(self.python.version)
        if other is None:
            reporter.warn(
                f"no bytecode: the image's Python does not run on this machine, and no other Python {short} was found; "
                f"the app will start more slowly; install Python {short} on this machine, or set bytecode = false"
            )
            return None
        reporter.warn(
            f"bytecode is compiled by another Python {short} than the image's, "
            f"{other.identity.partition('(')[0].removeprefix('other ').strip()}, "
            "so the image's digest may differ from one built where the image's own runs"
        )
        return other


def base_layers(
    compose: ComposeBase,
    python: PythonTarget,
    site: tuple[Cache, Client, Reporter, Callable[[], Mirrors]],
    *,
    bytecode: bool,
) -> Base:
    """Make, or take from the cache, the layers of a composed base."""
    cache, client, reporter, mirrors = site
    pinned = compose.base

    def debs(packages: tuple[PinnedPackage, ...]) -> dict[str, Path]:
        # To compose takes far longer than to hash, and is done once for many builds.
        remove_damaged([(package.sha256, package.name) for package in packages], cache, reporter)
        return fetch(packages, pinned.snapshot, client=client, cache=cache, mirrors=mirrors(), reporter=reporter)

    title = f"Debian {pinned.suite}, Python {python.full_version}"
    with cache.lock(f"base-{core_key(pinned)}"):
        core, composed = _composed_layer(
            cache,
            core_key(pinned),
            title,
            lambda writer: compose_core(pinned, debs(core_packages(pinned)), writer),
            reporter,
        )
    base = Base(core=core, composed=composed, layers=(core,), python=python, build=python_build(pinned), cache=cache)
    layers = [core]
    if bytecode and (compiler := base.compiler(reporter)):
        with cache.lock(f"base-bytecode-{core_key(pinned)}"):
            layers.append(_library_bytecode(base, compiler, reporter))
    extras = extra_packages(pinned)
    if extras:
        names = ", ".join(package.name for package in extras)
        layer, base.composed = _composed_layer(
            cache,
            extras_key(pinned),
            f"Debian packages {names}",
            lambda writer: compose_extras(pinned, debs(extras), composed, writer),
            reporter,
        )
        layers.append(layer)
    base.layers = tuple(layers)
    return base


def _composed_layer(
    cache: Cache,
    key: str,
    title: str,
    compose: Callable[[LayerWriter], Composed],
    reporter: Reporter,
) -> tuple[KeptLayer, Composed]:
    key = layer_key("composed", base=key, level=_LEVEL)
    kept, record = kept_layer(cache, key, reporter), cache.record(_COMPOSED, key)
    if kept and record:
        return kept, Composed.from_json(record)
    with reporter.task(f"Composing {title}"), cache.store.create() as (sink, temporary):
        writer = LayerWriter(sink, level=_LEVEL)
        composed = compose(writer)
        written = writer.close()
        cache.store.commit(temporary, written.digest)
    cache.put_record(_COMPOSED, key, composed.to_json())
    return keep_layer(cache, key, written, title=title), composed


def _library_bytecode(base: Base, compiler: Compiler, reporter: Reporter) -> KeptLayer:
    """The standard library's compiled modules, in a layer of their own: Debian makes them when it installs."""
    rootfs = base.cache.root / "rootfs" / base.core.diff_id.partition(":")[2]
    library = f"usr/lib/python{base.python.short}/"
    sources: list[Source] = [
        (path, f"/{path}", (rootfs / path).read_bytes)
        for path in base.composed.files
        if path.endswith(".py")
        and path.startswith((library, "usr/lib/python3/"))
        # Debian's sitecustomize.py is a link into /etc, for the administrator.
        and not (rootfs / path).is_symlink()
        and wants_bytecode(path)
    ]
    key = layer_key(
        "library-bytecode",
        core=base.core.diff_id,
        bytecode=compiler.identity,
        level=_LEVEL,
        modules=[name for name, _, _ in sources],
    )
    kept = kept_layer(base.cache, key, reporter)
    if kept:
        return kept
    with (
        reporter.task("Byte-compiling the standard library", len(sources), unit="files") as task,
        ThreadPoolExecutor(len(os.sched_getaffinity(0)), "compile") as executor,
    ):
        pieces = []
        for batch in compile_sources(compiler, sources, executor):
            task.advance(len(batch))
            for path, pyc in batch:
                pieces.append(Piece(pyc_name(path, compiler.tag), FILE_MODE, len(pyc), crc32(pyc), data=pyc))
    layer = write_layer(base.cache.store, pieces, [], level=_LEVEL)
    return keep_layer(
        base.cache, key, layer, title=f"bytecode of the standard library, Python {base.python.full_version}"
    )
