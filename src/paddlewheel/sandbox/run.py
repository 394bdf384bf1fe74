"""Start a sandbox and wait for it: `run` for a person at a terminal, `capture` for a program that wants the output."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from paddlewheel.errors import SandboxError
from paddlewheel.progress import Reporter, Silent
from paddlewheel.sandbox import mapping
from paddlewheel.sandbox._failure import MAP_YOURSELF, MAPPED, Failure
from paddlewheel.sandbox.explain import explain
from paddlewheel.sandbox.scratch import held, run_folder
from paddlewheel.sandbox.signals import blocked, has_terminal, pass_on, restore_terminal
from paddlewheel.sandbox.spec import RunSpec

Stream = int | IO[Any] | None

_START: Final = (
    "import sys; package = type(sys)('paddlewheel'); package.__path__ = [sys.argv.pop(1)]; "
    "sys.modules['paddlewheel'] = package; from paddlewheel.sandbox._child import main; main()"
)
"""Imports the child without the package's own `__init__`, which the child has no use for."""

_TOO_LATE: Final = 124
"""Exit status of a program that was stopped at its time limit, as timeout(1) has it."""

_GRACE: Final = 5.0
"""Seconds that a sandbox whose paddlewheel has let go of it gets to clean up."""


@dataclass(frozen=True, slots=True)
class Captured:
    """What a program did: exit status (128 + n after signal n, 124 past its time limit) and output."""

    status: int
    stdout: bytes
    stderr: bytes


@dataclass(slots=True)
class _Started:
    process: subprocess.Popen[bytes]
    control: int
    """Write end: signals for the program; closing it ends the sandbox."""

    def signal(self, number: int) -> None:
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


def run(
    spec: RunSpec,
    *,
    reporter: Reporter | None = None,
    stdin: Stream = None,
    stdout: Stream = None,
    stderr: Stream = None,
    timeout: float | None = None,
) -> int:
    """Run the command and return its exit status: 128 + n after signal n, 124 after `timeout` seconds.

    Streams as in `subprocess`; None: paddlewheel's own. Called from the main thread, signals sent to paddlewheel
    (HUP, INT, QUIT, TERM, USR1, USR2, WINCH) go to the program. Raise `SandboxError` when it cannot be started.
    """
    shared = has_terminal()
    with _started(spec, reporter or Silent(), (stdin, stdout, stderr), own_group=not shared) as started, blocked():
        try:
            ended = pass_on(started.process, started.signal, timeout, from_terminal=not shared)
            return _status(started.process) if ended else _TOO_LATE
        finally:
            if shared:
                started.end()
                restore_terminal()


def capture(
    spec: RunSpec, *, input: bytes = b"", reporter: Reporter | None = None, timeout: float | None = None
) -> Captured:
    """Run the command with `input` on its standard input; return its status and output. Any thread may call it."""
    streams = (subprocess.PIPE, subprocess.PIPE, subprocess.PIPE)
    with _started(spec, reporter or Silent(), streams, own_group=False) as started:
        late = False
        try:
            out, err = started.process.communicate(input, timeout)
        except subprocess.TimeoutExpired:
            late = True
            started.end()
            out, err = started.process.communicate()
        return Captured(_TOO_LATE if late else _status(started.process), out, err)


def _status(process: subprocess.Popen[bytes]) -> int:
    code = process.wait()
    return code if code >= 0 else 128 - code


@contextmanager
def _started(
    spec: RunSpec, reporter: Reporter, streams: tuple[Stream, Stream, Stream], *, own_group: bool
) -> Iterator[_Started]:
    for bind in spec.mounts:
        if not bind.source.exists():
            raise SandboxError(f"{bind.source} does not exist, so it cannot be mounted on {bind.target}")
    with held(spec.layers), run_folder(spec.scratch.absolute()) as (folder, lock):
        launch = _Launch(spec, reporter, streams, folder, lock, own_group)
        started: _Started | None = None
        try:
            try:
                started = launch.start(merged=not spec.overlay)
            except Failure as failure:
                if failure.step != "overlay" or not spec.overlay:
                    raise
                reason = os.strerror(failure.errno)
                reporter.warn(f"the kernel refuses overlayfs ({reason}); the image's layers are copied for this run")
                started = launch.start(merged=True)
            yield started
        except Failure as failure:
            raise explain(failure, spec) from failure
        finally:
            if started:
                started.end()


@dataclass(frozen=True, slots=True)
class _Launch:
    spec: RunSpec
    reporter: Reporter
    streams: tuple[Stream, Stream, Stream]
    folder: Path
    lock: int
    own_group: bool

    def start(self, *, merged: bool) -> _Started:
        """Start the child and follow it until the program runs. Raise `Failure` when it does not get there."""
        copied: Path | None = None
        if merged:
            from paddlewheel.sandbox.merge import merge

            copied = self.folder / "merged"
            merge(self.spec.layers, copied, self.reporter)
        ranges = mapping.subordinate() if os.geteuid() != 0 and self.spec.identity == "auto" else None
        request = self.spec.to_json() | {
            "folder": str(self.folder),
            "scratch": str(self.folder.parent),
            "merged": str(copied) if copied else None,
            "mapping": mapping.choose(self.spec, ranges),
        }
        started: _Started | None = None
        try:
            with blocked():
                started, status = _spawn(self.streams, self.lock, own_group=self.own_group)
                with os.fdopen(status, "rb") as lines:
                    _send(started.control, json.dumps(request).encode())
                    _follow(lines, started, self.reporter, ranges)
        except BaseException:
            if started:
                started.end()
            raise
        return started


def _spawn(streams: tuple[Stream, Stream, Stream], lock: int, *, own_group: bool) -> tuple[_Started, int]:
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
    return _Started(process, control), status


def _send(control: int, data: bytes) -> None:
    """Write the request. A child that has ended says why on the other pipe."""
    left = memoryview(len(data).to_bytes(8, "big") + data)
    try:
        while left:
            left = left[os.write(control, left) :]
    except BrokenPipeError:
        pass


def _follow(lines: IO[bytes], started: _Started, reporter: Reporter, ranges: mapping.Ranges | None) -> None:
    """Answer the child until it closes its end of the pipe, which it does when the program starts."""
    for line in lines:
        message: dict[str, Any] = json.loads(line)
        if "map" in message:
            mapped = mapping.map_users(message["map"], ranges)
            with suppress(BrokenPipeError):
                os.write(started.control, MAPPED if mapped else MAP_YOURSELF)
        elif "warn" in message:
            reporter.warn(message["warn"])
        else:
            error = message["error"]
            raise Failure(error["step"], error["errno"], error["detail"])
