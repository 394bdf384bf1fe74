"""The same locks give the same digest: another folder, user, umask, time zone, date, Python; every cache empty."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.proof.test_examples import copy_of
from tests.setup.users import User
from tests.support.checkout import ROOT
from tests.support.command import REFERENCE, paddlewheel
from tests.support.need import need_program

pytestmark = [pytest.mark.network, pytest.mark.slow]

EXAMPLES = ("flask-service", "fastapi-service")


@pytest.fixture(scope="module", params=EXAMPLES)
def locked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A project with its locks, and the digest that a first build with an empty cache gives."""
    project = copy_of(request.param, tmp_path_factory.mktemp("first"))
    paddlewheel("lock", project)
    return project, build(project, tmp_path_factory.mktemp("cache"))


def build(
    project: Path,
    cache: Path,
    *,
    python: Path = Path(sys.executable),
    umask: int = 0o022,
    wrap: tuple[str, ...] = (),
    env: dict[str, str] | None = None,
) -> str:
    """The digest of a build that must find the locks as they should be."""
    command = [*wrap, str(python), "-m", "paddlewheel", "build", "--locked", str(project)]
    environment = os.environ | {"PADDLEWHEEL_CACHE_DIR": str(cache), "PYTHONPATH": str(ROOT / "src")} | (env or {})
    done = subprocess.run(command, env=environment, umask=umask, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert REFERENCE.fullmatch(done.stdout.strip()), done.stdout
    return digest(done.stdout)


def digest(told: str) -> str:
    """Of ``name@digest``: a project without a name of its own is called after its folder."""
    return told.strip().partition("@")[2]


@pytest.fixture
def elsewhere(locked: tuple[Path, str], tmp_path: Path) -> Path:
    """The project in another folder, its files newer and made in another order."""
    project, _ = locked
    copy = tmp_path / "some" / "where" / "else"
    copy.mkdir(parents=True)
    for path in sorted(project.rglob("*"), reverse=True):
        if path.is_file() and "dist" not in path.relative_to(project).parts:
            place = copy / path.relative_to(project)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
    return copy


def test_another_folder_umask_zone_and_locale(locked: tuple[Path, str], elsewhere: Path, tmp_path: Path) -> None:
    odd = {"TZ": "Pacific/Chatham", "LC_ALL": "C", "PYTHONHASHSEED": "4711", "HOME": str(tmp_path)}
    assert build(elsewhere, tmp_path / "cache", umask=0o077, env=odd) == locked[1]


def test_another_python(locked: tuple[Path, str], elsewhere: Path, tmp_path: Path, other_python: Path) -> None:
    assert build(elsewhere, tmp_path / "cache", python=other_python) == locked[1]


def test_another_date(locked: tuple[Path, str], elsewhere: Path, tmp_path: Path) -> None:
    assert build(elsewhere, tmp_path / "cache", wrap=(need_program("faketime"), "-f", "+26h")) == locked[1]


@pytest.mark.parametrize("kind", ["ordinary_user", "bare_user"])
def test_another_user(kind: str, locked: tuple[Path, str], elsewhere: Path, request: pytest.FixtureRequest) -> None:
    user: User = request.getfixturevalue(kind)
    project = user.own(elsewhere)
    assert digest(user.paddlewheel("build", "--locked", project).stdout) == locked[1]


def test_one_processor(locked: tuple[Path, str], elsewhere: Path, tmp_path: Path) -> None:
    wrap = (need_program("taskset"), "--cpu-list", str(min(os.sched_getaffinity(0))))
    assert build(elsewhere, tmp_path / "cache", wrap=wrap) == locked[1]


def test_source_date_epoch_alone_changes_it(locked: tuple[Path, str], elsewhere: Path, tmp_path: Path) -> None:
    first = build(elsewhere, tmp_path / "cache", env={"SOURCE_DATE_EPOCH": "1700000000"})
    again = build(elsewhere, tmp_path / "again", env={"SOURCE_DATE_EPOCH": "1700000000"})
    assert first == again != locked[1]
