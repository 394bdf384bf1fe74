"""A wheel of a gigabyte: built in constant memory, whichever way its bytes lie in the zip."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.proof.harbour import Harbour
from tests.support.command import PADDLEWHEEL
from tests.support.wheels import make_wheel
from tests.support.zips import Member

pytestmark = pytest.mark.slow

MIB = 1 << 20
LIMIT = 200 * MIB


@pytest.mark.parametrize(
    "huge",
    [
        pytest.param(Member(data=bytes(MIB), repeat=1024), id="compressible"),
        # Level 0 is a deflate stream as long as its content: what is spliced is a gigabyte.
        pytest.param(Member(data=os.urandom(MIB), repeat=1024, level=0), id="incompressible"),
        pytest.param(Member(data=os.urandom(512) * 2048, repeat=1024, stored=True), id="stored"),
    ],
)
def test_a_wheel_of_a_gigabyte(harbour: Harbour, tmp_path: Path, huge: Member) -> None:
    wheel = make_wheel(
        harbour.folder / "wheels",
        "huge",
        files={"huge/__init__.py": "", "huge/data.bin": huge},
    )
    cache = tmp_path / "cache"
    try:
        project = harbour.project(tmp_path / "boat", wheels=[wheel])
        used, status = memory_of([PADDLEWHEEL, "build", str(project)], harbour.environment(cache))
        assert status == 0
        assert used < LIMIT
    finally:
        wheel.unlink()
        shutil.rmtree(tmp_path)


MEASURE = """\
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024, done.returncode)
"""


def memory_of(command: list[str], environment: dict[str, str]) -> tuple[int, int]:
    """The most bytes of resident memory that a command or one of its children had, and the exit status.

    Linux counts the memory of the process that starts another as that one's too, and this one is large when it has
    served the wheel. So a small process in between starts it.
    """
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *command], env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    used, status = done.stdout.split()
    return int(used), int(status)
