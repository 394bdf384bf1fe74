"""What the base `distroless` weighs, per suite: a project without any package is nothing but the base."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.project import PADDLEWHEEL, environment
from paddlewheel.debian.model import SUITES


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseSize:
    """Bytes of a base's blobs, and of their content."""

    suite: str
    python: str
    core: int
    bytecode: int
    unpacked: int

    @property
    def total(self) -> int:
        return self.core + self.bytecode


def measure(cache: Path, work: Path, say: Callable[[str], None]) -> list[BaseSize]:
    """Build an empty project on each suite."""
    return [_measure(suite, cache, work / suite, say) for suite in SUITES]


def _measure(suite: str, cache: Path, root: Path, say: Callable[[str], None]) -> BaseSize:
    root.mkdir(parents=True, exist_ok=True)
    (root / "requirements.txt").write_text("")
    # A mirror may be behind with a suite that is not released yet; what is measured is its size alone.
    (root / "paddlewheel.toml").write_text(f'base = "distroless:{suite}"\nallow-expired = true\ncmd = ["python"]\n')
    done = subprocess.run(
        [PADDLEWHEEL, "build", ".", "--json", "--quiet"],
        cwd=root,
        env=environment(cache),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"no base of {suite}: {done.stderr}")
    told = json.loads(done.stdout)
    core = next(layer for layer in told["layers"] if layer["title"].startswith("Debian "))
    compiled = next(layer for layer in told["layers"] if layer["title"].startswith("bytecode of"))
    say(f"base of {suite}")
    return BaseSize(
        suite=suite,
        python=core["title"].rpartition(" ")[2],
        core=core["size"],
        bytecode=compiled["size"],
        unpacked=core["unpacked"] + compiled["unpacked"],
    )
