"""Every invariant of an image that is broken, in words; nothing where the image is sound.

It reads each layer whole. Sources: OCI image specification 1.1, manifest.md, config.md, layer.md.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import BinaryIO, Final

from paddlewheel.errors import ImageError
from paddlewheel.image.blobs import Blobs
from paddlewheel.image.model import (
    DOCKER_CONFIG,
    DOCKER_MANIFEST,
    MAX_LAYERS,
    OCI_CONFIG,
    OCI_LAYER,
    OCI_LAYER_GZIP,
    OCI_MANIFEST,
    OCI_NAMES,
    Image,
    Layer,
    sha256_digest,
)
from paddlewheel.image.tarread import LayerReader, Member

_RFC_3339: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")


def validate(image: Image, blobs: Blobs) -> list[str]:
    """What is wrong with `image`, whose layers are in `blobs`. Empty: it is sound."""
    try:
        problems = [*_check_manifest(image), *_check_config(image)]
        layers = image.layers
    except ImageError as error:
        return [error.message]
    for number, layer in enumerate(layers):
        problems += (f"layers[{number}]: {problem}" for problem in check_layer(layer, blobs))
    return problems


def _check_manifest(image: Image) -> Iterator[str]:
    manifest, config = image.manifest, image.config_descriptor
    if manifest.get("schemaVersion") != 2:
        yield f"manifest: schemaVersion is {manifest.get('schemaVersion')!r}, not 2"
    if manifest.get("mediaType", OCI_MANIFEST) not in (OCI_MANIFEST, DOCKER_MANIFEST):
        yield f"manifest: mediaType is {manifest['mediaType']!r}"
    if config.media_type not in (OCI_CONFIG, DOCKER_CONFIG):
        yield f"manifest: config: mediaType is {config.media_type!r}"
    if config.digest != sha256_digest(image.config_bytes):
        yield f"manifest: config: digest is {config.digest}, of the config it is {sha256_digest(image.config_bytes)}"
    if config.size != len(image.config_bytes):
        yield f"manifest: config: size is {config.size}, the config has {len(image.config_bytes)} bytes"
    if len(image.layers) > MAX_LAYERS:
        yield f"manifest: {len(image.layers)} layers, of which {MAX_LAYERS} are allowed"


def _check_config(image: Image) -> Iterator[str]:
    config = image.config
    for key in ("os", "architecture"):
        if not isinstance(config.get(key), str) or not config[key]:
            yield f"config: {key} is {config.get(key)!r}"
    if (config.get("rootfs") or {}).get("type") != "layers":
        yield f"config: rootfs: type is {(config.get('rootfs') or {}).get('type')!r}, not 'layers'"
    history = config.get("history")
    if history is not None:
        filled = [line for line in history if not line.get("empty_layer")]
        if len(filled) != len(image.layers):
            yield f"config: history has {len(filled)} lines with a layer, the image has {len(image.layers)} layers"
        history = [line.get("created") for line in history]
    for moment in (config.get("created"), *(history or ())):
        if moment is not None and not _RFC_3339.fullmatch(str(moment)):
            yield f"config: created is {moment!r}, which is no RFC 3339 time"
    _ = image.run  # raises ImageError for fields of the wrong type


def check_layer(layer: Layer, blobs: Blobs) -> list[str]:
    """What is wrong with one layer: its blob, its DiffID, its members."""
    descriptor = layer.descriptor
    media_type = OCI_NAMES.get(descriptor.media_type, descriptor.media_type)
    problems = []
    if media_type not in (OCI_LAYER, OCI_LAYER_GZIP):
        problems.append(f"media type {media_type!r} is not supported")
    try:
        with blobs.open(layer.digest) as blob:
            digest, size, magic = _digest(blob)
            if digest != layer.digest:
                problems.append(f"digest is {layer.digest}, of the blob it is {digest}")
            if size != layer.size:
                problems.append(f"size is {layer.size}, the blob has {size} bytes")
            if (magic[:2] == b"\x1f\x8b") != (media_type == OCI_LAYER_GZIP):
                problems.append(f"media type {media_type!r} is not what the blob's first bytes say")
            blob.seek(0)
            reader = LayerReader(blob, "the tar")
            problems += _check_members(reader)
            if reader.diff_id != layer.diff_id:
                problems.append(f"DiffID is {layer.diff_id}, of the tar it is {reader.diff_id}")
    except ImageError as error:
        problems.append(error.message)
    return problems


def _digest(blob: BinaryIO) -> tuple[str, int, bytes]:
    hasher, size, magic = hashlib.sha256(), 0, b""
    while data := blob.read(1 << 20):
        magic = magic or data[:4]
        hasher.update(data)
        size += len(data)
    return "sha256:" + hasher.hexdigest(), size, magic


def _check_members(reader: LayerReader) -> Iterator[str]:
    """Names, each once, parents before children; hard links to files that came before."""
    seen: dict[str, Member] = {}
    implied: set[str] = set()
    for member in reader:
        path = member.path.removesuffix("/") if member.kind == "dir" else member.path
        path = path.removeprefix("./")
        if path in ("", ".") and member.kind == "dir":
            path = "."
        elif not path or not all(part not in ("", ".", "..") for part in path.split("/")) or "\0" in path:
            yield f"{member.path!r} is no clean relative path"
            continue
        if path in seen:
            yield f"{path!r} is there twice"
        if path in implied:
            yield f"{path!r} comes after something that lies in it or below it"
        seen[path] = member
        yield from _check_parents(path, seen, implied)
        if member.kind == "hardlink":
            target = seen.get(member.target.removeprefix("./"))
            if target is None or target.kind not in ("file", "hardlink", "symlink"):
                yield f"{path!r} is a hard link to {member.target!r}, which is no file before it"
            elif (member.mode, member.uid, member.gid) != (target.mode, target.uid, target.gid):
                # Readers differ on whose header counts.
                yield f"{path!r} has another mode or owner than {member.target!r}, to which it is a hard link"
        if member.kind == "symlink" and not member.target:
            yield f"{path!r} is a link to nowhere"


def _check_parents(path: str, seen: dict[str, Member], implied: set[str]) -> Iterator[str]:
    parent = path.rpartition("/")[0]
    while parent and parent not in implied:
        found = seen.get(parent)
        if found is not None:
            if found.kind != "dir":
                yield f"{path!r} lies below {parent!r}, which is a {found.kind}"
            return
        implied.add(parent)
        parent = parent.rpartition("/")[0]
