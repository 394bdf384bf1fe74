"""The interpreter that a locked base brings."""

from __future__ import annotations

import re

from paddlewheel.debian.model import PinnedBase
from paddlewheel.errors import LockFormatError
from paddlewheel.image.model import Platform
from paddlewheel.plan.model import PythonTarget

_UPSTREAM = re.compile(r"(?:\d+:)?(\d+(?:\.\d+)*)")
_PYTHON = re.compile(r"python(\d+)\.(\d+)-minimal")


def python_target(base: PinnedBase) -> PythonTarget:
    """Version, path and libc of the Python in `base`. Raise `LockFormatError` when the base has none."""
    libc = next((p for p in base.packages if p.name == "libc6"), None)
    for package in base.packages:
        match = _PYTHON.fullmatch(package.name)
        if match and libc:
            major, minor = int(match[1]), int(match[2])
            glibc = _upstream(libc.version).split(".")
            return PythonTarget(
                version=(major, minor),
                full_version=_upstream(package.version),
                executable=f"/usr/bin/python{major}.{minor}",
                libc=("glibc", int(glibc[0]), int(glibc[1])),
                platform=Platform("linux", base.architecture),
            )
    raise LockFormatError(
        "paddlewheel.lock: the base has no python3.X-minimal or no libc6",
        hint="remove paddlewheel.lock and run `paddlewheel lock`",
    )


def python_build(base: PinnedBase) -> str:
    """What tells one build of the interpreter from another: the versions of its Debian packages."""
    packages = (p for p in base.packages if _PYTHON.fullmatch(p.name) or re.match(r"libpython\d", p.name))
    return " ".join(f"{p.name}={p.version}" for p in packages)


def _upstream(version: str) -> str:
    match = _UPSTREAM.match(version)
    if match is None:
        raise LockFormatError(f"paddlewheel.lock: {version!r} is no Debian version")
    return match[1]
