"""Standard streams that are closed: nothing is said there, nothing else is written there, and the status is right."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_process import ROOT, environment, faked
from tests.support.command import PADDLEWHEEL


def shell(command: list[str], closed: str, **extra: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", f"{shlex.join(command)} {closed}"],
        cwd=ROOT,
        env=environment(**extra),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_build_succeeds(closed: str) -> None:
    done = shell(faked("plain", "build"), closed)
    assert done.returncode == 0, done.stderr
    assert ("shop:1.2@sha256:" in done.stdout) == (closed in ("2>&-", "<&-"))
    assert ("using uv.lock" in done.stderr) == (closed in (">&-", "<&-"))
    assert "fault" not in done.stderr


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["--version"], 0),
        (["--help"], 0),
        (["build", "--help"], 0),
        (["bild"], 2),
        (["build", "/nowhere"], 11),
        ([], 2),
    ],
)
def test_other_commands(tmp_path: Path, words: list[str], status: int, closed: str) -> None:
    done = shell([PADDLEWHEEL, *words], closed, PADDLEWHEEL_CACHE_DIR=str(tmp_path))
    assert done.returncode == status, done.stderr
    assert "fault" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_does_not_take_the_number_of_a_closed_stream(tmp_path: Path) -> None:
    program = (
        "import os; from paddlewheel.cli import streams; streams.mend(); "
        f"file = open({str(tmp_path / 'blob')!r}, 'w'); assert file.fileno() > 2; os.system('echo lost')"
    )
    assert shell([sys.executable, "-c", program], "<&- >&- 2>&-").returncode == 0
    assert (tmp_path / "blob").read_text() == ""


@pytest.mark.parametrize("place", ["file", "file/below", "n" * 300])
@pytest.mark.parametrize("words", [["cache"], ["cache", "prune"]])
def test_a_cache_folder_that_can_be_none(tmp_path: Path, place: str, words: list[str]) -> None:
    (tmp_path / "file").write_text("")
    done = shell([PADDLEWHEEL, *words], "", PADDLEWHEEL_CACHE_DIR=str(tmp_path / place))
    assert done.returncode == 60
    assert "cannot be written: " in done.stderr
    assert "hint: set PADDLEWHEEL_CACHE_DIR" in done.stderr
