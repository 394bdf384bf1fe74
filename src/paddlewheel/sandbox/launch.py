"""Starting the child process and talking to it until the program runs; `_child` describes what is said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from paddlewheel.sandbox._failure import MAP_YOURSELF, MAPPED, Failure
from paddlewheel.sandbox.mapping import Ranges, map_users
from paddlewheel.sandbox.signals import blocked

Stream = int | IO[Any] | None
Streams = tuple[Stream, Stream, Stream]
Message = dict[str, Any]

_START: Final = (
    "import sys; package = type(sys)('paddlewheel'); package.__path__ = [sys.argv.pop(1)]; "
    "sys.modules['paddlewheel'] = package; from paddlewheel.sandbox._child import main; main()"
)
"""Imports the child without the package's own `__init__`, which the child has no use for."""

_GRACE: Final = 5.0
"""Seconds that a sandbox whose paddlewheel has let go of it gets to clean up."""


@dataclass(slots=True)
class Started:
    process: subprocess.Popen[bytes]
    control: int
    """Write end: signals for the program; closing it ends the sandbox. -1: closed."""

    def signal(self, number: int) -> None:
        """Send a signal to the program."""
        with suppress(OSError):
            os.write(self.control, bytes([number]))

    def end(self) -> None:
        """Let go of the sandbox: it ends and cleans up by itself, or is killed."""
        if self.control >= 0:
            os.close(self.control)
            self.control = -1
        try:
            self.process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def launch(
    request: Message,
    *,
    streams: Streams,
    lock: int,
    own_group: bool,
    ranges: Ranges | None,
    told: Callable[[Message], None],
) -> Started:
    """Start the child and follow it until the program runs. `told` gets messages that are neither about users nor
    errors. Raise `Failure` when the program does not get to run.
    """
    started: Started | None = None
    try:
        with blocked():
            started, status = _spawn(streams, lock, own_group=own_group)
            with os.fdopen(status, "rb") as lines:
                _send(started.control, json.dumps(request).encode())
                _follow(lines, started.control, ranges, told)
    except BaseException:
        if started:
            started.end()
        raise
    return started


def _spawn(streams: Streams, lock: int, *, own_group: bool) -> tuple[Started, int]:
    control_end, control = os.pipe2(os.O_CLOEXEC)
    status, status_end = os.pipe2(os.O_CLOEXEC)
    package = str(Path(__file__).parent.parent)
    words = [package, str(os.getpid()), str(control_end), str(status_end), str(lock)]
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _START, *words],
            stdin=streams[0],
            stdout=streams[1],
            stderr=streams[2],
            pass_fds=(control_end, status_end, lock),
            process_group=0 if own_group else None,
        )
    except OSError as error:
        os.close(control)
        os.close(status)
        raise Failure("set-up", error.errno or 0, sys.executable) from error
    finally:
        os.close(control_end)
        os.close(status_end)
    return Started(process, control), status


def _send(control: int, data: bytes) -> None:
    """Write the request. A child that has ended says why on the other pipe."""
    left = memoryview(len(data).to_bytes(8, "big") + data)
    with suppress(BrokenPipeError):
        while left:
            left = left[os.write(control, left) :]


def _follow(lines: IO[bytes], control: int, ranges: Ranges | None, told: Callable[[Message], None]) -> None:
    """Answer the child until it closes its end of the pipe, which it does when the program starts."""
    for line in lines:
        message: Message = json.loads(line)
        if "map" in message:
            answer = MAPPED if map_users(message["map"], ranges) else MAP_YOURSELF
            with suppress(BrokenPipeError):
                os.write(control, answer)
        elif "error" in message:
            error = message["error"]
            raise Failure(error["step"], error["errno"], error["detail"])
        else:
            told(message)
