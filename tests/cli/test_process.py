"""The command as a process of its own: signals, pipes, terminals, and what it imports."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.values import image

ROOT = Path(__file__).parents[2]

HEAVY = {
    "rich", "urllib3", "packaging", "platformdirs", "tomlkit", "tomllib", "installer", "isal", "deflate", "elftools",
    "debian_inspector", "pysequoia", "truststore", "uv", "asyncio", "importlib.metadata", "email", "http.client", "ssl",
    "socket", "subprocess", "multiprocessing", "concurrent.futures", "logging", "zipfile", "tarfile", "difflib",
}  # fmt: skip
"""Modules that no command loads before it needs them."""


def environment(**extra: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key not in ("CI", "NO_COLOR", "TERM", "COVERAGE_RUN")}
    return {**kept, "TERM": "xterm-256color", **extra}


def faked(scenario: str, *words: str) -> list[str]:
    return [sys.executable, "-m", "tests.cli.faked", scenario, *words]


def finished(command: list[str], **extra: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=ROOT, env=environment(**extra), capture_output=True, text=True, timeout=30, check=False
    )


def in_terminal(command: list[str], **extra: str) -> tuple[int, str, str]:
    """Run with stderr on a terminal; return status, stdout, and what the terminal received."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(**extra), stdout=subprocess.PIPE, stderr=theirs, text=True
    ) as process:
        os.close(theirs)
        received = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:
                break
            if not part:
                break
            received += part
        assert process.stdout is not None
        out = process.stdout.read()
    os.close(ours)
    return process.returncode, out, received.decode()


def test_version_by_module_and_by_function() -> None:
    by_module = finished([sys.executable, "-m", "paddlewheel", "--version"])
    assert re.fullmatch(r"paddlewheel \d+\.\d+\.\d+\n", by_module.stdout)
    with_more = finished([sys.executable, "-m", "paddlewheel", "--version", "build"])
    assert with_more.stdout == by_module.stdout
    assert with_more.returncode == by_module.returncode == 0


def test_piped_build() -> None:
    done = finished(faked("plain", "build"))
    assert done.returncode == 0
    assert done.stdout == f"shop:1.2@{image().digest}\n"
    assert "\x1b" not in done.stderr
    lines = done.stderr.splitlines()
    assert lines[:3] == ["using uv.lock", "warning: a wheel is old", "shop:1.2  linux/amd64"]
    assert "numpy:" not in done.stderr


def test_plain_progress_tells_of_quick_steps_only_by_the_result() -> None:
    done = finished(faked("plain", "build", "--progress", "plain"))
    assert "numpy:" not in done.stderr  # it took less than a second


def test_json_parses_from_a_pipe() -> None:
    done = finished(faked("plain", "build", "--json", "-q"))
    assert json.loads(done.stdout)["digest"] == image().digest
    assert done.stderr == "warning: a wheel is old\n"


def test_bars_and_colour_on_a_terminal() -> None:
    status, out, seen = in_terminal(faked("plain", "build"))
    assert status == 0
    assert out == f"shop:1.2@{image().digest}\n"
    assert "\x1b[1;33mwarning:\x1b[0m a wheel is old" in seen
    assert "numpy" in seen
    assert "of 15.3 MB" in seen
    assert "MB/s" in seen
    assert seen.count("\x1b[?25l") == seen.count("\x1b[?25h") == 1  # the cursor is shown again


@pytest.mark.parametrize("extra", [{"CI": "true"}, {"TERM": "dumb"}])
def test_no_bars(extra: dict[str, str]) -> None:
    status, _, seen = in_terminal(faked("plain", "build"), **extra)
    assert status == 0
    assert "\x1b[?25l" not in seen
    assert "of 15.3 MB" not in seen


def test_no_color_keeps_the_bars() -> None:
    _, _, seen = in_terminal(faked("plain", "build"), NO_COLOR="1")
    assert "of 15.3 MB" in seen
    assert not re.search(r"\x1b\[[0-9;]*[0-9]m", seen.replace("\x1b[0m", ""))


@pytest.mark.parametrize("words", [["--quiet"], ["--progress", "none"], ["--progress", "plain"]])
def test_bars_can_be_switched_off(words: list[str]) -> None:
    _, _, seen = in_terminal(faked("plain", "build", *words))
    assert "of 15.3 MB" not in seen
    assert ("using uv.lock" in seen) is (words != ["--quiet"])


