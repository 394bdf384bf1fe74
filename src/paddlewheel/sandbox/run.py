"""Start a sandbox and wait for it: `run` for a person at a terminal, `capture` for a program that wants the output."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from paddlewheel.errors import SandboxError
from paddlewheel.progress import Reporter, Silent
from paddlewheel.sandbox import mapping
from paddlewheel.sandbox._failure import Failure
from paddlewheel.sandbox.explain import explain
from paddlewheel.sandbox.launch import Message, Started, Stream, Streams, launch
from paddlewheel.sandbox.scratch import held, run_folder
from paddlewheel.sandbox.signals import blocked, has_terminal, pass_on, released, restore_terminal
from paddlewheel.sandbox.spec import RunSpec

TOO_LATE: Final = 124
"""Exit status of a program that was stopped at its time limit, as timeout(1) has it."""


@dataclass(frozen=True, slots=True)
class Captured:
    """What a program did: exit status (128 + n after signal n, 124 past its time limit) and output."""

    status: int
    stdout: bytes
    stderr: bytes


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
    # Held back already while the sandbox starts: the program may run before this process knows.
    with blocked(), _started(spec, reporter or Silent(), (stdin, stdout, stderr), own_group=not shared) as started:
        try:
            ended = pass_on(started.process, started.signal, timeout, from_terminal=not shared)
            return _status(started.process) if ended else TOO_LATE
        finally:
            if shared:
                started.end()
                restore_terminal()


def capture(
    spec: RunSpec, *, stdin: bytes = b"", reporter: Reporter | None = None, timeout: float | None = None
) -> Captured:
    """Run the command with `stdin` as its standard input; return its status and output. Any thread may call it.

    Raise `SandboxError` when it cannot be started.
    """
    streams = (subprocess.PIPE, subprocess.PIPE, subprocess.PIPE)
    with _started(spec, reporter or Silent(), streams, own_group=False) as started:
        late = False
        try:
            out, err = started.process.communicate(stdin, timeout)
        except subprocess.TimeoutExpired:
            late = True
            started.end()
            out, err = started.process.communicate()
        return Captured(TOO_LATE if late else _status(started.process), out, err)


def _status(process: subprocess.Popen[bytes]) -> int:
    code = process.wait()
    return code if code >= 0 else 128 - code


@contextmanager
def _started(spec: RunSpec, reporter: Reporter, streams: Streams, *, own_group: bool) -> Iterator[Started]:
    for bind in spec.mounts:
        if not bind.source.exists():
            raise SandboxError(f"{bind.source} does not exist, so it cannot be mounted on {bind.target}")
    for layer in spec.layers:
        if not os.path.isdir(layer):  # noqa: PTH112 (False, not an error, for a folder above that is closed)
            raise SandboxError(f"the unpacked layer {layer} is not there", hint="run it again: it is unpacked anew")
    with held(spec.layers), run_folder(spec.scratch.absolute()) as (folder, lock):
        attempt = _Attempt(spec, reporter, streams, folder, lock, own_group)
        started: Started | None = None
        try:
            started = attempt.made()
            yield started
        except Failure as failure:
            raise explain(failure, spec) from failure
        finally:
            if started:
                started.end()


@dataclass(frozen=True, slots=True)
class _Attempt:
    spec: RunSpec
    reporter: Reporter
    streams: Streams
    folder: Path
    lock: int
    own_group: bool

    def made(self) -> Started:
        """Start with overlayfs or, where the kernel refuses it, without. Raise `Failure`."""
        if not self.spec.overlay:
            return self._merged()
        try:
            return self._start(None)
        except Failure as failure:
            if failure.step != "overlay":
                raise
            reason = os.strerror(failure.errno)
            self.reporter.warn(f"the kernel refuses overlayfs ({reason}); the image's layers are copied for this run")
            return self._merged()

    def _merged(self) -> Started:
        from paddlewheel.sandbox.merge import merge

        copy = self.folder / "merged"
        with released():
            merge(self.spec.layers, copy, self.reporter)
        return self._start(copy)

    def _start(self, merged: Path | None) -> Started:
        ranges = mapping.subordinate() if os.geteuid() != 0 and self.spec.identity == "auto" else None
        request = self.spec.to_json() | {
            "folder": str(self.folder),
            "scratch": str(self.folder.parent),
            "merged": str(merged) if merged else None,
            "mapping": mapping.choose(self.spec, ranges),
        }
        return launch(
            request,
            streams=self.streams,
            lock=self.lock,
            own_group=self.own_group,
            ranges=ranges,
            told=self._told,
        )

    def _told(self, message: Message) -> None:
        if "warn" in message:
            self.reporter.warn(message["warn"])
