"""Layers that the cache keeps, by key: what a layer is made from, hashed, leads to the layer."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final

from paddlewheel.cache import Cache
from paddlewheel.image.layer import WrittenLayer
from paddlewheel.image.model import LAYER_KEY, LAYER_TITLE, OCI_LAYER_GZIP, Descriptor, Layer, canonical_json
from paddlewheel.progress import Reporter

FORMAT: Final = 3
"""Raised when the same inputs give other bytes than before, so that old layers are not taken for new ones."""

_KIND: Final = "layer"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptLayer:
    """A layer in the store. `reused`: it was there before this build. Sizes in bytes."""

    key: str
    title: str
    digest: str
    size: int
    diff_id: str
    unpacked: int
    reused: bool

    def as_layer(self) -> Layer:
        return Layer(
            descriptor=Descriptor(
                media_type=OCI_LAYER_GZIP,
                digest=self.digest,
                size=self.size,
                annotations={LAYER_KEY: self.key, LAYER_TITLE: self.title},
            ),
            diff_id=self.diff_id,
            created_by=f"paddlewheel: {self.title}",
        )


def layer_key(kind: str, **parts: Any) -> str:
    """The key (hex) of a layer of `kind` made from `parts`, JSON values."""
    return hashlib.sha256(canonical_json({"format": FORMAT, "kind": kind, **parts})).hexdigest()


def kept_layer(cache: Cache, key: str, reporter: Reporter | None = None) -> KeptLayer | None:
    """The layer under `key`, when its blob is there and whole. `reporter` is told of one that was damaged."""
    record = cache.record(_KIND, key)
    if record is None or not cache.store.has(record["digest"], record["size"]):
        return None
    if not cache.has_blob(record["digest"], record["size"]):
        if reporter is not None:
            reporter.warn(f"layer {record['title']}: the cache's copy was damaged, and is made again")
        return None
    return KeptLayer(key=key, reused=True, **record)


def keep_layer(cache: Cache, key: str, layer: WrittenLayer, *, title: str) -> KeptLayer:
    """Remember that `key` gave `layer`, whose blob is in the store already."""
    record: dict[str, Any] = {
        "title": title,
        "digest": layer.digest,
        "size": layer.size,
        "diff_id": layer.diff_id,
        "unpacked": layer.unpacked,
    }
    cache.vouch_for(layer.digest)
    cache.put_record(_KIND, key, record)
    return KeptLayer(key=key, reused=False, **record)
