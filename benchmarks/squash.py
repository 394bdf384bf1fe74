"""The same image in one layer, as a measure for the image in many."""

from __future__ import annotations

from typing import Final

from paddlewheel.image.layer import LayerWriter
from paddlewheel.image.model import Image, Layer
from paddlewheel.image.store import Store
from paddlewheel.image.tar import Entry
from paddlewheel.image.tarread import LayerReader

_LEVEL: Final = 1


def squashed(image: Image, store: Store) -> Image:
    """`image`, whose layers are in `store`, with one layer that holds what they add up to. Its blob is put there.

    Raise `ValueError` for an image in which a layer removes something, which those made here never do.
    """
    last: dict[str, int] = {}
    for number, layer in enumerate(image.layers):
        with store.open(layer.digest) as blob:
            for member in LayerReader(blob, layer.digest):
                if member.path.rpartition("/")[2].startswith(".wh."):
                    raise ValueError(f"{layer.digest} removes {member.path}")
                last[member.path.rstrip("/")] = number
    with store.create() as (sink, temporary):
        writer = LayerWriter(sink, level=_LEVEL)
        for number, layer in enumerate(image.layers):
            _copy(layer, number, last, writer, store)
        written = writer.close()
        store.commit(temporary, written.digest)
    only = Layer(descriptor=written.descriptor(), diff_id=written.diff_id, created_by="squashed")
    return Image.create(platform=image.platform, run=image.run, layers=[only], created=image.config["created"])


def _copy(layer: Layer, number: int, last: dict[str, int], writer: LayerWriter, store: Store) -> None:
    """Copy those members of a layer that no later layer has again."""
    with store.open(layer.digest) as blob:
        reader = LayerReader(blob, layer.digest)
        for member in reader:
            path = member.path.rstrip("/")
            if last[path] != number or member.kind == "special":
                continue
            entry = Entry(
                path,
                kind=member.kind,
                mode=member.mode,
                size=member.size if member.kind == "file" else 0,
                target=member.target,
                uid=member.uid,
                gid=member.gid,
            )
            if member.kind == "file":
                writer.add_stream(entry, (bytes(piece) for piece in reader.body()))
            else:
                writer.add(entry)
