"""Every error class has its exit status and its lines; nothing ends in a traceback."""

from __future__ import annotations

import errno
import inspect
import re

import pytest

from paddlewheel import errors
from paddlewheel.cli.failures import explain
from paddlewheel.cli.signals import Terminated
from paddlewheel.verbs import Context
from tests.cli.fakes import Calls, command

CLASSES = sorted(
    (value for _, value in inspect.getmembers(errors, inspect.isclass) if issubclass(value, errors.PaddlewheelError)),
    key=lambda kind: kind.exit_status,
)


def raising(error: BaseException) -> object:
    def during_build(context: Context) -> None:
        raise error

    return during_build


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_message_hint_and_status(calls: Calls, kind: type[errors.PaddlewheelError]) -> None:
    calls.during_build = raising(kind("it broke", hint="mend it\nor not"))  # type: ignore[assignment]
    result = command("build")
    assert result.status == kind.exit_status
    assert result.err == "error: it broke\nhint: mend it\nhint: or not\n"
    assert result.out == ""


def test_statuses_are_distinct_and_documented() -> None:
    statuses = {kind.exit_status for kind in CLASSES}
    assert len(statuses) == len(CLASSES)
    drawn = dict(re.findall(r"^\W*(\w+)\s+(\d+)\b", errors.__doc__ or "", re.MULTILINE))
    assert drawn == {kind.__name__: str(kind.exit_status) for kind in CLASSES}


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (OSError(errno.ENOSPC, "full", "/cache/x"), 60, "error: no space left on the disk that holds /cache/x"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), 60, "error: no space left on the disk"),
        (MemoryError(), 60, "error: not enough memory"),
        (KeyboardInterrupt(), 130, "error: interrupted"),
        (Terminated(15), 143, "error: stopped by SIGTERM"),
    ],
    ids=["full", "quota", "memory", "ctrl-c", "sigterm"],
)
def test_what_is_no_error_of_ours(error: BaseException, status: int, words: str) -> None:
    told, given = explain(error)
    assert given == status
    assert f"error: {told.message}".startswith(words)


def test_full_disk_ends_the_build_with_60(calls: Calls) -> None:
    calls.during_build = raising(OSError(errno.ENOSPC, "No space left on device", "/cache/x"))  # type: ignore[assignment]
    result = command("build")
    assert result.status == 60
    assert "hint: free some space" in result.err


def test_a_fault_of_ours_is_one_line_and_the_way_to_the_traceback(
    calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls.during_build = raising(ValueError("no such thing"))  # type: ignore[assignment]
    result = command("build")
    assert result.status == 1
    lines = result.err.splitlines()
    assert re.fullmatch(r"error: unexpected ValueError at paddlewheel/cli/build\.py:\d+: no such thing", lines[0])
    assert lines[1].startswith("hint: ")
    assert "PADDLEWHEEL_DEBUG=1" in lines[1]
    assert len(lines) == 2

    monkeypatch.setenv("PADDLEWHEEL_DEBUG", "1")
    result = command("build")
    assert result.err.startswith("Traceback (most recent call last):")
    assert "\nerror: unexpected ValueError" in result.err


def test_an_error_without_a_text(calls: Calls) -> None:
    calls.during_build = raising(AssertionError())  # type: ignore[assignment]
    assert re.match(r"error: unexpected AssertionError at \S+:\d+\n", command("build").err)


@pytest.mark.parametrize("debug", ["", "1"])
def test_secrets_are_redacted(calls: Calls, debug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PADDLEWHEEL_DEBUG", debug)
    url = "https://user:geheim@index.example.org/simple/flask/"
    calls.during_build = raising(errors.NetworkError(f"{url}: 503", hint=f"see {url}"))  # type: ignore[assignment]
    result = command("build")
    assert result.status == 30
    assert "geheim" not in result.err
    assert "index.example.org/simple/flask/" in result.err


def test_notes_and_warnings_are_redacted(calls: Calls) -> None:
    def during_build(context: Context) -> None:
        context.reporter.note("asking https://user:geheim@index.example.org/simple")
        context.reporter.warn("slow: https://user:geheim@index.example.org/simple")

    calls.during_build = during_build
    assert "geheim" not in command("build").err


def test_unknown_command_names_the_nearest() -> None:
    result = command("biuld")
    assert result.status == 2
    assert result.err == "error: there is no command 'biuld'\nhint: did you mean `build`?\n"
    result = command("xyzzy")
    assert "hint: the commands are build, run, plan, lock, cache, doctor" in result.err


def test_no_command_shows_the_help() -> None:
    result = command()
    assert result.status == 2
    assert result.err.startswith("Usage: paddlewheel [OPTIONS] COMMAND")