@pytest.mark.parametrize(
    ("number", "status", "words"),
    [
        (signal.SIGINT, 130, "error: interrupted"),
        (signal.SIGTERM, 143, "error: stopped by SIGTERM"),
        (signal.SIGHUP, 129, "error: stopped by SIGHUP"),
    ],
    ids=["ctrl-c", "sigterm", "sighup"],
)
def test_a_signal_unwinds(number: int, status: int, words: str, tmp_path: Path) -> None:
    cache, ready = tmp_path / "cache", tmp_path / "ready"
    extra = {"PADDLEWHEEL_CACHE_DIR": str(cache), "READY": str(ready)}
    with subprocess.Popen(
        faked("slow", "build"),
        cwd=ROOT,
        env=environment(**extra),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        _wait_for(ready)
        (half,) = (cache / "tmp").glob("*/half")
        assert half.exists()
        process.send_signal(number)
        out, err = process.communicate(timeout=10)
    assert process.returncode == status
    assert err.startswith(words)
    assert "Traceback" not in err
    assert out == ""
    assert list((cache / "tmp").iterdir()) == []


def test_ctrl_c_on_a_terminal_shows_the_cursor_again(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    ours, theirs = pty.openpty()
    command = faked("slow", "build")
    extra = {"PADDLEWHEEL_CACHE_DIR": str(tmp_path / "cache"), "READY": str(ready)}
    seen = b""
    with subprocess.Popen(command, cwd=ROOT, env=environment(**extra), stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        seen += _read_until(ours, b"\x1b[?25l")
        process.send_signal(signal.SIGINT)
        seen += _read_until(ours, b"interrupted")
        assert process.wait(10) == 130
    os.close(ours)
    assert seen.count(b"\x1b[?25l") == seen.count(b"\x1b[?25h")
    assert b"Traceback" not in seen


def test_an_ignored_hangup_stays_ignored(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    extra = {"PADDLEWHEEL_CACHE_DIR": str(tmp_path / "cache"), "READY": str(ready)}
    command = ["nohup", *faked("slow", "build")]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(**extra), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        _wait_for(ready)
        process.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=10)
    assert process.returncode == 143


@pytest.mark.parametrize("words", [["build", "--help"], ["completion", "bash"]])
def test_a_reader_that_goes_away_is_no_error(words: list[str]) -> None:
    """`| head -0`: the pipe has no reader any more when the first line is written."""
    end, start = os.pipe()
    os.close(end)
    done = subprocess.run(
        [sys.executable, "-m", "paddlewheel", *words],
        cwd=ROOT,
        env=environment(),
        stdout=start,
        stderr=subprocess.PIPE,
        text=True,
        timeout=30,
        check=False,
    )
    os.close(start)
    assert done.returncode == 128 + signal.SIGPIPE
    assert done.stderr == ""


def test_a_closed_stderr_does_not_stop_a_build() -> None:
    end, start = os.pipe()
    os.close(end)
    done = subprocess.run(
        faked("plain", "build"),
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=start,
        text=True,
        timeout=30,
        check=False,
    )
    os.close(start)
    assert done.stdout == f"shop:1.2@{image().digest}\n"
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("scenario", "status", "line"),
    [
        ("full", 60, "error: no space left on the disk that holds /var/cache/blob"),
        ("refused", 30, "error: https://***@index.example.org/simple/flask/: 503"),
        ("broken", 1, "error: unexpected ValueError at "),
    ],
)
def test_failures(scenario: str, status: int, line: str) -> None:
    done = finished(faked(scenario, "build"))
    assert done.returncode == status
    assert done.stderr.startswith(line)
    assert "\nhint: " in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_what_version_imports() -> None:
    done = finished(
        [
            sys.executable,
            "-c",
            "import sys; from paddlewheel.cli import main; main(['--version']); print('\\n'.join(sys.modules))",
        ]
    )
    assert loaded(done.stdout) == set()
    assert "click" not in done.stdout.splitlines()


def test_what_a_build_imports_when_nothing_changed() -> None:
    done = finished(faked("nothing", "build"), SHOW_MODULES="1")
    assert done.returncode == 0
    assert loaded(done.stderr) == set()


def loaded(listing: str) -> set[str]:
    """Which of the heavy modules, or of what is in them, a listing of sys.modules names."""
    names = set(listing.splitlines())
    return {heavy for heavy in HEAVY if any(name == heavy or name.startswith(heavy + ".") for name in names)}


def test_the_check_for_heavy_modules_can_fail() -> None:
    assert loaded("sys\nrich.text\nsocket\n") == {"rich", "socket"}


def _wait_for(path: Path) -> None:
    deadline = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _read_until(terminal: int, mark: bytes) -> bytes:
    seen = b""
    deadline = time.monotonic() + 20
    while mark not in seen:
        assert time.monotonic() < deadline, seen
        if select.select([terminal], [], [], 0.5)[0]:
            try:
                seen += os.read(terminal, 65536)
            except OSError:
                break
    return seen
