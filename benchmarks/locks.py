"""Locks of the examples in which a package is older, so that there is something to bump."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from benchmarks.project import PADDLEWHEEL, Project, environment

UV: Final = str(Path(sys.executable).with_name("uv"))
REQUIREMENTS: Final = ("requirements.txt", "pylock.paddlewheel.toml")
PYLOCK: Final = ("pylock.toml",)

Files = dict[str, bytes]
"""Name -> content of the files of a project that make a lock."""


def lock_names(project: Project) -> tuple[str, ...]:
    """The files that say which packages a project has, the lock last."""
    return PYLOCK if (project.root / PYLOCK[0]).exists() else REQUIREMENTS


def current(project: Project) -> Files:
    return {name: (project.root / name).read_bytes() for name in lock_names(project)}


def without_newest(project: Project, packages: Iterable[str], work: Path) -> Files:
    """The same lock, made again without the versions of `packages` that it has now."""
    names = lock_names(project)
    lines = [f"{name}!={version(project.root / names[-1], name)}" for name in packages]
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(project.root, work, ignore=shutil.ignore_patterns("dist", "pylock*"))
    if names == PYLOCK:
        (work / "constraints.txt").write_text("".join(f"{line}\n" for line in lines))
        options = ["--quiet", "--universal", "--format", "pylock.toml", "--constraints", "constraints.txt"]
        _run([UV, "pip", "compile", *options, "-o", PYLOCK[0], "pyproject.toml"], work, project)
    else:
        with (work / REQUIREMENTS[0]).open("a") as requirements:
            requirements.writelines(f"{line}\n" for line in lines)
        _run([PADDLEWHEEL, "lock", "--quiet", "."], work, project)
    return {name: (work / name).read_bytes() for name in names}


def version(lock: Path, package: str) -> str:
    """The newest version of `package` in a pylock file."""
    found = [entry["version"] for entry in tomllib.loads(lock.read_text())["packages"] if entry["name"] == package]
    return str(max(found, key=lambda text: [int(part) for part in text.split(".") if part.isdecimal()]))


def _run(command: list[str], folder: Path, project: Project) -> None:
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, env=environment(project.cache_root))
