"""The checkout itself, as the house's tests read it."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
SOURCES: Final = ROOT / "src" / "paddlewheel"


@cache
def tracked_files() -> tuple[Path, ...]:
    """Every file that git tracks or would track, absolute, sorted."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    out = subprocess.run(command, capture_output=True, check=True).stdout.decode()
    return tuple(sorted(path for name in out.split("\0") if name and (path := ROOT / name).is_file()))


@cache
def modules() -> dict[str, Path]:
    """Dotted name -> file, for every module of the package."""
    found = {}
    for path in sorted(SOURCES.rglob("*.py")):
        parts = path.relative_to(SOURCES.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found
