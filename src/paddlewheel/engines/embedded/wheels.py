"""From `InstallWheels` to layers: fetch, byte-compile and splice side by side, each layer as soon as it can be."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from paddlewheel.cache import Cache
from paddlewheel.engines.embedded.bytecode import Compiler, Source, compile_sources, pyc_name
from paddlewheel.engines.embedded.damage import fetch_damaged, is_pack, remove_damaged_packs
from paddlewheel.engines.embedded.install import Venv, install
from paddlewheel.engines.embedded.kept import KeptLayer, keep_layer, kept_layer, layer_key
from paddlewheel.engines.embedded.members import Container, Piece
from paddlewheel.engines.embedded.pack import write_pack
from paddlewheel.engines.embedded.splice import (
    FileList,
    WheelFile,
    collision,
    file_and_folder,
    folder_collision,
    splice,
)
from paddlewheel.engines.embedded.wheel import read_wheel
from paddlewheel.errors import WheelError
from paddlewheel.net import Artifact, Client, fetch
from paddlewheel.plan.layers import Weight, group
from paddlewheel.plan.model import WheelRef
from paddlewheel.progress import Reporter

_SIZES: Final = "wheel-size"
_FILES: Final = "layer-files"
_AGREED: Final = "agreed-layers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What the wheel layers are made with."""

    cache: Cache
    client: Client
    reporter: Reporter
    venv: Venv
    compiler: Compiler | None
    """None: no bytecode."""
    cores: int = 0

    @property
    def threads(self) -> int:
        return self.cores or len(os.sched_getaffinity(0))


def artifact_of(wheel: WheelRef) -> Artifact:
    return Artifact(
        label=f"{wheel.name} {wheel.version}",
        sha256=wheel.sha256,
        size=wheel.size,
        urls=(wheel.url,) if wheel.url else (),
        path=Path(wheel.path) if wheel.path else None,
    )


def fetch_wheels(wheels: Sequence[WheelRef], shop: Workshop) -> None:
    """Bring all `wheels` into the cache."""
    artifacts = [artifact_of(wheel) for wheel in wheels]
    deque(fetch(artifacts, cache=shop.cache, client=shop.client, reporter=shop.reporter, title="Wheels"), maxlen=0)


def wheel_layers(wheels: Sequence[WheelRef], budget: int, shop: Workshop) -> list[KeptLayer]:
    """Layers for `wheels`, lowest first, at most `budget`. Those in the cache are used; no wheel is needed for them.

    Raise `WheelError`, `IntegrityError`, `CollisionError`, `NetworkError`, ...
    """
    by_name = {wheel.name: wheel for wheel in wheels}
    weights = _weights(wheels, shop)
    groups = [[by_name[name] for name in names] for names in group(weights, budget)] if wheels else []
    keys = [_key(members, shop) for members in groups]
    layers = {number: layer for number, key in enumerate(keys) if (layer := kept_layer(shop.cache, key, shop.reporter))}
    missing = [number for number in range(len(groups)) if number not in layers]
    if missing:
        layers.update(_make(groups, keys, missing, shop))
    check_agreement([(key, _names(members)) for key, members in zip(keys, groups, strict=True)], shop.cache)
    return [layers[number] for number in range(len(groups))]


def _weights(wheels: Sequence[WheelRef], shop: Workshop) -> list[Weight]:
    """Sizes from the lock, the cache's memory, or, at last, the files themselves."""
    sizes = {wheel.name: size for wheel in wheels if (size := _known_size(wheel, shop.cache)) is not None}
    unknown = [wheel for wheel in wheels if wheel.name not in sizes]
    if unknown:
        fetch_wheels(unknown, shop)
        for wheel in unknown:
            sizes[wheel.name] = shop.cache.artifact(wheel.sha256).stat().st_size
            shop.cache.put_record(_SIZES, wheel.sha256, {"size": sizes[wheel.name]})
    return [Weight(name, size) for name, size in sizes.items()]


def _known_size(wheel: WheelRef, cache: Cache) -> int | None:
    if wheel.size is not None:
        return wheel.size
    record = cache.record(_SIZES, wheel.sha256)
    return int(record["size"]) if record else None


def _key(wheels: Sequence[WheelRef], shop: Workshop) -> str:
    return layer_key(
        "wheels",
        prefix=shop.venv.prefix,
        python=list(shop.venv.python),
        bytecode=shop.compiler.identity if shop.compiler else None,
        wheels=sorted(wheel.sha256 for wheel in wheels),
    )


