"""`validate` finds what is broken, each kind by its own words."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable
from typing import Any

import pytest

from paddlewheel.image.model import (
    DOCKER_CONFIG,
    DOCKER_LAYER_GZIP,
    DOCKER_MANIFEST,
    OCI_LAYER,
    OCI_LAYER_GZIP,
    Descriptor,
    Image,
    Layer,
    RunConfig,
    canonical_json,
    sha256_digest,
)
from paddlewheel.image.store import Store
from paddlewheel.image.tar import TRAILER, Entry, header
from paddlewheel.image.validate import validate
from tests.support.images import AMD64, CREATED, Item, file, folder, hardlink, make_image, small_image, symlink

Json = dict[str, Any]


def remade(image: Image, edit: Callable[[Json, Json], None]) -> Image:
    """The image with its manifest and config edited; the manifest still names the config."""
    manifest, config = json.loads(image.manifest_bytes), json.loads(image.config_bytes)
    edit(manifest, config)
    config_bytes = canonical_json(config)
    if manifest["config"]["digest"] == image.config_descriptor.digest:
        manifest["config"] |= {"digest": sha256_digest(config_bytes), "size": len(config_bytes)}
    return Image(canonical_json(manifest), config_bytes)


def test_a_sound_image_has_no_problems(store: Store) -> None:
    assert validate(small_image(store), store) == []
    assert validate(make_image(store), store) == []


def test_the_media_types_of_docker_are_sound_too(store: Store) -> None:
    def edit(manifest: Json, _: Json) -> None:
        manifest["mediaType"] = DOCKER_MANIFEST
        manifest["config"]["mediaType"] = DOCKER_CONFIG
        for layer in manifest["layers"]:
            layer["mediaType"] = DOCKER_LAYER_GZIP

    image = remade(small_image(store), edit)
    assert validate(image, store) == []
    assert image.with_labels({"a": "b"}).layers[0].descriptor.media_type == OCI_LAYER_GZIP


EDITS: dict[str, Callable[[Json, Json], object]] = {
    "schemaVersion is 1": lambda manifest, _: manifest.update(schemaVersion=1),
    "manifest: mediaType is 'text/plain'": lambda manifest, _: manifest.update(mediaType="text/plain"),
    "config: mediaType is 'text/plain'": lambda manifest, _: manifest["config"].update(mediaType="text/plain"),
    "config: digest is sha256:0000": lambda manifest, _: manifest["config"].update(digest="sha256:" + "0" * 64),
    "config: size is 7": lambda manifest, _: manifest["config"].update(
        size=7, digest=manifest["config"]["digest"].upper().replace("SHA256", "sha512")
    ),
    "config: os is None": lambda _, config: config.pop("os"),
    "config: architecture is ''": lambda _, config: config.update(architecture=""),
    "config: os is ['linux']": lambda _, config: config.update(os=["linux"]),
    "rootfs: type is None": lambda _, config: config["rootfs"].pop("type"),
    "history has 1 lines with a layer, the image has 2 layers": lambda _, config: config["history"].pop(),
    "created is 'yesterday'": lambda _, config: config.update(created="yesterday"),
    "created is '2024'": lambda _, config: config["history"][0].update(created="2024"),
    "manifest has 2 layers, config has 1 DiffIDs": lambda _, config: config["rootfs"]["diff_ids"].pop(),
    "diff_ids: no digest": lambda _, config: config["rootfs"].update(diff_ids=["a", "b"]),
    "layers[0]: size is 1, the blob has": lambda manifest, _: manifest["layers"][0].update(size=1),
    "layers[1]: blob sha256:1111": lambda manifest, _: manifest["layers"][1].update(digest="sha256:" + "1" * 64),
    "layers[0]: DiffID is sha256:2222": lambda _, config: config["rootfs"]["diff_ids"].__setitem__(
        0, "sha256:" + "2" * 64
    ),
    "layers[0]: media type 'application/x' is not supported": lambda manifest, _: manifest["layers"][0].update(
        mediaType="application/x"
    ),
    "is not what the blob's first bytes say": lambda manifest, _: manifest["layers"][0].update(mediaType=OCI_LAYER),
    "manifest: layers[0]: no valid OCI descriptor": lambda manifest, _: manifest["layers"].__setitem__(0, {}),
    "manifest: layers: a list was expected": lambda manifest, _: manifest.update(layers={}),
    "a field of the wrong type": lambda _, config: config["config"].update(Env=[1]),
}


@pytest.mark.parametrize("problem", EDITS)
def test_an_edited_image_is_found_out(store: Store, problem: str) -> None:
    image = remade(small_image(store), lambda manifest, config: void(EDITS[problem](manifest, config)))
    found = validate(image, store)
    assert any(problem in line for line in found), found


def void(_: object) -> None:
    """For edits that are expressions."""


MEMBERS: dict[str, list[Item]] = {
    "'a' is there twice": [file("a"), file("a", b"2")],
    "'a' comes after something that lies in it": [file("a/b"), folder("a")],
    "'../a' is no clean relative path": [file("../a")],
    "'/a' is no clean relative path": [file("/a")],
    "'a/./b' is no clean relative path": [file("a/./b")],
    "'a//b' is no clean relative path": [file("a//b")],
    "'a/b' lies below 'a', which is a file": [file("a"), file("a/b")],
    "'a/b/c' lies below 'a', which is a symlink": [symlink("a", "/etc"), file("a/b/c")],
    "'b' is a hard link to 'a', which is no file before it": [hardlink("b", "a"), file("a")],
    "'b' is a hard link to 'd', which is no file before it": [folder("d"), hardlink("b", "d")],
    "'b' has another mode or owner than 'a'": [file("a", mode=0o755), hardlink("b", "a")],
    "'b' is a link to nowhere": [symlink("b", "")],
}


@pytest.mark.parametrize("problem", MEMBERS)
def test_members_out_of_order(store: Store, problem: str) -> None:
    found = validate(make_image(store, MEMBERS[problem]), store)
    assert any(line.startswith(f"layers[0]: {problem}") for line in found), found


def image_of(store: Store, blob: bytes, tar: bytes) -> Image:
    descriptor = Descriptor(media_type=OCI_LAYER_GZIP, digest=store.put(blob), size=len(blob))
    layer = Layer(descriptor=descriptor, diff_id=sha256_digest(tar))
    return Image.create(platform=AMD64, run=RunConfig(), layers=[layer], created=CREATED)


ONE = header(Entry("a", size=3)) + b"abc".ljust(512, b"\0")


def with_size(field: bytes) -> bytes:
    """The header of `ONE` with another size, and the checksum to match."""
    block = bytearray(ONE[:512])
    block[124:136] = field.ljust(12, b"\0")
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


BLOBS: dict[str, tuple[bytes, bytes]] = {
    "ends without the two blocks of zeros": (gzip.compress(ONE), ONE),
    "ends within a member": (gzip.compress(ONE[:700]), ONE[:700]),
    "ends within a block": (gzip.compress(ONE + b"x"), ONE + b"x"),
    "goes on after its end": (gzip.compress(ONE + TRAILER + b"x" * 512), ONE + TRAILER + b"x" * 512),
    "whose checksum is wrong": (gzip.compress(b"b" + ONE[1:] + TRAILER), b"b" + ONE[1:] + TRAILER),
    "is damaged": (gzip.compress(ONE + TRAILER)[:-9], ONE + TRAILER),
    "is damaged: ": (gzip.compress(ONE + TRAILER)[:-8] + bytes(8), ONE + TRAILER),
    "where a number belongs": (gzip.compress(with_size(b"999")), b""),
    "has a number out of range": (gzip.compress(with_size(b"\xff" * 12)), b""),
    "the tar ends within a member": (gzip.compress(with_size(b"\x80" + bytes(4) + b"\x7f" * 7)), b""),
}


@pytest.mark.parametrize("problem", BLOBS)
def test_a_damaged_layer_is_found_out(store: Store, problem: str) -> None:
    found = validate(image_of(store, *BLOBS[problem]), store)
    assert any(problem in line for line in found), found


@pytest.mark.parametrize("format_", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_layers_that_others_write(store: Store, format_: int) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format_) as tar:
        for name in ("a" * 90, "b" * 60 + "/" + "c" * 80) + (
            () if format_ == tarfile.USTAR_FORMAT else ("d" * 300, "é")
        ):
            entry = tarfile.TarInfo(name)
            entry.size = 600
            tar.addfile(entry, io.BytesIO(bytes(600)))
    assert validate(image_of(store, gzip.compress(out.getvalue()), out.getvalue()), store) == []
