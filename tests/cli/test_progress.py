"""Reporters: called from threads, silent when asked to be, and never holding the terminal without work."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from paddlewheel.cli import progress
from paddlewheel.cli.bars import amount
from paddlewheel.cli.progress import LiveReporter, PlainReporter, reporter
from paddlewheel.cli.terminal import Terminal
from tests.cli.fakes import Stream


def terminal(tty: bool = True, **environ: str) -> tuple[Terminal, Stream]:
    err = Stream(tty)
    return Terminal(Stream(False), err, environ), err


@pytest.mark.parametrize(
    ("tty", "environ", "mode", "quiet", "live"),
    [
        (True, {}, "auto", False, True),
        (True, {"CI": "false"}, "auto", False, True),
        (True, {"NO_COLOR": "1"}, "auto", False, True),
        (True, {"CI": "true"}, "auto", False, False),
        (True, {"TERM": "dumb"}, "auto", False, False),
        (True, {}, "plain", False, False),
        (True, {}, "none", False, False),
        (True, {}, "auto", True, False),
        (False, {}, "auto", False, False),
    ],
)
def test_which_reporter(tty: bool, environ: dict[str, str], mode: str, quiet: bool, live: bool) -> None:
    chosen = reporter(terminal(tty, **environ)[0], progress=mode, quiet=quiet)
    assert isinstance(chosen, LiveReporter) is live


def test_plain_steps_tell_of_long_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LONG", 0.05)
    plain, err = terminal(tty=False)
    with PlainReporter(plain, steps=True) as speaker:
        with speaker.task("numpy", 2_000_000, unit="B") as task:
            task.advance(1_500_000)
            time.sleep(0.06)
        with speaker.task("quick") as task:
            task.advance(1)
        with speaker.task("compiling", unit="files") as task:
            task.advance(27)
            time.sleep(0.06)
    first, second = err.getvalue().splitlines()
    assert first.startswith("numpy: 1.5 MB, 0.")
    assert second.startswith("compiling: 27 files, 0.")


def test_quick_work_is_not_drawn() -> None:
    fast, err = terminal()
    with LiveReporter(fast) as speaker:
        for _ in range(50):
            with speaker.task("a wheel", 100, unit="B") as task:
                task.advance(100)
        speaker.note("done")
    assert err.getvalue() == "done\n"


def test_bars_come_and_go_with_the_work() -> None:
    shown, err = terminal()
    with LiveReporter(shown) as speaker:
        with speaker.task("numpy", 1000, unit="B") as task:
            task.advance(500)
            assert appears(err, "numpy")
            speaker.note("a note meanwhile")
        before = err.getvalue()
        assert before.count("\x1b[?25l") == before.count("\x1b[?25h") == 1
        time.sleep(0.3)
        assert err.getvalue() == before  # nothing is drawn without work: a program may use the terminal
        with speaker.task("scipy", 1000, unit="B"):
            assert appears(err, "scipy")
    assert "a note meanwhile\n" in err.getvalue()
    assert err.getvalue().count("\x1b[?25l") == err.getvalue().count("\x1b[?25h") == 2


def test_a_task_that_ends_in_an_error_is_not_left_behind() -> None:
    shown, err = terminal()
    with LiveReporter(shown) as speaker:
        with pytest.raises(KeyError), speaker.task("numpy"):
            _ = dict[str, str]()["lost" if appears(err, "numpy") else ""]
        assert err.getvalue().count("\x1b[?25h") == 1


def test_many_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "DELAY", 0.01)
    shown, err = terminal()
    finished: list[int] = []

    def work(number: int) -> None:
        with speaker.task(f"wheel {number}", 1000, unit="B") as task:
            for _ in range(200):
                task.advance(5)
                time.sleep(0.0005)
            finished.append(getattr(task, "done", -1))
        speaker.note(f"note {number}")

    with LiveReporter(shown) as speaker, ThreadPoolExecutor(25) as pool:
        list(pool.map(work, range(50)))
    assert finished == [1000] * 50
    for number in range(50):
        assert f"note {number}\n" in err.getvalue()
    assert not [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]


def test_rows_are_limited_and_waiting_ones_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "ROWS", 2)
    shown, err = terminal()
    with LiveReporter(shown) as speaker, speaker.task("one"):
        with speaker.task("two"):
            with speaker.task("three"):
                assert appears(err, "two")
                time.sleep(0.15)
                assert "three" not in err.getvalue()
                first = speaker.task("four")
                with first:
                    pass
            with speaker.task("five"):
                pass
        with speaker.task("six"):
            assert appears(err, "six")


@pytest.mark.parametrize(
    ("done", "total", "unit", "text"),
    [
        (12_300_000, 45_600_000, "B", "12.3 MB of 45.6 MB"),
        (1_200_000, None, "B", "1.2 MB"),
        (0, None, "B", ""),
        (3, 27, "wheels", "3 of 27 wheels"),
        (3, None, "files", "3 files"),
        (0, None, "files", ""),
        (3, 27, "", "3 of 27"),
    ],
)
def test_amount(done: float, total: float | None, unit: str, text: str) -> None:
    assert amount(done, total, unit) == text


def appears(stream: Stream, text: str) -> bool:
    deadline = time.monotonic() + 10
    while text not in stream.getvalue():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
