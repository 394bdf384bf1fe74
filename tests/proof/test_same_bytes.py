"""The same locks give the same archive, byte for byte, whoever builds, where and when; on loopback, each cache empty.

`test_same_digest` proves the same with real bases and packages.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from paddlewheel.image.store import file_digest
from paddlewheel.image.transports import open_image
from paddlewheel.image.validate import validate
from tests.proof.harbour import Harbour
from tests.setup.users import User
from tests.support.checkout import ROOT
from tests.support.need import need_program

ODD = {"TZ": "Pacific/Chatham", "LC_ALL": "C", "PYTHONHASHSEED": "4711", "COLUMNS": "40"}


def archive(
    harbour: Harbour,
    project: Path,
    cache: Path,
    *,
    python: Path = Path(sys.executable),
    umask: int = 0o022,
    wrap: tuple[str, ...] = (),
    env: dict[str, str] | None = None,
) -> str:
    """Build; the digest of the archive."""
    command = [*wrap, str(python), "-m", "paddlewheel", "build", "--locked", str(project)]
    environment = harbour.environment(cache) | {"PYTHONPATH": str(ROOT / "src")} | (env or {})
    done = subprocess.run(command, env=environment, umask=umask, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (made,) = (project / "dist").iterdir()
    return file_digest(made)


@pytest.fixture
def expected(harbour: Harbour, tmp_path: Path) -> str:
    # Without bytecode, which the made-up base has no interpreter for.
    return archive(harbour, harbour.project(tmp_path / "first" / "boat", bytecode=False), tmp_path / "first" / "cache")


@pytest.fixture
def elsewhere(harbour: Harbour, tmp_path: Path) -> Path:
    """The project in another folder, its files made in another order, of another age and with odd modes."""
    made = harbour.project(tmp_path / "made" / "boat", bytecode=False)
    copy = tmp_path / "some" / "where" / "else"
    for number, path in enumerate(sorted(made.rglob("*"), reverse=True)):
        if path.is_file():
            place = copy / path.relative_to(made)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
            place.chmod(0o600 if number % 2 else 0o664)
            os.utime(place, (number * 86400, number * 86400))
    return copy


def test_another_folder_umask_zone_and_locale(harbour: Harbour, elsewhere: Path, expected: str, tmp_path: Path) -> None:
    assert archive(harbour, elsewhere, tmp_path / "cache", umask=0o077, env=ODD) == expected


def test_another_date(harbour: Harbour, elsewhere: Path, expected: str, tmp_path: Path) -> None:
    wrap = (need_program("faketime"), "-f", "+400d")
    assert archive(harbour, elsewhere, tmp_path / "cache", wrap=wrap) == expected


def test_another_python(harbour: Harbour, elsewhere: Path, expected: str, tmp_path: Path, other_python: Path) -> None:
    assert archive(harbour, elsewhere, tmp_path / "cache", python=other_python) == expected


def test_another_user(harbour: Harbour, elsewhere: Path, expected: str, ordinary_user: User) -> None:
    project = ordinary_user.own(elsewhere)
    environment = {**ODD, "PADDLEWHEEL_MIRROR": harbour.mirror, "NO_PROXY": "127.0.0.1"}
    ordinary_user.paddlewheel("build", "--locked", project, env=environment)
    (made,) = (project / "dist").iterdir()
    assert file_digest(made) == expected


def test_the_image_is_sound(harbour: Harbour, elsewhere: Path, tmp_path: Path) -> None:
    archive(harbour, elsewhere, tmp_path / "cache")
    (made,) = (elsewhere / "dist").iterdir()
    image, blobs = open_image(f"oci-archive:{made}")
    assert validate(image, blobs) == []


def test_one_processor(harbour: Harbour, elsewhere: Path, expected: str, tmp_path: Path) -> None:
    wrap = (need_program("taskset"), "--cpu-list", str(min(os.sched_getaffinity(0))))
    assert archive(harbour, elsewhere, tmp_path / "cache", wrap=wrap) == expected
