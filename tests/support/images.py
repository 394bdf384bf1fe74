"""Small images built in code, and an image's layers read back by Python's own gzip and tarfile."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Sequence
from pathlib import Path

from paddlewheel.image.blobs import Blobs
from paddlewheel.image.layer import LayerWriter
from paddlewheel.image.model import Image, Layer, Platform, RunConfig
from paddlewheel.image.store import Store
from paddlewheel.image.tar import Entry

AMD64 = Platform("linux", "amd64")
ARM64 = Platform("linux", "arm64")
CREATED = "2024-05-17T12:00:00Z"

Item = tuple[Entry, bytes]


def file(path: str, data: bytes = b"", *, mode: int = 0o644) -> Item:
    return Entry(path, mode=mode, size=len(data)), data


def folder(path: str, *, mode: int = 0o755) -> Item:
    return Entry(path, kind="dir", mode=mode), b""


def symlink(path: str, target: str) -> Item:
    return Entry(path, kind="symlink", mode=0o777, target=target), b""


def hardlink(path: str, target: str, *, mode: int = 0o644) -> Item:
    return Entry(path, kind="hardlink", target=target, mode=mode), b""


def write_layer(store: Store, items: Sequence[Item], *, created_by: str = "a test") -> Layer:
    """A gzip layer in `store`."""
    with store.create() as (sink, temporary):
        writer = LayerWriter(sink)
        for entry, data in items:
            writer.add(entry, data)
        written = writer.close()
        store.commit(temporary, written.digest)
    return Layer(descriptor=written.descriptor(), diff_id=written.diff_id, created_by=created_by)


def make_image(
    store: Store, *layers: Sequence[Item], platform: Platform = AMD64, run: RunConfig | None = None
) -> Image:
    """An image of `layers`, whose blobs are in `store`."""
    written = [write_layer(store, items) for items in layers]
    return Image.create(platform=platform, run=run or RunConfig(), layers=written, created=CREATED)


def small_image(store: Store, text: str = "hello") -> Image:
    """Two layers of a few files."""
    return make_image(
        store,
        [folder("etc"), file("etc/motd", text.encode()), symlink("etc/issue", "motd")],
        [folder("app"), file("app/run", b"#!/bin/sh\n" * 500, mode=0o755), hardlink("app/go", "app/run", mode=0o755)],
    )


def busybox_image(store: Store) -> Image:
    """An image that starts: a static busybox that says hello."""
    program = Path("/bin/busybox").read_bytes()
    run = RunConfig(cmd=("/bin/sh", "-c", "echo hello from $WHERE; cat /etc/motd"), env=(("WHERE", "paddlewheel"),))
    return make_image(
        store,
        [folder("bin"), file("bin/busybox", program, mode=0o755)],
        [symlink("bin/sh", "busybox"), symlink("bin/cat", "busybox"), folder("etc"), file("etc/motd", b"wheels\n")],
        run=run,
    )


def tar_of(layer: Layer, blobs: Blobs) -> bytes:
    with blobs.open(layer.digest) as blob:
        return gzip.decompress(blob.read())


def members_of(data: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
        return {member.name: member for member in tar}
