"""The verbs after `build`: write or load an image, read one that was made before, run one."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paddlewheel.verbs.values import Built, Context, LayerReport

if TYPE_CHECKING:
    from paddlewheel.image.model import Image

_KIND = "delivered"
_ARCHIVES = ("oci-archive", "docker-archive")


def deliver(built: Built, destination: str, context: Context) -> str:
    """Write `built` to `destination`, unless the file there still is what was last written for the same image."""
    key, path = _archive_key(built, destination)
    if path is not None and _is_there(path, context.cache.record(_KIND, key)):
        return f"{path} (unchanged)"
    from paddlewheel.image.transports import parse_destination

    place = parse_destination(destination)
    place.write(built.image, context.cache.store, built.name, context.reporter)
    if path is not None:
        context.cache.put_record(_KIND, key, _state(path))
    return place.describe()


def _archive_key(built: Built, destination: str) -> tuple[str, Path | None]:
    transport, _, rest = destination.partition(":")
    if transport not in _ARCHIVES:
        return "", None
    path = Path(rest.partition(":")[0])
    parts = "\0".join((destination, os.fspath(path.absolute()), built.name, built.image.digest))
    return hashlib.sha256(parts.encode()).hexdigest(), path


def _state(path: Path) -> dict[str, Any]:
    found = path.stat()
    times = {"mtime": found.st_mtime_ns, "ctime": found.st_ctime_ns}
    return {"size": found.st_size, **times, "inode": found.st_ino, "boot": _boot()}


def _boot() -> str:
    """Which start of this machine it is: what was written before a crash may not have reached the disk."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _is_there(path: Path, record: dict[str, Any] | None) -> bool:
    try:
        return record is not None and _state(path) == record
    except OSError:
        return False


def load(source: str, context: Context) -> Built:
    """Take an image's blobs into the cache's store, each checked by its digest."""
    from paddlewheel.image.blobs import take
    from paddlewheel.image.transports import open_image

    image, blobs = open_image(source)
    take(image, blobs, context.cache.store, context.reporter)
    return Built(
        image=image,
        cache=context.cache,
        name=source,
        layers=tuple(
            LayerReport(
                title=layer.created_by.removeprefix("paddlewheel: ") or layer.digest,
                size=layer.size,
                unpacked=0,
                reused=True,
            )
            for layer in image.layers
        ),
        base=image.run.labels.get("dev.paddlewheel.base", "an image that was made before"),
        packages=0,
        start_reason="as the image says",
        version=image.run.labels.get("org.opencontainers.image.version", ""),
    )


def run(built: Built, arguments: tuple[str, ...], context: Context, env: dict[str, str]) -> int:
    """Unpack what is not unpacked yet, and start the program."""
    from paddlewheel.errors import ImageError
    from paddlewheel.sandbox.image import rootfs_layers, spec_for
    from paddlewheel.sandbox.run import run as run_spec

    image: Image = built.image
    store = context.cache.store
    try:
        layers = rootfs_layers(image, store, context.cache, context.reporter)
    except ImageError as error:
        damaged = [layer.digest for layer in image.layers if not store.verify(layer.digest)]
        if not damaged:
            raise
        raise ImageError(
            f"the cache's copy of layer {damaged[0]} was damaged, and is removed", hint="run the same command again"
        ) from error
    spec = spec_for(image, layers, context.cache, arguments=arguments, env=env)
    return run_spec(spec, reporter=context.reporter)
