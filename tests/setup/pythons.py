"""A second Python build, and environments made from one: for proofs that must not depend on the interpreter."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.setup.debian import SetupError
from tests.setup.places import CHECKOUT, SHARED, reachable

PINS: Final = CHECKOUT / "requirements-dev.txt"
OLDEST: Final = (3, 11)


def interpreters() -> list[Path]:
    """CPython builds on this machine that paddlewheel supports, the distribution's own first, without virtual ones."""
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    found = [
        Path("/usr/bin/python3"),
        *sorted(Path("/usr/local/bin").glob("python3.??"), reverse=True),
        *sorted((pyenv / "versions").glob("3.??.*/bin/python3"), reverse=True),
        *sorted(Path("~/.local/share/uv/python").expanduser().glob("cpython-3.??*/bin/python3"), reverse=True),
    ]
    unique = {path.resolve(): path for path in reversed(found) if path.exists()}
    return [path for path in reversed(unique.values()) if _version(path) >= OLDEST]


def other_interpreter() -> Path:
    """An interpreter whose build is not the one that runs this. Raise `SetupError` where there is none."""
    own = Path(sys.executable).resolve()
    for path in interpreters():
        if path.resolve() != own:
            return path
    raise SetupError(f"no Python build (3.11 or newer) besides {own}: install Debian's python3, or one by uv or pyenv")


def other_environment() -> Path:
    """The Python of an environment with paddlewheel, made from `other_interpreter`. Quick when it is there."""
    home = CHECKOUT if reachable(CHECKOUT) else SHARED
    return environment(home / ".venv-other", other_interpreter())


def public_environment() -> Path:
    """The Python of an environment that every user may run: this one, the other one, or one made for it."""
    if _public(Path(sys.executable)):
        return Path(sys.executable)
    for interpreter in interpreters():
        if reachable(interpreter):
            other = other_interpreter()
            if interpreter.resolve() == other.resolve():
                return other_environment()
            return environment(SHARED / "venv-public", interpreter)
    raise SetupError("no Python build that an ordinary user may run: install Debian's python3")


def environment(place: Path, interpreter: Path) -> Path:
    """Make or bring up to date the environment at `place`, from the pinned requirements. Return its Python.

    paddlewheel itself is not in it: it runs with the sources on PYTHONPATH.
    """
    python = place / "bin" / "python"
    mark = place / ".ready"
    wanted = f"{interpreter.resolve()}\n{hashlib.sha256(PINS.read_bytes()).hexdigest()}\n"
    if python.exists() and mark.exists() and mark.read_text() == wanted:
        return python
    uv = str(Path(sys.executable).with_name("uv"))
    umask = os.umask(0o022)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        _run([uv, "venv", "--quiet", "--clear", "--no-project", "--python", str(interpreter), str(place)])
        # Copied: a hard link into a closed home directory is fine, a symbolic one is not.
        options = ["--quiet", "--link-mode", "copy", "--require-hashes", "--requirement", str(PINS)]
        _run([uv, "pip", "install", *options, "--python", str(python)])
        mark.write_text(wanted)
    finally:
        os.umask(umask)
    return python


def _public(python: Path) -> bool:
    return reachable(python) and reachable(python.parent.parent)


def _version(python: Path) -> tuple[int, int]:
    code = "import sys; print(*sys.version_info[:2])"
    out = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    return int(out[0]), int(out[1])


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=CHECKOUT)
    if done.returncode:
        raise SetupError(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
