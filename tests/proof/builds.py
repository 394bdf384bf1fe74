"""Builds in processes of their own, to be disturbed; and what they must not leave behind."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.command import PADDLEWHEEL, REFERENCE
from tests.support.server import wait_for

DAMAGE = ("Traceback", "fault of paddlewheel")


@dataclass(frozen=True)
class Result:
    status: int
    out: str
    err: str

    @property
    def reference(self) -> str:
        """``name@sha256:...`` of a build that must have succeeded."""
        assert self.status == 0, self.err
        assert REFERENCE.fullmatch(self.out.strip()), self.out
        return self.out.strip()

    def failed(self, status: int, *words: str) -> None:
        """The build must have ended with `status`, an error that has all `words`, and a hint."""
        assert self.status == status, (self.status, self.err)
        assert self.out == ""
        assert "error: " in self.err
        assert "hint: " in self.err
        for word in words:
            assert word in self.err, self.err


class Build:
    """``paddlewheel build PROJECT`` in a session of its own, so that all of its processes can be found."""

    def __init__(self, project: Path, environment: Mapping[str, str], *options: str | Path) -> None:
        self._process = subprocess.Popen(
            [PADDLEWHEEL, "build", str(project), *map(str, options)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """The number of the process, its group and its session."""
        return self._process.pid

    def kill(self, number: int, *, group: bool = False) -> None:
        """Send a signal to the command, or as a terminal does, to its whole process group."""
        if self._process.poll() is None:
            (os.killpg if group else os.kill)(self.pid, number)

    def wait_until_it_heeds_signals(self) -> None:
        """Wait until the command handles SIGTERM itself. See proc(5), /proc/PID/status, SigCgt."""
        status, bit = Path(f"/proc/{self.pid}/status"), 1 << (signal.SIGTERM - 1)
        wait_for(lambda: bool(int(status.read_text().partition("SigCgt:")[2].split()[0], 16) & bit), seconds=30)

    def runs(self) -> bool:
        return self._process.poll() is None

    def result(self, timeout: float = 120) -> Result:
        out, err = self._process.communicate(timeout=timeout)
        assert not any(word in err for word in DAMAGE), err
        return Result(self._process.returncode, out, err)


def build(project: Path, environment: Mapping[str, str], *options: str | Path) -> Result:
    return Build(project, environment, *options).result()


def processes(session: int) -> list[int]:
    """Processes of a session that still run. See proc(5), /proc/PID/stat, field 6."""
    found = []
    for place in Path("/proc").iterdir():
        if place.name.isdecimal():
            try:
                fields = (place / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == session and fields[0] != "Z":
                found.append(int(place.name))
    return found


def all_gone(session: int, seconds: float = 15.0) -> bool:
    """Whether every process of a session ends within some seconds."""
    end = time.monotonic() + seconds
    while processes(session):
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def mounts(folder: Path) -> list[str]:
    return [line for line in Path("/proc/self/mounts").read_text().splitlines() if str(folder) in line]


def debris(*folders: Path) -> list[str]:
    """Temporary files below `folders`, but for partial downloads, which wait to be resumed."""
    found = []
    for folder in folders:
        for path in folder.rglob("*"):
            temporary = path.parent.name == "tmp" or path.name.startswith((".boat", ".pylock", ".paddlewheel"))
            if temporary and not path.name.endswith(".partial"):
                found.append(str(path))
    return found


def partials(cache: Path) -> list[Path]:
    return sorted((cache / "tmp").glob("*.partial"))


SIGNALS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -signal.SIGKILL}
"""Signal -> the exit status of a build that it ended."""
