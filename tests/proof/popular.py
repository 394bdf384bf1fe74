"""Popular wheels of all kinds, by name and version: which file each is for this machine, and where it lies."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

from paddlewheel.cache import Cache
from paddlewheel.engines.embedded.wheels import artifact_of
from paddlewheel.image.model import Platform
from paddlewheel.lock.model import PythonLock
from paddlewheel.lock.pylock_file import read_pylock
from paddlewheel.net import Client, fetch
from paddlewheel.plan.model import PythonTarget, WheelRef
from paddlewheel.plan.wheels import select_wheels
from paddlewheel.progress import Silent

UV: Final = str(Path(sys.executable).with_name("uv"))
LIST: Final = Path(__file__).with_name("popular_wheels.txt")
_MACHINES: Final = {"x86_64": "amd64", "aarch64": "arm64"}


def pins(path: Path = LIST) -> list[str]:
    """``name==version`` lines, without comments."""
    lines = (line.partition("#")[0].strip() for line in path.read_text().splitlines())
    return [line for line in lines if line]


def name_of(pin: str) -> str:
    return Requirement(pin).name


def target() -> PythonTarget:
    """Python 3.11 as Debian bookworm has it, on this machine."""
    return PythonTarget(
        version=(3, 11),
        full_version="3.11.2",
        executable="/usr/bin/python3.11",
        libc=("glibc", 2, 36),
        platform=Platform("linux", _MACHINES.get(platform.machine(), platform.machine())),
    )


def choose(wanted: Sequence[str], folder: Path) -> tuple[WheelRef, ...]:
    """One wheel for each of `wanted`, with the URL and hash that the machine's package index tells."""
    listed, lock = folder / "wanted.txt", folder / "pylock.toml"
    listed.write_text("".join(f"{pin}\n" for pin in wanted))
    options = ["--no-deps", "--only-binary", ":all:", "--python-version", "3.11", "--no-header", "--quiet"]
    command = [UV, "pip", "compile", *options, "--format", "pylock.toml", "-o", str(lock), str(listed)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    pylock, _ = read_pylock(lock)
    return select_wheels(PythonLock(pylock=pylock, path=lock, locker="uv"), target())


def fetch_all(wheels: Sequence[WheelRef], folder: Path) -> dict[str, Path]:
    """Download what the cache does not have, and link each file into `folder` by its own name. Name -> path."""
    by_hash = {wheel.sha256: wheel for wheel in wheels}
    paths = {}
    with closing(
        fetch(map(artifact_of, wheels), cache=Cache(), client=Client(), reporter=Silent(), title="Wheels")
    ) as arriving:
        for artifact, path in arriving:
            wheel = by_hash[artifact.sha256]
            # A folder each: uv looks through all of a folder's files for every install.
            place = folder / wheel.name / wheel.filename
            place.parent.mkdir(parents=True)
            _link(path, place)
            paths[wheel.name] = place
    return paths


def _link(path: Path, place: Path) -> None:
    try:
        os.link(path, place)
    except OSError:
        place.symlink_to(path)
