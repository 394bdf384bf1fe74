"""Layers unpacked for overlayfs: what they hold, what they remove, and that nothing gets out of the folder."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paddlewheel.cache import Cache
from paddlewheel.errors import ImageError
from paddlewheel.image.model import OCI_LAYER, Descriptor, Image, Layer, RunConfig, sha256_digest
from paddlewheel.image.store import Store
from paddlewheel.image.tar import EPOCH, TRAILER, Entry, header, padding
from paddlewheel.image.tarread import LayerReader
from paddlewheel.image.unpack import unpack_image, unpack_layer, unpacked_place
from paddlewheel.image.unpacker import Unpacker
from paddlewheel.progress import Silent
from tests.setup.users import User
from tests.support.images import (
    AMD64,
    CREATED,
    Item,
    file,
    folder,
    hardlink,
    make_image,
    small_image,
    symlink,
    write_layer,
)
from tests.support.need import need_root
from tests.support.tarfiles import extract


def unpacked(items: Sequence[Item], cache: Cache) -> Path:
    return unpack_layer(write_layer(cache.store, items), cache.store, cache)


def listing(root: Path) -> dict[str, str]:
    """Path -> what is there, in words."""
    found = {}
    for path in sorted(root.rglob("*")):
        about = path.lstat()
        name = str(path.relative_to(root))
        if stat.S_ISLNK(about.st_mode):
            found[name] = f"-> {path.readlink()}"
        elif stat.S_ISCHR(about.st_mode):
            found[name] = f"device {os.major(about.st_rdev)}/{os.minor(about.st_rdev)}"
        elif stat.S_ISDIR(about.st_mode):
            opaque = "user.overlay.opaque" in os.listxattr(path)
            found[name] = f"{about.st_mode & 0o7777:o}/" + (" opaque" if opaque else "")
        else:
            found[name] = f"{about.st_mode & 0o7777:o} {path.read_bytes().decode()!r}"
    return found


def test_files_folders_links_modes_and_times(cache: Cache) -> None:
    need_root()
    root = unpacked(
        [
            folder("opt", mode=0o750),
            file("opt/run", b"#!", mode=0o4755),
            file("opt/größe", b"x", mode=0o600),
            symlink("opt/link", "../etc/none"),
            hardlink("opt/again", "opt/run", mode=0o4755),
            file("made/on/the/way", b"y", mode=0o444),
            folder("tmp", mode=0o1777),
        ],
        cache,
    )
    assert listing(root) == {
        "made": "755/",
        "made/on": "755/",
        "made/on/the": "755/",
        "made/on/the/way": "444 'y'",
        "opt": "750/",
        "opt/again": "4755 '#!'",
        "opt/größe": "600 'x'",
        "opt/link": "-> ../etc/none",
        "opt/run": "4755 '#!'",
        "tmp": "1777/",
    }
    assert (root / "opt/again").stat().st_ino == (root / "opt/run").stat().st_ino
    assert {(root / name).lstat().st_mtime for name in ("opt", "opt/run", "opt/link", "tmp")} == {EPOCH}
    assert root.stat().st_mode & 0o777 == 0o755
    assert root.parent.stat().st_mode & 0o777 == 0o700


def test_owners_are_set_by_root(cache: Cache) -> None:
    need_root()
    owned = Entry("home/app", kind="dir", mode=0o700, uid=65532, gid=65533)
    root = unpacked([(owned, b""), (Entry("home/app/x", size=1, uid=1, gid=2, mode=0o4711), b"x")], cache)
    assert ((root / "home/app").stat().st_uid, (root / "home/app").stat().st_gid) == (65532, 65533)
    about = (root / "home/app/x").stat()
    assert (about.st_uid, about.st_gid, about.st_mode & 0o7777) == (1, 2, 0o4711)


def test_whiteouts(cache: Cache) -> None:
    root = unpacked(
        [
            file("etc/.wh.motd"),
            file("kept/.wh.cache"),
            folder("kept/cache"),
            file("kept/cache/new", b"n"),
            folder("gone"),
            file("gone/.wh..wh..opq"),
            file("gone/back", b"b"),
            file("etc/.wh.both"),
            file("etc/both", b"2"),
            folder(".wh..wh.plnk"),
            file(".wh..wh.aufs"),
        ],
        cache,
    )
    assert listing(root) == {
        "etc": "755/",
        "etc/both": "644 '2'",
        "etc/motd": "device 0/0",
        "gone": "755/ opaque",
        "gone/back": "644 'b'",
        "kept": "755/",
        "kept/cache": "755/ opaque",
        "kept/cache/new": "644 'n'",
    }


def test_the_last_of_several_members_counts(cache: Cache) -> None:
    root = unpacked(
        [
            file("a", b"1"),
            file("a", b"2"),
            symlink("b", "a"),
            file("b", b"3"),
            symlink("c", "/"),
            folder("c"),
            file("c/d", b"4"),
            folder("e"),
            file("e/.wh..wh..opq"),
            file("e/f/g", b"5"),
            file("e", b"6"),
            folder("h"),
            file("h/.wh..wh..opq"),
            symlink("h", "c"),
        ],
        cache,
    )
    assert listing(root) == {
        "a": "644 '2'",
        "b": "644 '3'",
        "c": "755/",
        "c/d": "644 '4'",
        "e": "644 '6'",
        "h": "-> c",
    }


def test_links_are_followed_within_the_folder(cache: Cache, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    root = unpacked(
        [
            folder("usr/lib"),
            symlink("lib", "usr/lib"),
            file("lib/libc.so", b"elf"),
            symlink("abs", str(outside)),
            file("abs/x", b"x"),
            symlink("up", "../../../../../.."),
            file("up/y", b"y"),
            symlink("usr/loop", "../lib/./../lib"),
            hardlink("usr/loop/again", "lib/libc.so"),
        ],
        cache,
    )
    found = listing(root)
    assert found["usr/lib/libc.so"] == found["usr/lib/again"] == "644 'elf'"
    assert found["y"] == "644 'y'"
    assert found[str(outside / "x").lstrip("/")] == "644 'x'"
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize(
    ("items", "reason"),
    [
        ([file("../x")], "leads out of it"),
        ([file("a/../../x")], "leads out of it"),
        ([file("a/..")], "leads out of it"),
        ([hardlink("x", "../../etc/passwd")], "leads out of it"),
        ([hardlink("x", "etc/passwd")], "no file in this layer"),
        ([folder("d"), hardlink("x", "d")], "no file in this layer"),
        ([symlink("a", "b"), symlink("b", "a"), file("a/x")], "in a circle"),
        ([file("a"), file("a/x")], "which is no folder"),
        ([symlink("x", "")], "has no target"),
        ([file("a/.wh.")], "removes nothing that can be named"),
        ([file(".wh...")], "removes nothing that can be named"),
    ],
)
def test_a_layer_that_leads_astray(cache: Cache, tmp_path: Path, items: list[Item], reason: str) -> None:
    with pytest.raises(ImageError, match=reason):
        unpacked(items, cache)
    assert list((cache.root / "rootfs").iterdir()) == []
    assert [path.name for path in (cache.root / "tmp").iterdir()] == []


def test_absolute_names_are_taken_as_relative(cache: Cache) -> None:
    assert listing(unpacked([file("/etc/motd", b"x"), file("./b")], cache)) == {
        "b": "644 ''",
        "etc": "755/",
        "etc/motd": "644 'x'",
    }


NAME = st.sampled_from(["a", "b", "..", ".", "", ".wh.a", ".wh.b", ".wh..wh..opq", ".wh.", ".wh..."])
PATHS = st.lists(NAME, min_size=1, max_size=4).map("/".join).filter(bool)
TARGETS = st.lists(st.sampled_from(["a", "b", "..", ".", ""]), min_size=1, max_size=4).map("/".join)
ENTRIES = st.builds(
    Entry,
    path=PATHS,
    kind=st.sampled_from(["file", "dir", "symlink", "hardlink"]),
    mode=st.sampled_from([0, 0o777]),
    target=TARGETS,
)


@settings(deadline=None, max_examples=150)
@given(st.lists(ENTRIES, max_size=10))
def test_nothing_gets_out_whatever_the_members(entries: list[Entry]) -> None:
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryFile() as tar:
        outside = Path(name)
        (outside / "a").write_text("untouched")
        root = outside / "b" / "b" / "b"
        root.mkdir(parents=True)
        for entry in entries:
            tar.write(header(entry))
        tar.write(TRAILER)
        try:
            Unpacker(root, "test").unpack(LayerReader(tar, "test"))
        except ImageError:
            pass
        finally:
            for folder_, _, _ in os.walk(root):
                Path(folder_).chmod(0o700)
        assert (outside / "a").read_text() == "untouched"
        beside = [path.relative_to(outside) for path in outside.rglob("*") if root not in path.parents]
        assert sorted(map(str, beside)) == ["a", "b", "b/b", "b/b/b"]


def test_tarfile_agrees(cache: Cache, tmp_path: Path) -> None:
    """Python's own extraction gives the same tree."""
    image = small_image(cache.store)
    for number, layer in enumerate(image.layers):
        with tarfile.open(cache.store.path(layer.digest)) as tar:
            extract(tar, tmp_path / str(number))
    places = unpack_image(image, cache.store, cache, Silent())
    for number, place in enumerate(places):
        assert listing(place) == listing(tmp_path / str(number))


