"""OCI layouts: written, added to, replaced, read back."""

from __future__ import annotations

import errno
import json
import os
import threading
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from paddlewheel.errors import DeliveryError, ImageError
from paddlewheel.image.blobs import Blobs
from paddlewheel.image.files import Folder
from paddlewheel.image.layout import write_layout
from paddlewheel.image.model import Image
from paddlewheel.image.source import Layout
from paddlewheel.image.store import Store
from paddlewheel.image.validate import validate
from paddlewheel.progress import Silent
from tests.support.images import file, folder, make_image, small_image
from tests.support.need import need


def put(place: Path, image: Image, blobs: Blobs, name: str = "shop:1") -> None:
    write_layout(place, image, blobs, ref_name=name, image_name=f"docker.io/library/{name}", reporter=Silent())


def blob_names(place: Path) -> set[str]:
    return {path.name for path in (place / "blobs" / "sha256").iterdir()}


def needed_by(*images: Image) -> set[str]:
    digests = set()
    for image in images:
        digests |= {image.digest, image.config_descriptor.digest, *(layer.digest for layer in image.layers)}
    return {digest.removeprefix("sha256:") for digest in digests}


def index(place: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((place / "index.json").read_bytes())
    return value


def test_a_layout_holds_the_image_and_nothing_else(tmp_path: Path, store: Store) -> None:
    image = small_image(store)
    place = tmp_path / "deep" / "layout"
    put(place, image, store)
    assert sorted(path.name for path in place.iterdir()) == ["blobs", "index.json", "oci-layout"]
    assert blob_names(place) == needed_by(image)
    assert json.loads((place / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
    (entry,) = index(place)["manifests"]
    assert entry["digest"] == image.digest
    assert entry["platform"] == {"os": "linux", "architecture": "amd64"}
    assert entry["annotations"]["org.opencontainers.image.ref.name"] == "shop:1"
    layout = Layout(Folder(place))
    assert layout.image() == image
    assert validate(layout.image(), layout) == []
    assert [path for path in tmp_path.rglob("*") if "paddlewheel" in path.name] == []


def test_blobs_are_copies_not_links(tmp_path: Path, store: Store) -> None:
    image = small_image(store)
    put(tmp_path / "layout", image, store)
    for layer in image.layers:
        assert store.path(layer.digest).stat().st_nlink == 1
        assert not (tmp_path / "layout" / "blobs" / "sha256" / layer.digest.removeprefix("sha256:")).is_symlink()


def test_the_second_build_writes_only_what_is_new(tmp_path: Path, store: Store) -> None:
    place = tmp_path / "layout"
    shared = [folder("lib"), file("lib/a", b"a" * 10_000)]
    first = make_image(store, shared, [file("app", b"1")])
    second = make_image(store, shared, [file("app", b"2")])
    put(place, first, store)
    common = place / "blobs" / "sha256" / first.layers[0].digest.removeprefix("sha256:")
    before = common.stat()
    put(place, second, store)
    assert (common.stat().st_ino, common.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert blob_names(place) == needed_by(second)
    assert Layout(Folder(place)).image() == second


def test_several_images_share_a_layout(tmp_path: Path, store: Store) -> None:
    place = tmp_path / "layout"
    one, two, three = (small_image(store, text) for text in ("one", "two", "three"))
    put(place, one, store, "one:1")
    put(place, two, store, "two:1")
    put(place, three, store, "one:1")
    layout = Layout(Folder(place))
    assert [listed.names[0] for listed in layout.images()] == ["two:1", "one:1"]
    assert layout.image("one:1") == three
    assert layout.image("two:1") == layout.image("docker.io/library/two:1") == two
    assert blob_names(place) == needed_by(two, three)
    with pytest.raises(ImageError, match="several images") as caught:
        layout.image()
    assert caught.value.hint
    assert "one:1, two:1" in caught.value.hint


def test_a_blob_that_another_entry_needs_stays(tmp_path: Path, store: Store) -> None:
    place = tmp_path / "layout"
    one, two = small_image(store, "one"), small_image(store, "two")
    put(place, one, store, "a:1")
    put(place, one, store, "b:1")
    put(place, two, store, "a:1")
    assert blob_names(place) == needed_by(one, two)
    assert validate(Layout(Folder(place)).image("b:1"), Layout(Folder(place))) == []


def test_what_others_wrote_is_never_removed(tmp_path: Path, store: Store) -> None:
    place = tmp_path / "layout"
    one, two = small_image(store, "one"), small_image(store, "two")
    put(place, one, store)
    changed = index(place)
    del changed["manifests"][0]["annotations"]["dev.paddlewheel.entry"]
    (place / "index.json").write_text(json.dumps(changed))
    stranger = place / "blobs" / "sha256" / ("0" * 64)
    stranger.write_bytes(b"?")
    put(place, two, store)
    assert blob_names(place) == needed_by(one, two) | {"0" * 64}


def test_the_same_image_again_changes_nothing(tmp_path: Path, store: Store) -> None:
    place = tmp_path / "layout"
    image = small_image(store)
    put(place, image, store)
    before = (place / "index.json").read_bytes()
    put(place, image, store)
    assert (place / "index.json").read_bytes() == before
    assert blob_names(place) == needed_by(image)


def test_a_blob_of_the_wrong_size_is_written_again(tmp_path: Path, store: Store) -> None:
    place = tmp_path / "layout"
    image = small_image(store)
    put(place, image, store)
    (place / "blobs" / "sha256" / image.layers[0].digest.removeprefix("sha256:")).write_bytes(b"cut")
    put(place, image, store)
    assert validate(image, Layout(Folder(place))) == []


def test_remains_of_a_killed_run_go_away(tmp_path: Path, store: Store) -> None:
    """As after kill -9: oci-layout is there, index.json is not, a blob is half written."""
    place = tmp_path / "layout"
    image = small_image(store)
    (place / "blobs" / "sha256").mkdir(parents=True)
    (place / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    (place / "blobs" / "sha256" / ".paddlewheel-0011aabbccdd").write_bytes(b"half")
    put(place, image, store)
    assert blob_names(place) == needed_by(image)


class Failing:
    """A store whose second layer cannot be read."""

    def __init__(self, store: Store, image: Image, error: BaseException) -> None:
        self.store, self.bad, self.error = store, image.layers[1].digest, error

    def has(self, digest: str, size: int | None = None) -> bool:
        return self.store.has(digest, size)

    def open(self, digest: str) -> BinaryIO:
        if digest == self.bad:
            raise self.error
        return self.store.open(digest)


@pytest.mark.parametrize(
    ("error", "raised"),
    [(OSError(errno.ENOSPC, "No space left on device"), DeliveryError), (KeyboardInterrupt(), KeyboardInterrupt)],
)
def test_a_failure_leaves_all_as_it_was(
    tmp_path: Path, store: Store, error: BaseException, raised: type[BaseException]
) -> None:
    before = small_image(store, "before")
    after = make_image(store, [file("x", b"x")], [file("y", b"y")])
    put(tmp_path / "old", before, store)
    listing = sorted(tmp_path.rglob("*"))
    with pytest.raises(raised):
        put(tmp_path / "old", after, Failing(store, after, error))
    with pytest.raises(raised):
        put(tmp_path / "new", after, Failing(store, after, error))
    assert sorted(tmp_path.rglob("*")) == listing
    assert Layout(Folder(tmp_path / "old")).image() == before


def test_a_blob_shorter_than_its_descriptor_is_refused(tmp_path: Path, store: Store) -> None:
    image = small_image(store)
    path = store.path(image.layers[0].digest)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ImageError, match="bytes long"):
        put(tmp_path / "layout", image, store)
    assert not (tmp_path / "layout").exists()


@pytest.mark.parametrize("_", range(5))
def test_builds_at_once_all_get_in(tmp_path: Path, store: Store, _: int) -> None:
    images = {f"app{number}:1": small_image(store, str(number)) for number in range(8)}
    start = threading.Barrier(len(images))

    def write(name: str, image: Image) -> None:
        start.wait()
        put(tmp_path / "layout", image, store, name)

    threads = [threading.Thread(target=write, args=item) for item in images.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    layout = Layout(Folder(tmp_path / "layout"))
    assert {name: layout.image(name) for name in images} == images


def test_places_that_cannot_be_a_layout(tmp_path: Path, store: Store) -> None:
    image = small_image(store)
    (tmp_path / "file").write_text("")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    (tmp_path / "broken" / "index.json").write_text("[]")
    (tmp_path / "empty").mkdir()
    for name, reason in (
        ("file", "is a file"),
        ("file/below", "is a file|Not a directory"),
        ("full", "no OCI layout, and is not empty: it holds thesis.txt"),
        ("broken", "is no OCI index"),
    ):
        with pytest.raises(DeliveryError, match=reason) as caught:
            put(tmp_path / name, image, store)
        assert caught.value.hint
    assert (tmp_path / "full" / "thesis.txt").exists()
    put(tmp_path / "empty", image, store)
    assert Layout(Folder(tmp_path / "empty")).image() == image


def test_an_unwritable_place(tmp_path: Path, store: Store) -> None:
    need(os.geteuid() != 0 or Path("/proc/self").exists(), "no place that refuses root")
    with pytest.raises(DeliveryError, match="could not be written"):
        put(Path("/proc/self/layout"), small_image(store), store)
