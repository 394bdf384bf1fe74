"""The `.python-version` file of pyenv and uv. Pure, but for `read_pin`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from paddlewheel.errors import ProjectError
from paddlewheel.project.tomlfile import read_text

PIN_FILE: Final = ".python-version"

_CPYTHON: Final = re.compile(r"(?:(?:cpython|python)[-@]?)?(3(?:\.[0-9]+){1,2}(?:(?:a|b|rc)[0-9]+)?)")
_OTHERS: Final = (
    *("pypy", "graalpy", "pyodide", "micropython", "jython", "ironpython", "stackless", "pyston", "cinder", "nogil"),
    *("anaconda", "miniconda", "miniforge", "mambaforge", "micromamba", "activepython"),
)


def read_pin(root: Path) -> str | None:
    """The version that `root`/.python-version names, as ``3.12`` or ``3.12.1``. Raise `ProjectError`."""
    path = root / PIN_FILE
    return parse_pin(read_text(path)) if path.is_file() else None


def parse_pin(text: str) -> str | None:
    """The first version; None where there is none, or ``system``. Raise `ProjectError` for what is not CPython."""
    lines = [line.partition("#")[0].strip() for line in text.removeprefix("\ufeff").splitlines()]
    line = next((line for line in lines if line), "")
    if not line or line == "system":
        return None
    match = _CPYTHON.fullmatch(line.lower())
    if match:
        return match[1]
    hint = 'correct the file, or set `python = "3.13"` in the settings, which count more'
    other = next((name for name in _OTHERS if line.lower().startswith(name)), None)
    if other:
        raise ProjectError(f"{PIN_FILE}: {line} is not CPython, and images hold CPython alone", hint=hint)
    if re.fullmatch(r"(?:cpython[-@]?)?3\.[0-9.]+t|.*\+freethreaded", line):
        raise ProjectError(f"{PIN_FILE}: {line} is a free-threaded Python, which no base has", hint=hint)
    raise ProjectError(f"{PIN_FILE}: {line!r} is no version of CPython 3, as 3.13 or 3.13.1 would be", hint=hint)
