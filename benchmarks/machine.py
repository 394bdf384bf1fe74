"""What this machine is, in words: figures say nothing without it."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path


def describe() -> list[tuple[str, str]]:
    """Rows of (what, which)."""
    system = platform.freedesktop_os_release().get("PRETTY_NAME", "?")
    return [
        ("processor", f"{_field('/proc/cpuinfo', 'model name')}, {_cores()} cores for this process"),
        ("memory", f"{int(_field('/proc/meminfo', 'MemTotal').split()[0]) / 2**20:.0f} GiB"),
        ("disk of the cache", _file_system(Path(__file__))),
        ("system", f"{system}, Linux {platform.release()}"),
        ("Python", f"{platform.python_version()} ({platform.python_compiler()})"),
        ("uv", _told(Path(sys.executable).with_name("uv"), "--version").removeprefix("uv ")),
        ("load before", " ".join(f"{load:.1f}" for load in os.getloadavg())),
    ]


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _field(file: str, name: str) -> str:
    for line in Path(file).read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return "?"


def _file_system(path: Path) -> str:
    """The type of the file system that holds `path`."""
    best, kind = "", "?"
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, point, name, *_ = line.split()
        if path.is_relative_to(point) and len(point) > len(best):
            best, kind = point, name
    return kind


def _told(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "?"
