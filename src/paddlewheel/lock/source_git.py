"""A copy of a project as a work tree of the git repository that the project is in.

Back ends ask git for the version (setuptools-scm, hatch-vcs, versioningit, ...) or for the list of files. The copy gets
what ``git worktree add`` would make: a ``.git`` file that names a private git folder, which shares objects and
references with the real repository by its ``commondir`` file and has a HEAD and an index of its own. So git tells
the same as in the original folder, and nothing is ever written to the user's repository.

Format: gitrepository-layout(5), git-worktree(1).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from paddlewheel.lock.git_folder import common_folder, work_tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A git repository that tracks files of a project."""

    git: str
    """The program."""
    folder: Path
    """The git folder of the work tree: HEAD and index are in it."""
    prefix: str
    """Where the project is in the work tree: ``.``, or as ``services/shop``."""


def find_repository(project: Path) -> Repository | None:
    """The repository that tracks files below `project`. None: no such, or git is not installed."""
    git = shutil.which("git")
    found = work_tree(project)
    if git is None or found is None:
        return None
    root, folder = found
    tracked = _git(git, project, ["ls-files", "-z", "--", "."])
    return Repository(git=git, folder=folder, prefix=project.relative_to(root).as_posix()) if tracked else None


def attach(repository: Repository, top: Path, other: Sequence[str]) -> None:
    """Make the folder `top` a work tree of `repository`, in which only the project has been put, at its prefix.

    `other`: paths below the project that were not copied as they are. They, and everything beside the project, are
    marked in the private index, or the work tree would count as changed.
    """
    private = top.with_name(f"{top.name}.git")
    private.mkdir()
    (private / "commondir").write_text(f"{common_folder(repository.folder)}\n")
    (private / "gitdir").write_text(f"{top / '.git'}\n")
    for name in ("HEAD", "index"):
        if (repository.folder / name).is_file():
            shutil.copyfile(repository.folder / name, private / name)
    (top / ".git").write_text(f"gitdir: {private}\n")
    prefix = "" if repository.prefix == "." else f"{repository.prefix}/"
    specs = [[f":(top,literal){prefix}{path}" for path in other]] if other else []
    if prefix:
        specs.append([":(top)", f":(top,exclude,literal){repository.prefix}"])
    for pathspec in specs:
        hidden = _git(repository.git, top, ["ls-files", "-z", "--", *pathspec])
        if hidden:
            _git(repository.git, top, ["update-index", "-z", "--skip-worktree", "--stdin"], hidden)


def _git(git: str, cwd: Path, arguments: Sequence[str], stdin: bytes | None = None) -> bytes:
    """What git prints; nothing where it fails."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    env["GIT_OPTIONAL_LOCKS"] = "0"
    done = subprocess.run([git, *arguments], cwd=cwd, env=env, input=stdin, capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else b""
