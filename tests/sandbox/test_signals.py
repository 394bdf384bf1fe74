"""Signals, the terminal, and what stays when something is killed."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sandbox.callers import Caller

PATIENCE = 10.0


def _until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _close(process: subprocess.Popen[str]) -> None:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()


def _descendants(pid: int) -> list[int]:
    """All processes below `pid`, as the host numbers them."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [found for child in map(int, children) for found in (child, *_descendants(child))]


@pytest.mark.parametrize("name", ["HUP", "INT", "QUIT", "TERM", "USR1", "USR2", "WINCH"])
def test_signals_reach_the_program(root: Caller, name: str) -> None:
    script = f"trap 'echo got {name}; exit 9' {name}; echo ready; while true; do sleep 0.02; done"
    process, result = root.start(["sh", "-c", script])
    assert _line(process) == "ready"
    process.send_signal(getattr(signal, f"SIG{name}"))
    assert _line(process) == f"got {name}"
    process.wait(PATIENCE)
    _close(process)
    assert root.outcome(result).status == 9


def test_program_without_handlers_ends_by_default(caller: Caller) -> None:
    process, result = caller.start(["sh", "-c", "echo ready; exec sleep 300"])
    assert _line(process) == "ready"
    process.send_signal(signal.SIGTERM)
    process.wait(PATIENCE)
    _close(process)
    assert caller.outcome(result).status == 128 + signal.SIGTERM


def test_signal_to_the_whole_group_comes_once(root: Caller) -> None:
    script = "trap 'echo got' TERM; echo ready; n=0; while [ $n -lt 25 ]; do sleep 0.02; n=$((n+1)); done; echo end"
    process, _ = root.start(["sh", "-c", script], streams={"start_new_session": True})
    assert _line(process) == "ready"
    os.killpg(process.pid, signal.SIGTERM)
    assert [_line(process), _line(process)] == ["got", "end"]
    process.wait(PATIENCE)
    _close(process)


def test_kill_leaves_nothing(caller: Caller) -> None:
    process, _ = caller.start(["sh", "-c", "touch /tmp/x; sleep 300 & sleep 300 & echo ready; wait"])
    assert _line(process) == "ready"
    below = _descendants(process.pid)
    assert len(below) == 5, "child, PID 1, shell and two sleeps"
    process.kill()
    process.wait(PATIENCE)
    _close(process)
    _until(lambda: not any(_alive(pid) for pid in below))
    assert str(caller.folder) not in Path("/proc/self/mountinfo").read_text()
    assert caller.left() != [], "a killed run cannot clean up"
    assert caller.shell("true").status == 0
    assert caller.left() == []


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_killed_child_takes_the_sandbox_with_it(caller: Caller) -> None:
    process, result = caller.start(["sh", "-c", "echo ready; exec sleep 300"])
    assert _line(process) == "ready"
    below = _descendants(process.pid)
    os.kill(below[0], signal.SIGKILL)
    process.wait(PATIENCE)
    _close(process)
    assert caller.outcome(result).status == 128 + signal.SIGKILL
    _until(lambda: not any(_alive(pid) for pid in below))
    assert caller.shell("true").status == 0


def test_runs_side_by_side_do_not_sweep_each_other(caller: Caller) -> None:
    process, result = caller.start(["sh", "-c", "echo ready; read line; echo $line > /tmp/x; cat /tmp/x"])
    assert _line(process) == "ready"
    assert caller.shell("true").status == 0
    assert process.stdin is not None
    print("go on", file=process.stdin, flush=True)
    assert _line(process) == "go on"
    process.wait(PATIENCE)
    _close(process)
    assert caller.outcome(result).status == 0


class _Terminal:
    """A session with a terminal of its own, in which a caller starts a sandbox."""

    def __init__(self, caller: Caller, argv: list[str]) -> None:
        request, self.result = caller.prepare(argv, [], {})
        self._caller = caller
        self.pid, self._handle = pty.fork()
        if self.pid == 0:
            try:
                os.chdir(caller.folder)
                if caller.uid != os.geteuid():
                    os.setgroups([])
                    os.setresgid(caller.gid, caller.gid, caller.gid)
                    os.setresuid(caller.uid, caller.uid, caller.uid)
                command = caller.command(request, self.result)
                os.execve(command[0], command, dict(caller.environment))  # noqa: S606
            finally:
                os._exit(99)
        self.seen = ""

    def expect(self, text: str) -> None:
        end = time.monotonic() + PATIENCE
        while text not in self.seen:
            ready, _, _ = select.select([self._handle], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"no {text!r} in {self.seen!r}"
            try:
                self.seen += os.read(self._handle, 4096).decode()
            except OSError:
                raise AssertionError(f"no {text!r} in {self.seen!r}") from None
        self.seen = self.seen.partition(text)[2]

    def type(self, text: str) -> None:
        os.write(self._handle, text.encode())

    def end(self) -> int | None:
        """Wait for the end; return the program's status."""
        end = time.monotonic() + PATIENCE
        while os.waitpid(self.pid, os.WNOHANG)[0] == 0:
            assert time.monotonic() < end
            if select.select([self._handle], [], [], 0.01)[0]:
                try:
                    self.seen += os.read(self._handle, 4096).decode()
                except OSError:
                    continue
        os.close(self._handle)
        status: int | None = json.loads(self.result.read_text())["status"]
        return status


def test_interactive_program_at_a_terminal(caller: Caller) -> None:
    terminal = _Terminal(caller, ["sh"])
    terminal.expect("$ ")
    terminal.type("test -t 0 && echo is''atty; stty size > /dev/tty\r")
    terminal.expect("isatty")
    terminal.type("exit 5\r")
    assert terminal.end() == 5


def test_interrupt_from_the_terminal_comes_once(caller: Caller) -> None:
    script = "trap 'echo got' INT; echo ready; n=0; while [ $n -lt 25 ]; do sleep 0.02; n=$((n+1)); done; echo end"
    terminal = _Terminal(caller, ["sh", "-c", script])
    terminal.expect("ready")
    terminal.type("\x03")
    terminal.expect("got")
    terminal.expect("end")
    assert "got" not in terminal.seen
    assert terminal.end() == 0


def test_interrupt_from_the_terminal_ends_the_program(caller: Caller) -> None:
    terminal = _Terminal(caller, ["sh", "-c", "echo ready; exec sleep 300"])
    terminal.expect("ready")
    terminal.type("\x03")
    assert terminal.end() == 128 + signal.SIGINT


def test_signal_from_elsewhere_while_at_a_terminal(root: Caller) -> None:
    script = "trap 'echo got; exit 4' INT; echo ready; while true; do sleep 0.02; done"
    terminal = _Terminal(root, ["sh", "-c", script])
    terminal.expect("ready")
    os.kill(terminal.pid, signal.SIGINT)
    terminal.expect("got")
    assert terminal.end() == 4


def test_hang_up_of_the_terminal_ends_everything(root: Caller) -> None:
    terminal = _Terminal(root, ["sh", "-c", "echo ready; exec sleep 300"])
    terminal.expect("ready")
    below = _descendants(terminal.pid)
    os.close(terminal._handle)
    os.waitpid(terminal.pid, 0)
    _until(lambda: not any(_alive(pid) for pid in below))