def test_an_image_is_unpacked_once(cache: Cache) -> None:
    image = small_image(cache.store)
    twice = Image.create(platform=AMD64, run=RunConfig(), layers=[*image.layers, image.layers[0]], created=CREATED)
    places = unpack_image(twice, cache.store, cache, Silent())
    assert [place.name for place in places] == [layer.diff_id.removeprefix("sha256:") for layer in twice.layers]
    before = places[0].stat()
    for layer in image.layers:
        cache.store.path(layer.digest).unlink()
    assert unpack_image(twice, cache.store, cache, Silent()) == places
    assert places[0].stat().st_ino == before.st_ino


def test_a_plain_tar_is_a_layer_too(cache: Cache) -> None:
    tar = header(Entry("a", size=3)) + b"abc" + padding(3) + TRAILER
    layer = Layer(
        descriptor=Descriptor(media_type=OCI_LAYER, digest=cache.store.put(tar), size=len(tar)),
        diff_id=sha256_digest(tar),
    )
    assert listing(unpack_layer(layer, cache.store, cache)) == {"a": "644 'abc'"}


def test_zstd_is_said_to_be_unsupported(cache: Cache) -> None:
    blob = b"\x28\xb5\x2f\xfd" + bytes(20)
    layer = Layer(
        descriptor=Descriptor(media_type=OCI_LAYER, digest=cache.store.put(blob), size=len(blob)),
        diff_id=sha256_digest(b""),
    )
    with pytest.raises(ImageError, match="zstd, which is not supported"):
        unpack_layer(layer, cache.store, cache)


