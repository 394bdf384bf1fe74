"""Layers that were damaged in the cache: noticed before they are used, and made again."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from paddlewheel.cache import Cache
from paddlewheel.engines.embedded.kept import kept_layer
from paddlewheel.engines.embedded.wheels import wheel_layers
from paddlewheel.errors import ImageError
from paddlewheel.image.model import Image, Platform, RunConfig
from paddlewheel.image.store import Store, file_digest
from paddlewheel.net import Client
from paddlewheel.progress import Silent
from paddlewheel.verbs import building
from paddlewheel.verbs.delivering import run
from paddlewheel.verbs.values import Built, Context
from tests.engines.test_wheel_layers import shop, wheels

Damage = Callable[[Path], None]


class Told(Silent):
    """Keeps the warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        self.warnings.append(text)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)


def flip_unseen(path: Path) -> None:
    """The same size, inode and modification time: only the change time tells."""
    found = path.stat()
    flip(path)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert path.stat().st_mtime_ns == found.st_mtime_ns


def truncate(path: Path) -> None:
    path.chmod(0o644)
    os.truncate(path, path.stat().st_size - 1)


def replace_file(path: Path) -> None:
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data[:-1] + b"?")


every_damage = pytest.mark.parametrize("damage", [flip, flip_unseen, truncate, replace_file])


@every_damage
def test_a_damaged_layer_is_made_again(tmp_path: Path, damage: Damage) -> None:
    refs = wheels(tmp_path, 1)
    (first,) = wheel_layers(refs, 10, shop(tmp_path))
    store = shop(tmp_path).cache.store
    damage(store.path(first.digest))
    told = Told()
    (again,) = wheel_layers(refs, 10, replace(shop(tmp_path), reporter=told))
    assert again.digest == first.digest
    assert not again.reused
    assert file_digest(store.path(first.digest)) == first.digest
    if damage is not truncate:  # as after a crash of the machine, which is no news
        assert ["damaged" in text for text in told.warnings] == [True]
    (third,) = wheel_layers(refs, 10, shop(tmp_path))
    assert third.reused


def test_a_cache_that_was_copied_is_hashed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refs = wheels(tmp_path, 1)
    (first,) = wheel_layers(refs, 10, shop(tmp_path))
    cache = shop(tmp_path).cache
    path = cache.store.path(first.digest)
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data)
    told = Told()
    assert kept_layer(cache, first.key, told) is not None
    monkeypatch.setattr(Store, "verify", lambda *_: pytest.fail("hashed twice"))
    assert kept_layer(cache, first.key, told) is not None
    assert told.warnings == []


def test_what_is_committed_takes_the_place_of_damage(tmp_path: Path) -> None:
    store = Store(tmp_path)
    digest = store.put(b"a config")
    flip(store.path(digest))
    assert store.put(b"a config") == digest
    assert store.path(digest).read_bytes() == b"a config"
    flip(store.path(digest))
    with store.create() as (file, temporary):
        file.write(b"a config")
        file.flush()
        store.commit(temporary, digest)
    assert store.path(digest).read_bytes() == b"a config"


@pytest.fixture
def built(tmp_path: Path) -> Built:
    (layer,) = wheel_layers(wheels(tmp_path, 1), 10, shop(tmp_path))
    image = Image.create(
        platform=Platform("linux", "amd64"),
        run=RunConfig(cmd=("true",)),
        layers=[layer.as_layer()],
        created="2026-01-01T00:00:00Z",
    )
    cache = Cache(tmp_path / "cache")
    cache.store.put(image.config_bytes)
    cache.store.put(image.manifest_bytes)
    return Built(image=image, cache=cache, name="demo:1", layers=(), base="", packages=1, start_reason="")


def context(built: Built) -> Context:
    return Context(cache=built.cache, client=Client(offline=True), reporter=Silent())


def remembered(built: Built, monkeypatch: pytest.MonkeyPatch) -> Built | None:
    digest, config = built.image.digest, built.image.config_descriptor.digest
    result = {"manifest": digest, "config": config, "name": "demo:1", "layers": [], "base": "", "packages": 1}
    monkeypatch.setattr(building, "remembered", lambda *_: {**result, "start_reason": "", "version": "1"})
    return building._remembered(context(built), built.cache.root, "key")


@every_damage
def test_a_damaged_image_is_not_taken_for_the_last_one(
    built: Built, monkeypatch: pytest.MonkeyPatch, damage: Damage
) -> None:
    assert remembered(built, monkeypatch) is not None
    damage(built.cache.store.path(built.image.layers[0].digest))
    assert remembered(built, monkeypatch) is None


@pytest.mark.parametrize("part", ["manifest", "config"])
def test_nor_one_with_a_damaged_manifest_or_config(built: Built, monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    digest = built.image.digest if part == "manifest" else built.image.config_descriptor.digest
    flip(built.cache.store.path(digest))
    assert remembered(built, monkeypatch) is None


def test_run_removes_a_damaged_layer(built: Built) -> None:
    place = built.cache.store.path(built.image.layers[0].digest)
    flip(place)
    with pytest.raises(ImageError, match="was damaged, and is removed") as caught:
        run(built, (), context(built), {})
    assert caught.value.hint == "run the same command again"
    assert not place.exists()
