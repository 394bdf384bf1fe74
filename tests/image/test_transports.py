"""What -o and `run` accept, and what they say to what they do not."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from paddlewheel.errors import DeliveryError, ImageError, PaddlewheelError, ToolMissingError, UsageError
from paddlewheel.image.files import Folder
from paddlewheel.image.layout import index_json
from paddlewheel.image.model import (
    DOCKER_INDEX,
    OCI_INDEX,
    OCI_MANIFEST,
    Descriptor,
    Image,
    Platform,
    canonical_json,
    sha256_digest,
)
from paddlewheel.image.source import Layout
from paddlewheel.image.store import Store
from paddlewheel.image.transports import TRANSPORTS, open_image, parse_destination
from paddlewheel.image.validate import validate
from paddlewheel.progress import Silent, Task
from tests.support.images import AMD64, ARM64, file, make_image, small_image


@pytest.mark.parametrize("transport", ["oci", "oci-archive", "docker-archive"])
@pytest.mark.parametrize(("ref", "name"), [("", "shop:1.2"), (":cart", "cart"), (":team/cart:2", "team/cart:2")])
def test_there_and_back(tmp_path: Path, store: Store, transport: str, ref: str, name: str) -> None:
    image = small_image(store)
    text = f"{transport}:{tmp_path}/out{ref}"
    destination = parse_destination(text)
    destination.check()
    destination.write(image, store, "shop:1.2", Silent())
    assert str(tmp_path / "out") in destination.describe()
    for source in (text, f"{transport}:{tmp_path}/out:{name}", f"{transport}:{tmp_path}/out", str(tmp_path / "out")):
        found, blobs = open_image(source)
        assert found.config_bytes == image.config_bytes
        assert found.layers[0].digest == image.layers[0].digest
        assert validate(found, blobs) == []
    with pytest.raises(ImageError, match="holds no image 'other'"):
        open_image(f"{transport}:{tmp_path}/out:other")


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("oci-archve:x.tar", "oci-archve: is no kind", "did you mean oci-archive:?"),
        ("docker:shop", "docker: is no kind", "docker-daemon:?"),
        ("registry.example.org/shop:1", "is no kind", ", ".join(f"{name}:" for name in TRANSPORTS)),
        ("image.tar", "does not say what kind", "oci-archive:image.tar"),
        ("oci", "does not say what kind", "oci:"),
        ("", "does not say what kind", "oci-archive:"),
        ("oci:", "names no DIR", "oci:DIR"),
        ("oci-archive:", "names no FILE", "oci-archive:FILE"),
        ("docker-archive::shop", "names no FILE", "docker-archive:FILE"),
        ("oci:x:", "'' is no name", "oci:DIR:shop:1.2"),
        ("oci:x:a b", "'a b' is no name", "oci:DIR:shop:1.2"),
        ("docker-archive:x:Shop", "'Shop' has capital letters", "'shop'"),
        ("docker-archive:x:shop@sha256:" + "0" * 64, "has a digest", "without"),
        ("docker-daemon:Shop", "capital letters", "'shop'"),
        ("docker-daemon:shop@sha256:" + "0" * 64, "has a digest", "without"),
        ("containers-storage:a b", "out of place", "a-z"),
    ],
)
def test_a_destination_that_makes_no_sense(text: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_destination(text)
    assert message in caught.value.message
    assert hint in str(caught.value.hint)


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("oci:{tmp}/none", ImageError, "does not exist"),
        ("oci:{tmp}/file", ImageError, "is no folder"),
        ("oci-archive:{tmp}", ImageError, "is a folder"),
        ("docker-archive:{tmp}/none", ImageError, "does not exist"),
        ("docker-archive:{tmp}/file", ImageError, "is no tar archive"),
        ("{tmp}/none", ImageError, "does not exist"),
        ("{tmp}", ImageError, "neither oci-layout nor manifest.json"),
        ("docker-daemon:shop", UsageError, "is no kind"),
        ("oci-arch:x", UsageError, "is no kind"),
    ],
)
def test_an_image_that_is_not_there(tmp_path: Path, text: str, error: type[PaddlewheelError], message: str) -> None:
    (tmp_path / "file").write_text("x" * 2000)
    with pytest.raises(error) as caught:
        open_image(text.format(tmp=tmp_path))
    assert message in caught.value.message


def test_what_can_be_known_before_a_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("x")
    for text in (f"oci:{tmp_path}/file", f"oci:{tmp_path}", f"oci-archive:{tmp_path}", f"docker-archive:{tmp_path}"):
        with pytest.raises(DeliveryError):
            parse_destination(text).check()
    monkeypatch.setenv("PATH", str(tmp_path))
    for text, tool in (("docker-daemon:shop", "docker"), ("containers-storage:shop", "Podman")):
        with pytest.raises(ToolMissingError, match=tool) as caught:
            parse_destination(text).check()
        assert "-o oci-archive:FILE" in str(caught.value.hint)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


def script(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for programs that stand in for engines, the only ones on PATH but for the shell's own."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("cat", "sh"):
        (folder / name).symlink_to(f"/bin/{name}")
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_docker_gets_an_archive_on_its_standard_input(programs: Path, tmp_path: Path, store: Store) -> None:
    image = small_image(store)
    script(programs, "docker", f'[ "$1 $2" = "load -q" ] && cat > {tmp_path}/got.tar')
    parse_destination("docker-daemon:team/cart").write(image, store, "shop:1.2", Silent())
    found, _ = open_image(f"docker-archive:{tmp_path}/got.tar:docker.io/team/cart:latest")
    assert found.config_bytes == image.config_bytes


def test_podman_gets_the_manifest_and_a_name_of_localhost(programs: Path, tmp_path: Path, store: Store) -> None:
    image = small_image(store)
    script(programs, "podman", f'[ "$1 $2" = "load -q" ] && cat > {tmp_path}/got.tar')
    parse_destination("containers-storage:").write(image, store, "shop:1.2", Silent())
    found, _ = open_image(f"oci-archive:{tmp_path}/got.tar:localhost/shop:1.2")
    assert found == image


def test_skopeo_serves_where_podman_is_missing(programs: Path, tmp_path: Path, store: Store) -> None:
    image = small_image(store)
    script(
        programs,
        "skopeo",
        f'[ "$4" = containers-storage:localhost/shop:2 ] && cat "${{3#oci-archive:}}" > {tmp_path}/got.tar',
    )
    parse_destination("containers-storage:shop:2").write(image, store, "shop:1.2", Silent())
    assert open_image(f"oci-archive:{tmp_path}/got.tar")[0] == image
    script(programs, "skopeo", "echo 'no space' >&2; exit 1")
    with pytest.raises(DeliveryError, match="skopeo could not load the image: no space"):
        parse_destination("containers-storage:shop:2").write(image, store, "shop:1.2", Silent())


def test_an_engine_that_fails(programs: Path, store: Store) -> None:
    image = make_image(store, [file("noise", os.urandom(1 << 20))])
    script(programs, "docker", 'case "$1" in load) echo "invalid tar header" >&2; exit 1;; esac')
    with pytest.raises(DeliveryError, match="`docker load` failed: invalid tar header"):
        parse_destination("docker-daemon:shop").write(image, store, "shop", Silent())
    script(programs, "docker", "echo 'Cannot connect to the Docker daemon' >&2; exit 1")
    with pytest.raises(ToolMissingError, match="Cannot connect to the Docker daemon") as caught:
        parse_destination("docker-daemon:shop").write(image, store, "shop", Silent())
    assert "DOCKER_HOST" in str(caught.value.hint)


def test_an_interrupted_load_is_ended(programs: Path, tmp_path: Path, store: Store) -> None:
    image = make_image(store, [file("noise", os.urandom(1 << 20))])
    script(programs, "docker", f"cat > /dev/null; echo whole > {tmp_path}/loaded")

    class Stop(Silent):
        def task(self, title: str, total: int | None = None, *, unit: str = "") -> AbstractContextManager[Task]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        parse_destination("docker-daemon:shop").write(image, store, "shop", Stop())
    store.path(image.layers[0].digest).unlink()
    with pytest.raises(ImageError, match="missing from the store"):
        parse_destination("docker-daemon:shop").write(image, store, "shop", Silent())
    assert not (tmp_path / "loaded").exists()


def nested(place: Path, store: Store, images: list[Image], media_type: str) -> None:
    """A layout whose index.json names another index, as BuildKit makes it, with an attestation in it."""
    blobs = place / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    (place / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')

    def put(data: bytes) -> str:
        digest = sha256_digest(data)
        (blobs / digest.removeprefix("sha256:")).write_bytes(data)
        return digest

    for image in images:
        for data in (image.manifest_bytes, image.config_bytes, *(store.read(x.descriptor) for x in image.layers)):
            put(data)
    attestation = Descriptor(
        media_type=OCI_MANIFEST, digest="sha256:" + "0" * 64, size=5, platform=Platform("unknown", "unknown")
    )
    inner = canonical_json(
        {
            "schemaVersion": 2,
            "mediaType": media_type,
            "manifests": [attestation.to_json(), *(image.descriptor.to_json() for image in images)],
        }
    )
    outer = Descriptor(media_type=media_type, digest=put(inner), size=len(inner))
    (place / "index.json").write_bytes(index_json([outer.to_json()]))


@pytest.mark.parametrize("media_type", [OCI_INDEX, DOCKER_INDEX])
def test_an_index_in_an_index_and_its_platforms(tmp_path: Path, store: Store, media_type: str) -> None:
    images = [make_image(store, [file("a")], platform=platform) for platform in (AMD64, ARM64)]
    nested(tmp_path / "layout", store, images, media_type)
    layout = Layout(Folder(tmp_path / "layout"))
    assert layout.image(platform=AMD64) == images[0]
    assert layout.image(platform=ARM64) == layout.image(platform=Platform("linux", "arm64", "v8")) == images[1]
    with pytest.raises(ImageError, match="no image for linux/s390x") as caught:
        layout.image(platform=Platform("linux", "s390x"))
    assert "linux/amd64, linux/arm64" in str(caught.value.hint)


def test_a_lone_image_serves_unless_another_platform_is_asked_for(tmp_path: Path, store: Store) -> None:
    image = make_image(store, [file("a")], platform=Platform("linux", "riscv64"))
    nested(tmp_path / "layout", store, [image], OCI_INDEX)
    layout = Layout(Folder(tmp_path / "layout"))
    assert layout.image() == image
    with pytest.raises(ImageError, match="no image for linux/amd64"):
        layout.image(platform=AMD64)


def test_an_archive_that_is_not_there_has_a_hint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def hint(text: str) -> str | None:
        with pytest.raises(ImageError, match="does not exist") as caught:
            open_image(text)
        return caught.value.hint

    assert hint("oci-archive:nope.tar") == "`paddlewheel build -o oci-archive:nope.tar` makes it"
    assert hint("oci:nope") == "give the folder of an OCI layout, with index.json in it"
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "shop-1.oci.tar").touch()
    assert hint("oci-archive:nope.tar") == "did you mean oci-archive:dist/shop-1.oci.tar?"
    (tmp_path / "blog-1.oci.tar").touch()
    assert hint("oci-archive:dist/shop.tar") == "did you mean oci-archive:dist/shop-1.oci.tar?"
    assert hint("oci-archive:blog.tar") == "did you mean oci-archive:blog-1.oci.tar?"
