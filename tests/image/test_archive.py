"""OCI archives and Docker archives: their bytes, and reading them back."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import shutil
import tarfile
import threading
from pathlib import Path
from typing import Any

import pytest

from paddlewheel.cache import Cache
from paddlewheel.errors import DeliveryError, ImageError
from paddlewheel.image.archive import docker_members, oci_members, write_archive, write_members
from paddlewheel.image.blobs import copy_bytes, reserve, take
from paddlewheel.image.files import Archive, Folder
from paddlewheel.image.model import Image, canonical_json
from paddlewheel.image.saved import SavedImages
from paddlewheel.image.source import Layout, open_source
from paddlewheel.image.store import Store
from paddlewheel.image.validate import validate
from paddlewheel.progress import Silent
from tests.support.images import file, make_image, small_image, tar_of
from tests.support.tarfiles import extract

NAME = "docker.io/library/shop:1"


def oci(path: Path, image: Image, store: Store) -> Path:
    write_archive(path, oci_members(image, ref_name="shop:1", image_name=NAME), store, Silent())
    return path


def docker(path: Path, image: Image, store: Store) -> Path:
    write_archive(path, docker_members(image, image_name=NAME), store, Silent())
    return path


@pytest.mark.parametrize("write", [oci, docker])
def test_the_same_image_gives_the_same_bytes(tmp_path: Path, write: Any) -> None:
    digests = set()
    for place, mask in (("a", 0o022), ("b", 0o077)):
        previous = os.umask(mask)
        try:
            store = Cache(tmp_path / place).store
            path = write(tmp_path / place / "image.tar", small_image(store), store)
        finally:
            os.umask(previous)
        digests.add(hashlib.sha256(path.read_bytes()).hexdigest())
        assert path.stat().st_mode & 0o777 == 0o666 & ~mask
        assert [found.name for found in path.parent.iterdir() if found.name.startswith(".")] == []
    assert len(digests) == 1


def test_an_oci_archive_is_a_layout_in_a_tar(tmp_path: Path, store: Store) -> None:
    image = small_image(store)
    path = oci(tmp_path / "image.tar", image, store)
    with tarfile.open(path, "r:") as tar:
        extract(tar, tmp_path / "layout")
    for source in (Layout(Archive(path)), Layout(Folder(tmp_path / "layout")), open_source(Archive(path))):
        assert source.image("shop:1") == image
        assert validate(source.image(), source) == []


def test_docker_reads_an_oci_archive_too(tmp_path: Path, store: Store) -> None:
    image = small_image(store)
    saved = SavedImages(Archive(oci(tmp_path / "image.tar", image, store)))
    assert saved.image(NAME).config_bytes == image.config_bytes
    assert [layer.digest for layer in saved.image().layers] == [layer.digest for layer in image.layers]


def test_a_docker_archive_is_read_back(tmp_path: Path, store: Store) -> None:
    image = small_image(store)
    path = docker(tmp_path / "image.tar", image, store)
    with tarfile.open(path, "r:") as tar:
        assert tar.getnames()[0] == "manifest.json"
        manifest = json.load(tar.extractfile("manifest.json") or io.BytesIO())
    assert manifest[0]["RepoTags"] == [NAME]
    source = open_source(Archive(path))
    assert source.image("shop:1") == image.with_run(image.run)
    assert validate(source.image(), source) == []


def save_plainly(path: Path, image: Image, store: Store, *, lie: bool = False) -> Path:
    """As Docker before version 25: a folder for each layer, plain tars, a link for a layer that is there twice."""
    config = image.config_bytes.replace(b"sha256:", b"sha256:0", 1) if lie else image.config_bytes
    names = []
    with tarfile.open(path, "w") as tar:

        def add(name: str, data: bytes) -> None:
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))

        for number, layer in enumerate(image.layers):
            add(f"./layer{number}/layer.tar", tar_of(layer, store))
            names.append(f"layer{number}/layer.tar")
        link = tarfile.TarInfo("twice/layer.tar")
        link.type, link.linkname = tarfile.SYMTYPE, "../layer0/layer.tar"
        tar.addfile(link)
        value = json.loads(config)
        value["rootfs"]["diff_ids"].append(value["rootfs"]["diff_ids"][0])
        value.pop("history")
        add("config.json", canonical_json(value))
        add(
            "manifest.json",
            json.dumps(
                [{"Config": "config.json", "RepoTags": ["shop:1"], "Layers": [*names, "twice/layer.tar"]}]
            ).encode(),
        )
    return path


def test_plain_layers_as_docker_saves_them(tmp_path: Path, store: Store) -> None:
    original = small_image(store)
    source = open_source(Archive(save_plainly(tmp_path / "saved.tar", original, store)))
    image = source.image("docker.io/library/shop:1")
    assert [layer.digest for layer in image.layers] == [
        *(layer.diff_id for layer in original.layers),
        original.layers[0].diff_id,
    ]
    assert validate(image, source) == []
    taken = Cache(tmp_path / "other").store
    take(image, source, taken, Silent())
    assert validate(image, taken) == []


def test_taking_checks_every_digest(tmp_path: Path, store: Store) -> None:
    image = small_image(store)
    path = oci(tmp_path / "image.tar", image, store)
    data = path.read_bytes()
    blob = store.path(image.layers[1].digest).read_bytes()
    path.write_bytes(data.replace(blob, blob[:-1] + b"!"))
    other = Cache(tmp_path / "other").store
    source = open_source(Archive(path))
    with pytest.raises(ImageError, match=image.layers[1].digest):
        take(source.image(), source, other, Silent())
    assert not other.has(image.layers[1].digest)
    assert other.has(image.layers[0].digest)


def test_through_a_pipe(tmp_path: Path, store: Store) -> None:
    image = make_image(store, [file("noise", os.urandom(3 << 20))], [file("b", b"b")])
    members = oci_members(image, ref_name="shop:1", image_name=NAME)
    read, write = os.pipe()
    got = bytearray()

    def drain() -> None:
        with os.fdopen(read, "rb") as end:
            got.extend(end.read())

    thread = threading.Thread(target=drain)
    thread.start()
    advanced: list[int] = []
    write_members(write, members, store, advanced.append)
    os.close(write)
    thread.join()
    assert bytes(got) == oci(tmp_path / "image.tar", image, store).read_bytes()
    assert sum(advanced) == sum(member.size for member in members)


@pytest.mark.parametrize("refused", [(), ("copy_file_range",), ("copy_file_range", "sendfile")])
@pytest.mark.parametrize("code", [errno.EXDEV, errno.ENOSYS, errno.EOPNOTSUPP])
def test_every_way_to_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: tuple[str, ...], code: int
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(code, os.strerror(code))

    for name in refused:
        monkeypatch.setattr(os, name, refuse)
    data = os.urandom(3_000_001)
    (tmp_path / "source").write_bytes(data)
    with (tmp_path / "source").open("rb") as source, (tmp_path / "target").open("wb") as target:
        target.write(b"before")
        target.flush()
        assert copy_bytes(source, target.fileno(), len(data), lambda _: None) == len(data)
    assert (tmp_path / "target").read_bytes() == b"before" + data


def test_a_full_disk_leaves_the_old_archive(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    path = oci(tmp_path / "image.tar", small_image(store), store)
    before = path.read_bytes()

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "copy_file_range", full)
    with pytest.raises(DeliveryError, match="No space left") as caught:
        oci(path, small_image(store, "other"), store)
    assert "free some space" in str(caught.value.hint)
    assert path.read_bytes() == before
    assert sorted(found.name for found in tmp_path.iterdir()) == ["cache", "image.tar"]


def test_places_that_cannot_be_an_archive(tmp_path: Path, store: Store) -> None:
    image = small_image(store)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    for place, reason in (
        (tmp_path / "folder", "is a folder"),
        (tmp_path / "file" / "below.tar", "is no folder"),
        (Path("/proc/self/image.tar"), "written"),
    ):
        with pytest.raises(DeliveryError, match=reason) as caught:
            oci(place, image, store)
        assert caught.value.hint


def damaged(tmp_path: Path, store: Store, what: str) -> Path:
    path = oci(tmp_path / f"{what}.tar", small_image(store), store)
    data = path.read_bytes()
    if what == "cut":
        data = data[: len(data) // 2]
    elif what == "text":
        data = b"no tar at all" * 100
    elif what == "compressed":
        data = b"\x1f\x8b" + data
    elif what == "empty":
        data = b""
    elif what == "version":
        data = data.replace(b'"1.0.0"', b'"2.0.0"')
    elif what == "json":
        data = data.replace(b'{"manifests"', b'["manifests"')
    elif what == "digest":
        data = data.replace(b'"digest":"sha256:', b'"digest":"sha256.', 1)
    elif what == "traversal":
        data = data.replace(b'"digest":"sha256:', b'"digest":"../../:', 1)
    elif what == "content":
        data = data.replace(b'"schemaVersion":2}', b'"schemaVersion":3}')
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    "what", ["cut", "text", "compressed", "empty", "version", "json", "digest", "traversal", "content"]
)
def test_a_damaged_archive_is_an_image_error(tmp_path: Path, store: Store, what: str) -> None:
    path = damaged(tmp_path, store, what)
    with pytest.raises(ImageError) as caught:
        open_source(Archive(path)).image()
    assert path.name in caught.value.message or "sha256" in caught.value.message


@pytest.mark.parametrize(
    "manifest",
    [
        b"{}",
        b"[1]",
        b"null",
        b'[{"Config": 1, "Layers": []}]',
        b'[{"Config": "c"}]',
        b'[{"Config": "c", "Layers": null}]',
        b'[{"Config": "missing", "Layers": []}]',
        b'[{"Config": "c", "Layers": ["missing"]}]',
        b"[]",
        b"[",
    ],
)
def test_a_damaged_manifest_of_docker(tmp_path: Path, manifest: bytes) -> None:
    (tmp_path / "manifest.json").write_bytes(manifest)
    (tmp_path / "c").write_bytes(b'{"rootfs": {"diff_ids": ["sha256:' + b"a" * 64 + b'"]}}')
    with pytest.raises(ImageError):
        open_source(Folder(tmp_path)).image()


def test_neither_layout_nor_docker_archive(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="neither oci-layout nor"):
        open_source(Folder(tmp_path))
    shutil.rmtree(tmp_path)
    with pytest.raises(ImageError, match="cannot be read"):
        Archive(tmp_path / "gone.tar")


def test_room_is_set_aside_without_changing_the_length(tmp_path: Path) -> None:
    with (tmp_path / "x").open("wb") as file:
        file.write(b"abc")
        file.flush()
        reserve(file.fileno(), 1 << 20)
        assert os.fstat(file.fileno()).st_size == 3
    assert (tmp_path / "x").read_bytes() == b"abc"


def test_room_cannot_be_set_aside_in_a_pipe() -> None:
    reader, writer = os.pipe()
    reserve(writer, 1 << 20)
    os.close(reader)
    os.close(writer)
