"""Unpacking layers into folders that overlayfs can stack: `rootfs/<hex of DiffID>` in the cache.

Each layer has a folder of its own, made once. What a layer removes from those below becomes what overlayfs knows:
a character device 0/0 for ``.wh.name``, and the attribute `user.overlay.opaque` for ``.wh..wh..opq`` (mount with
`userxattr`). Sources: OCI image specification 1.1, layer.md; the kernel's Documentation/filesystems/overlayfs.rst.

Nothing is written outside the folder: links that the layer makes are followed within it, as in a chroot. Owners are
set when root unpacks. Otherwise all belongs to the user, who keeps access to each file and folder, so that the
cache can be removed again; what the layer says of other owners than root becomes a record (kind `owners`, by the
DiffID's hex). Devices and pipes are left out.
"""

from __future__ import annotations

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

from paddlewheel.errors import ImageError
from paddlewheel.image.blobs import Advance, Blobs
from paddlewheel.image.model import Image, Layer
from paddlewheel.image.store import storage_errors
from paddlewheel.image.tarread import LayerReader
from paddlewheel.image.unpacker import Unpacker
from paddlewheel.progress import Reporter

if TYPE_CHECKING:
    from paddlewheel.cache import Cache

__all__ = ["OWNERS", "Unpacker", "unpack_image", "unpack_layer", "unpacked_place"]

OWNERS: Final = "owners"
"""Kind of the record with a layer's owners: ``{"owners": {path: [uid, gid]}}``, without those that are root's."""


def unpack_image(image: Image, blobs: Blobs, cache: Cache, reporter: Reporter) -> list[Path]:
    """The folders of all layers, lowest first; those that are not in the cache yet are made, side by side.

    Raise `ImageError` for a layer that is damaged or is not what its digests say, `StorageError` for a full disk.
    """
    layers = list({layer.diff_id: layer for layer in image.layers}.values())
    missing = [layer for layer in layers if not unpacked_place(layer, cache).is_dir()]
    if missing:
        # The largest first, so that it does not run alone at the end.
        missing.sort(key=lambda layer: layer.size, reverse=True)
        with (
            reporter.task("Unpacking layers", sum(layer.size for layer in missing), unit="B") as task,
            ThreadPoolExecutor(min(len(missing), len(os.sched_getaffinity(0)), 8)) as pool,
        ):
            done = [pool.submit(unpack_layer, layer, blobs, cache, task.advance) for layer in missing]
            try:
                for future in done:
                    future.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    return [unpacked_place(layer, cache) for layer in image.layers]


def unpacked_place(layer: Layer, cache: Cache) -> Path:
    """Where the layer's folder is, or would be."""
    algorithm, _, hexes = layer.diff_id.partition(":")
    if algorithm != "sha256":
        raise ImageError(f"{layer.diff_id!r} is no sha256 digest")
    return cache.root / "rootfs" / hexes


def unpack_layer(layer: Layer, blobs: Blobs, cache: Cache, advance: Advance | None = None) -> Path:
    """The layer's folder, made when it is not there. Another process that makes it is waited for."""
    place = unpacked_place(layer, cache)
    if place.is_dir():
        return place
    with cache.lock(f"unpack-{place.name}"), storage_errors(cache.root):
        if place.is_dir():
            return place
        # Whoever may not read the cache's owner's files must not reach a program with set-user-id among them.
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with cache.directory("rootfs") as temporary:
            root = temporary / "layer"
            root.mkdir()
            with blobs.open(layer.digest) as blob:
                reader = LayerReader(blob, f"layer {layer.digest}")
                unpacker = Unpacker(root, str(layer.digest))
                unpacker.unpack(reader)
            if reader.diff_id != layer.diff_id:
                raise ImageError(
                    f"layer {layer.digest} unpacks to {reader.diff_id}, and the image's config says {layer.diff_id}",
                    hint="build or fetch the image again",
                )
            if os.geteuid() != 0:
                cache.put_record(OWNERS, place.name, {"owners": unpacker.owners})
            try:
                root.rename(place)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
    if advance is not None:
        advance(layer.size)
    return place