def _make(
    groups: Sequence[Sequence[WheelRef]], keys: Sequence[str], missing: Sequence[int], shop: Workshop
) -> dict[int, KeptLayer]:
    """Make the layers of `missing`. A layer is begun when the last of its wheels is there."""
    place = {wheel.sha256: number for number in missing for wheel in groups[number]}
    waiting = {number: {wheel.sha256 for wheel in groups[number]} for number in missing}
    needed = [wheel for number in missing for wheel in groups[number]]
    made: dict[int, KeptLayer] = {}
    with (
        shop.reporter.task("Layers", len(needed), unit="wheels") as task,
        ThreadPoolExecutor(shop.threads, "layer") as layers,
        ThreadPoolExecutor(shop.threads, "compile") as compilers,
    ):
        jobs: dict[Future[KeptLayer], int] = {}
        try:
            artifacts = [artifact_of(wheel) for wheel in needed]
            with closing(
                fetch(artifacts, cache=shop.cache, client=shop.client, reporter=shop.reporter, title="Wheels")
            ) as arriving:
                for artifact, _ in arriving:
                    number = place[artifact.sha256]
                    waiting[number].discard(artifact.sha256)
                    if not waiting[number]:
                        job = layers.submit(_make_layer, groups[number], keys[number], shop, compilers)
                        jobs[job] = number
            for job in as_completed(jobs):
                made[jobs[job]] = job.result()
                task.advance(len(groups[jobs[job]]))
        except BaseException:
            layers.shutdown(wait=False, cancel_futures=True)
            compilers.shutdown(wait=False, cancel_futures=True)
            raise
    return made


def _make_layer(wheels: Sequence[WheelRef], key: str, shop: Workshop, compilers: Executor) -> KeptLayer:
    try:
        return _splice_layer(wheels, key, shop, compilers)
    except WheelError:
        packs = [place for wheel in wheels if (place := _pack_place(wheel.sha256, shop)) and place.exists()]
        mended = remove_damaged_packs(packs)
        artifacts = [artifact_of(wheel) for wheel in wheels]
        if not fetch_damaged(artifacts, shop.cache, shop.client, shop.reporter) and not mended:
            raise
    return _splice_layer(wheels, key, shop, compilers)


def _splice_layer(wheels: Sequence[WheelRef], key: str, shop: Workshop, compilers: Executor) -> KeptLayer:
    files = [
        WheelFile(
            path=shop.cache.artifact(wheel.sha256),
            filename=wheel.filename,
            vouched=wheel.vouched,
            pack=bytecode_pack(shop.cache.artifact(wheel.sha256), wheel.filename, wheel.sha256, shop, compilers),
        )
        for wheel in sorted(wheels, key=lambda wheel: wheel.name)
    ]
    made = splice(files, shop.venv, shop.cache.store)
    keep_files(shop.cache, key, made.files)
    title = ", ".join(f"{wheel.name} {wheel.version}" for wheel in sorted(wheels, key=lambda wheel: wheel.name))
    return keep_layer(shop.cache, key, made.layer, title=title)


def keep_files(cache: Cache, key: str, files: FileList) -> None:
    """Remember what the layer under `key` holds, for `check_agreement`."""
    cache.put_record(_FILES, key, {"files": files})


def bytecode_pack(path: Path, filename: str, sha256: str, shop: Workshop, compilers: Executor) -> Path | None:
    """The wheel's byte-compiled modules, compiled once per wheel, interpreter and prefix. None: not wanted."""
    compiler, pack = shop.compiler, _pack_place(sha256, shop)
    if compiler is None or pack is None or is_pack(pack):
        return pack
    with Container(path, filename) as container:
        pieces = install(read_wheel(container, path, filename), container, shop.venv)
        sources = _modules(pieces, container, shop.venv)
        compiled = [pair for batch in compile_sources(compiler, sources, compilers) for pair in batch]
    prefix = len(shop.venv.root) + 1
    write_pack(shop.cache, pack, [(pyc_name(name[prefix:], compiler.tag), data) for name, data in compiled])
    return pack


def _pack_place(sha256: str, shop: Workshop) -> Path | None:
    if shop.compiler is None:
        return None
    key = hashlib.sha256(f"{sha256}\0{shop.compiler.identity}\0{shop.venv.prefix}".encode()).hexdigest()
    return shop.cache.root / "bytecode" / key[:2] / key


def _modules(pieces: Sequence[Piece], container: Container, venv: Venv) -> list[Source]:
    def reader(piece: Piece) -> bytes:
        return container.read(piece.member) if piece.member else piece.data or b""

    return [
        (piece.path, f"/{piece.path}", lambda piece=piece: reader(piece))  # type: ignore[misc]
        for piece in pieces
        if piece.path.endswith(".py") and piece.path.startswith(venv.site_packages + "/")
    ]


def check_agreement(layers: Sequence[tuple[str, str]], cache: Cache) -> None:
    """Two layers must not hold different bytes for one path, nor a file where the other has a folder: which of them
    won would depend on their order.

    `layers` are (key, what to call it) pairs. Raise `CollisionError`. What was found to agree is not looked at again.
    """
    together = layer_key("together", layers=sorted(key for key, _ in layers))
    if cache.record(_AGREED, together):
        return
    seen: dict[str, tuple[list[int], str]] = {}
    complete = True
    for key, label in layers:
        record = cache.record(_FILES, key)
        if record is None:
            complete = False
            continue
        for path, what in record["files"].items():
            before, other = seen.setdefault(path, (what, label))
            if before != what:
                raise collision(path, other, label)
    if found := file_and_folder(seen):
        path, below = found
        raise folder_collision(path, below, seen[path][1], seen[below][1])
    if complete:
        cache.put_record(_AGREED, together, {"layers": len(layers)})


def _names(wheels: Sequence[WheelRef]) -> str:
    return wheels[0].filename if len(wheels) == 1 else "one of " + ", ".join(wheel.name for wheel in wheels)