def test_a_layer_that_is_not_what_the_config_says(cache: Cache) -> None:
    layer = write_layer(cache.store, [file("a", b"a")])
    wrong = replace(layer, diff_id="sha256:" + "0" * 64)
    with pytest.raises(ImageError, match="config says sha256:0000") as caught:
        unpack_layer(wrong, cache.store, cache)
    assert caught.value.hint
    assert not unpacked_place(wrong, cache).exists()
    path = cache.store.path(layer.digest)
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)
    with pytest.raises(ImageError, match="is damaged"):
        unpack_layer(layer, cache.store, cache)
    assert list((cache.root / "rootfs").iterdir()) == list((cache.root / "tmp").iterdir()) == []


def test_many_at_once_make_it_once(cache: Cache) -> None:
    layer = write_layer(cache.store, [file(f"f{number}", b"x" * 100) for number in range(300)])
    found: list[Path] = []
    threads = [
        threading.Thread(target=lambda: found.append(unpack_layer(layer, cache.store, Cache(cache.root))))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(found) == {unpacked_place(layer, cache)}
    assert len(found) == 6
    assert len(listing(found[0])) == 300
    assert list((cache.root / "tmp").iterdir()) == []


PROGRAM = """
import json, sys
from pathlib import Path
from paddlewheel.cache import Cache
from paddlewheel.image.model import Image
from paddlewheel.image.unpack import unpack_image
from paddlewheel.progress import Silent
manifest, config, root = map(Path, sys.argv[1:])
cache = Cache(root)
image = Image(manifest.read_bytes(), config.read_bytes())
print(json.dumps([str(path) for path in unpack_image(image, cache.store, cache, Silent())]))
"""


def test_an_ordinary_user_unpacks_and_can_remove_it_again(ordinary_user: User) -> None:
    user = ordinary_user
    store = Store(user.home / "cache")
    image = make_image(
        store,
        [
            (Entry("secret", kind="dir", mode=0o000, uid=0), b""),
            (Entry("secret/shadow", size=1, mode=0o000, uid=0, gid=42), b"s"),
            (Entry("home/app", kind="dir", mode=0o555, uid=65532, gid=65532), b""),
            file("home/app/run", b"r", mode=0o4555),
        ],
        [file("etc/.wh.motd"), folder("gone"), file("gone/.wh..wh..opq")],
    )
    (user.home / "manifest").write_bytes(image.manifest_bytes)
    (user.home / "config").write_bytes(image.config_bytes)
    if os.geteuid() == 0:
        subprocess.run(["chown", "-R", f"{user.uid}:{user.gid}", user.home], check=True)
    command: list[str | Path] = [
        user.python,
        "-c",
        PROGRAM,
        user.home / "manifest",
        user.home / "config",
        user.home / "cache",
    ]
    first, second = (Path(place) for place in json.loads(user.run(command).stdout))
    assert listing(first) == {
        "home": "755/",
        "home/app": "755/",
        "home/app/run": "4755 'r'",
        "secret": "700/",
        "secret/shadow": "600 's'",
    }
    assert listing(second) == {"etc": "755/", "etc/motd": "device 0/0", "gone": "755/ opaque"}
    assert {path.lstat().st_uid for path in first.rglob("*")} == {user.uid}
    user.run(["rm", "-r", user.home / "cache"])


def test_a_killed_run_leaves_nothing_in_the_way(cache: Cache, tmp_path: Path) -> None:
    """kill -9 while a layer is unpacked: its folder is not there, and the next run makes it."""
    layer = write_layer(cache.store, [file(f"d{number % 20}/f{number}", b"x" * 3000) for number in range(1500)])
    image = Image.create(platform=AMD64, run=RunConfig(), layers=[layer], created=CREATED)
    (tmp_path / "manifest").write_bytes(image.manifest_bytes)
    (tmp_path / "config").write_bytes(image.config_bytes)
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, tmp_path / "manifest", tmp_path / "config", cache.root],
        stdout=subprocess.DEVNULL,
    )
    while process.poll() is None and not list(cache.root.glob("tmp/rootfs-*/layer/*")):
        time.sleep(0.001)
    process.kill()
    process.wait()
    assert not unpacked_place(layer, cache).exists()
    (place,) = unpack_image(image, cache.store, cache, Silent())
    assert sum(path.is_file() for path in place.rglob("*")) == 1500
    assert hashlib.sha256((place / "d0" / "f0").read_bytes()).hexdigest() == hashlib.sha256(b"x" * 3000).hexdigest()
