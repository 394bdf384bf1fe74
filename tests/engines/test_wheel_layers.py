"""Wheels to layers through the cache: what is made, what is reused, what is refused."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from paddlewheel.cache import Cache
from paddlewheel.engines.embedded.bytecode import other_compiler
from paddlewheel.engines.embedded.install import Venv
from paddlewheel.engines.embedded.wheels import Workshop, wheel_layers
from paddlewheel.errors import CollisionError, IntegrityError, OfflineError
from paddlewheel.net import Client
from paddlewheel.plan.model import WheelRef
from paddlewheel.progress import Silent
from tests.support.wheels import make_wheel, sha256

PYTHON = (sys.version_info[0], sys.version_info[1])


def shop(folder: Path, *, bytecode: bool = True, offline: bool = False) -> Workshop:
    return Workshop(
        cache=Cache(folder / "cache"),
        client=Client(offline=offline, retries=0),
        reporter=Silent(),
        venv=Venv("/opt/venv", PYTHON),
        compiler=other_compiler(PYTHON) if bytecode else None,
    )


def ref(wheel: Path) -> WheelRef:
    name, version = wheel.name.split("-")[:2]
    return WheelRef(name=name, version=version, filename=wheel.name, sha256=sha256(wheel), path=str(wheel))


def wheels(folder: Path, count: int = 5) -> list[WheelRef]:
    return [ref(make_wheel(folder, f"pkg{number}", files={f"pkg{number}.py": "x = 1"})) for number in range(count)]


def test_twice_the_same_and_reused(tmp_path: Path) -> None:
    refs = wheels(tmp_path)
    first = wheel_layers(refs, 10, shop(tmp_path))
    second = wheel_layers(refs, 10, shop(tmp_path))
    assert [layer.digest for layer in first] == [layer.digest for layer in second]
    assert not any(layer.reused for layer in first)
    assert all(layer.reused for layer in second)


def test_another_cache_gives_the_same(tmp_path: Path) -> None:
    refs = wheels(tmp_path)
    one = wheel_layers(refs, 10, shop(tmp_path / "one"))
    other = wheel_layers(list(reversed(refs)), 10, replace(shop(tmp_path / "two"), cores=1))
    assert [layer.digest for layer in one] == [layer.digest for layer in other]


def test_a_kept_layer_needs_no_wheel(tmp_path: Path) -> None:
    refs = wheels(tmp_path)
    wheel_layers(refs, 10, shop(tmp_path))
    for wheel in refs:
        shop(tmp_path).cache.artifact(wheel.sha256).unlink()
    without = [replace(wheel, path=None) for wheel in refs]
    assert all(layer.reused for layer in wheel_layers(without, 10, shop(tmp_path, offline=True)))


def test_bytecode_is_compiled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refs = wheels(tmp_path)
    made = shop(tmp_path)
    first = wheel_layers(refs, 10, made)
    for layer in first:
        made.cache.store.path(layer.digest).unlink()

    def fail(*_: object, **__: object) -> None:
        pytest.fail("compiled again")

    monkeypatch.setattr("paddlewheel.engines.embedded.wheels.compile_sources", fail)
    again = wheel_layers(refs, 10, shop(tmp_path))
    assert [layer.digest for layer in again] == [layer.digest for layer in first]


def test_with_and_without_bytecode_differ(tmp_path: Path) -> None:
    refs = wheels(tmp_path, 1)
    with_bytecode = wheel_layers(refs, 10, shop(tmp_path))
    without = wheel_layers(refs, 10, shop(tmp_path, bytecode=False))
    assert with_bytecode[0].size > without[0].size


def test_a_bump_changes_one_layer(tmp_path: Path) -> None:
    heavy = [
        ref(make_wheel(tmp_path, f"heavy{n}", files={f"heavy{n}.bin": bytes(range(256)) * 8000}, stored=True))
        for n in range(3)
    ]
    before = wheel_layers(heavy, 10, shop(tmp_path))
    bumped = ref(make_wheel(tmp_path, "heavy1", "2.0", files={"heavy1.bin": bytes(range(256)) * 8001}, stored=True))
    after = wheel_layers([heavy[0], bumped, heavy[2]], 10, shop(tmp_path))
    assert len(before) == 3
    assert len({layer.digest for layer in after} - {layer.digest for layer in before}) == 1


def test_wheels_of_different_layers_that_collide(tmp_path: Path) -> None:
    body = bytes(range(256)) * 8000
    one = ref(make_wheel(tmp_path, "one", files={"one.bin": body, "shared.py": "x = 1"}, stored=True))
    two = ref(make_wheel(tmp_path, "two", files={"two.bin": body, "shared.py": "x = 2"}, stored=True))
    with pytest.raises(CollisionError, match=r"one-1\.0.* and two-1\.0.* both install .*shared\.py") as caught:
        wheel_layers([one, two], 10, shop(tmp_path))
    assert caught.value.hint
    # It is found again when both layers are in the cache.
    with pytest.raises(CollisionError):
        wheel_layers([one, two], 10, shop(tmp_path))


def test_a_wheel_with_another_hash(tmp_path: Path) -> None:
    wheel = replace(wheels(tmp_path, 1)[0], sha256="0" * 64)
    with pytest.raises(IntegrityError, match="pkg0"):
        wheel_layers([wheel], 10, shop(tmp_path))


def test_offline_and_not_in_the_cache(tmp_path: Path) -> None:
    wheel = replace(wheels(tmp_path, 1)[0], path=None, url="https://example.org/pkg0-1.0-py3-none-any.whl")
    with pytest.raises(OfflineError, match="pkg0"):
        wheel_layers([wheel], 10, shop(tmp_path, offline=True))


def test_no_wheels_no_layers(tmp_path: Path) -> None:
    assert wheel_layers([], 10, shop(tmp_path)) == []


@pytest.mark.parametrize("budget", [1, 2, 60])
def test_the_budget_holds(tmp_path: Path, budget: int) -> None:
    assert len(wheel_layers(wheels(tmp_path, 30), budget, shop(tmp_path, bytecode=False))) <= budget
