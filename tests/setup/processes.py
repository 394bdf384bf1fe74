"""Long-running processes that outlive their starter, and are ended by no one else's number."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.setup.debian import SetupError


@dataclass(frozen=True)
class Process:
    """A pid and the moment that it started, in clock ticks since boot: together they name one process for ever."""

    pid: int
    started: int

    @classmethod
    def spawn(cls, command: list[str], log: Path, environment: dict[str, str] | None = None) -> Process:
        """Start `command` in a session of its own, its output in `log`."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        # subprocess.Popen would warn, when it is collected, that the process still runs.
        pid = os.posix_spawnp(
            command[0],
            command,
            environment or dict(os.environ),
            setsid=True,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(log), flags, 0o644),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
        )
        return cls(pid, _stat(pid)[1])

    @classmethod
    def recorded(cls, record: Path) -> Process | None:
        """The process of a record, if it still runs."""
        try:
            process = cls(**json.loads(record.read_text()))
        except (OSError, ValueError, TypeError):
            return None
        return process if process.runs() else None

    def record(self, place: Path) -> None:
        place.write_text(json.dumps(asdict(self)))

    def runs(self) -> bool:
        with suppress(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)  # a dead child of ours would stay as a zombie
        try:
            state, started = _stat(self.pid)
        except OSError:
            return False
        return state != "Z" and started == self.started

    def stop(self, grace: float = 15.0) -> None:
        """SIGTERM; after `grace` seconds SIGKILL."""
        for number, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, 5.0)):
            if not self.runs():
                return
            os.kill(self.pid, number)
            end = time.monotonic() + patience
            while self.runs() and time.monotonic() < end:
                time.sleep(0.02)


def _stat(pid: int) -> tuple[str, int]:
    """State and start time of a process, from /proc/PID/stat (proc(5)): fields 3 and 22."""
    # The name in parentheses may hold spaces and parentheses itself.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return fields[0], int(fields[19])


def wait_until(ready: Callable[[], bool], process: Process, log: Path, seconds: float = 30.0) -> None:
    """Wait until the callable `ready` gives true. Raise `SetupError` with the log's end if the process dies."""
    end = time.monotonic() + seconds
    while not ready():
        if not process.runs() or time.monotonic() > end:
            raise SetupError(f"the service did not start; the end of {log}:\n{log.read_text()[-3000:]}")
        time.sleep(0.02)
