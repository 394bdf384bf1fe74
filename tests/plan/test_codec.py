"""A plan to JSON and back."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from paddlewheel.debian.model import PinnedBase, PinnedPackage
from paddlewheel.errors import LockFormatError
from paddlewheel.image.model import Healthcheck, Platform, RunConfig
from paddlewheel.plan.codec import from_json, to_json
from paddlewheel.plan.model import (
    BuildApp,
    ComposeBase,
    CopyApp,
    CreateVenv,
    InstallApp,
    InstallWheels,
    MakeDirectories,
    Plan,
    PythonTarget,
    SetConfig,
    Stage,
    Start,
    WheelRef,
)

PYTHON = PythonTarget(
    version=(3, 13),
    full_version="3.13.5",
    executable="/usr/bin/python3.13",
    libc=("glibc", 2, 41),
    platform=Platform("linux", "amd64"),
)
PACKAGE = PinnedPackage(
    name="libc6", version="2.41-12", architecture="amd64", archive="debian", path="pool/x.deb", size=9, sha256="ab" * 32
)
BASE = PinnedBase(
    suite="trixie", architecture="amd64", snapshot="20260101T000000Z", requested=("libpq5",), packages=(PACKAGE,)
)
WHEEL = WheelRef(name="flask", version="3.1", filename="flask-3.1-py3-none-any.whl", sha256="cd" * 32, size=100)
EVERYTHING = Plan(
    name="shop",
    version="1.2",
    platform=Platform("linux", "amd64"),
    python=PYTHON,
    start=Start(entrypoint=(), cmd=("python", "-m", "shop"), reason="it has __main__.py", expose=("8000/tcp",)),
    notes=("chosen",),
    stages=(
        Stage(name="base-pre-pkg", parent=None, steps=(ComposeBase(base=BASE, timezone="Europe/Paris"),)),
        Stage(
            name="python-pkg-pinned",
            parent="base-pre-pkg",
            steps=(
                CreateVenv(prefix="/opt/venv", python=PYTHON),
                InstallWheels(prefix="/opt/venv", wheels=(WHEEL,), bytecode=True, layers=50),
            ),
        ),
        Stage(
            name="base-post-pkg",
            parent="python-pkg-pinned",
            steps=(MakeDirectories(paths=("/data",), uid=1, gid=2),),
        ),
        Stage(name="app-builder", parent=None, steps=(BuildApp(name="shop", version="1.2", constraints=("a==1",)),)),
        Stage(
            name="target-image",
            parent="base-post-pkg",
            steps=(
                InstallApp(prefix="/opt/venv", bytecode=False),
                CopyApp(target="/app", files=("src", "."), bytecode=True),
                SetConfig(
                    run=RunConfig(
                        user="65532", env=(("A", "b"),), healthcheck=Healthcheck(test=("CMD", "x"), interval=30.0)
                    ),
                    annotations={"a": "b"},
                ),
            ),
        ),
    ),
)


def test_there_and_back() -> None:
    assert from_json(json.loads(json.dumps(to_json(EVERYTHING)))) == EVERYTHING


def test_none_is_left_out_and_read_as_none() -> None:
    value = to_json(replace(EVERYTHING, stages=(Stage(name="dep-builder", parent=None),)))
    assert value["stages"] == [{"name": "dep-builder", "steps": [], "note": ""}]
    value["stages"][0]["parent"] = None
    assert from_json(value).stages[0].parent is None


def broken(path: list[str | int], new: Any) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(json.dumps(to_json(EVERYTHING)))
    target: Any = value
    for key in path[:-1]:
        target = target[key]
    if new is KeyError:
        del target[path[-1]]
    else:
        target[path[-1]] = new
    return value


@pytest.mark.parametrize(
    ("path", "new", "words"),
    [
        (["plan"], 2, "format 1"),
        (["name"], KeyError, "plan: .*name"),
        (["surprise"], 1, "unknown field 'surprise'"),
        (["stages"], {}, "plan.stages: a list"),
        (["stages", 0, "name"], "base", r"plan.stages\[0\].name: 'base' is none of"),
        (["stages", 0, "steps", 0, "step"], "fly", r"steps\[0\]: 'fly' is no step"),
        (["python", "version"], [3], r"2 items were expected, there are 1"),
        (["stages", 1, "steps", 1, "wheels", 0, "size"], "big", r"wheels\[0\].size: int was expected"),
        (["stages", 1, "steps", 1, "layers"], True, r"layers: int was expected"),
        (["start", "env"], [], r"start.env: an object"),
    ],
)
def test_what_is_wrong_is_named(path: list[str | int], new: Any, words: str) -> None:
    with pytest.raises(LockFormatError, match=words):
        from_json(broken(path, new))


@pytest.mark.parametrize("value", [None, [], "plan", {}])
def test_what_is_no_plan(value: Any) -> None:
    with pytest.raises(LockFormatError, match="no plan"):
        from_json(value)
