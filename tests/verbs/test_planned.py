"""When the last build's plan serves again."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from paddlewheel.cache import Cache
from paddlewheel.debian.model import PinnedBase
from paddlewheel.image.model import Platform
from paddlewheel.plan.model import ComposeBase, InstallWheels, Plan, PythonTarget, Stage, Start, WheelRef
from paddlewheel.project.model import LockKind, LockSource, Project, Settings, StartHints
from paddlewheel.verbs.planned import Planned, keep_plan, known_plan

WHEEL = WheelRef(
    name="flask",
    version="3.1",
    filename="flask-3.1-py3-none-any.whl",
    sha256="cd" * 32,
    size=100,
    url="https://files.example.org/flask-3.1-py3-none-any.whl",
)


def planned(wheel: WheelRef = WHEEL) -> Planned:
    platform = Platform("linux", "amd64")
    base = PinnedBase(suite="trixie", architecture="amd64", snapshot="20260101T000000Z", requested=(), packages=())
    steps = (ComposeBase(base=base), InstallWheels(prefix="/opt/venv", wheels=(wheel,), bytecode=True, layers=50))
    python = PythonTarget(
        version=(3, 13),
        full_version="3.13.5",
        executable="/usr/bin/python3.13",
        libc=("glibc", 2, 41),
        platform=platform,
    )
    start = Start(entrypoint=(), cmd=("python",), reason="it was said")
    stages = (Stage(name="target-image", parent=None, steps=steps),)
    plan = Plan(name="shop", version="1.2", platform=platform, python=python, start=start, stages=stages)
    return Planned(plan, "distroless:trixie")


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    root = tmp_path / "shop"
    root.mkdir()
    (root / "pylock.toml").write_text("lock-version = '1.0'\n")
    (root / "app.py").write_text("x = 1\n")
    time.sleep(0.03)
    lock = LockSource(kind=LockKind.PYLOCK, path=root / "pylock.toml", complete=True)
    return Project(root=root, name="shop", version="1.2", lock=lock)


def keep(cache: Cache, project: Project, value: Planned | None = None, extra: tuple[str, ...] = ()) -> None:
    keep_plan(cache, "ab" * 32, project, value or planned(), extra=extra, since=time.time_ns())


def known(cache: Cache, project: Project) -> Planned | None:
    return known_plan(cache, "ab" * 32, project)


def test_a_source_file_changes_no_plan(cache: Cache, project: Project) -> None:
    assert known(cache, project) is None
    keep(cache, project)
    (project.root / "app.py").write_text("x = 2\n")
    assert known(cache, project) == planned()


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "pylock.toml").write_text("lock-version = '1.0'\nx = 1\n"),
        lambda root: (root / "pylock.toml").unlink(),
        lambda root: (root / "paddlewheel.lock").write_text(""),
        lambda root: (root / "pyproject.toml").write_text(""),
        lambda root: (root / ".python-version").write_text("3.13\n"),
        lambda root: (root.parent / "common.txt").write_text("click\n"),
    ],
)
def test_a_file_that_states_something_does(cache: Cache, project: Project, change: Callable[[Path], object]) -> None:
    keep(cache, project, extra=(str(project.root.parent / "common.txt"),))
    assert known(cache, project) == planned()
    change(project.root)
    assert known(cache, project) is None


def test_what_the_source_says_about_the_start_does(cache: Cache, project: Project) -> None:
    keep(cache, project)
    assert known(cache, replace(project, start=StartHints(wsgi="app:app", framework="flask"))) is None
    assert known(cache, replace(project, settings=Settings(cmd=("python", "other.py")))) is None


def test_a_wheel_built_from_a_folder_does(cache: Cache, project: Project) -> None:
    keep(cache, project, planned(replace(WHEEL, url=None, path="/srv/wheels/flask-3.1-py3-none-any.whl")))
    assert known(cache, project) is None


@pytest.mark.parametrize("complete", [True, False])
def test_a_back_end_may_take_dependencies_from_anywhere(cache: Cache, project: Project, complete: bool) -> None:
    package = replace(project, build_requires=("setuptools",), lock=replace(project.lock, complete=complete))
    keep(cache, package)
    assert (known(cache, package) is not None) == complete


def test_a_plan_of_another_format_is_made_again(cache: Cache, project: Project) -> None:
    keep(cache, project)
    record = cache.record("plan", "ab" * 32)
    assert record is not None
    record["plan"]["stages"] = 7
    cache.put_record("plan", "ab" * 32, record)
    assert known(cache, project) is None
