"""Where git keeps what it knows of a folder. Without asking git, in microseconds.

Format: gitrepository-layout(5), git-worktree(1).
"""

from __future__ import annotations

from pathlib import Path


def work_tree(project: Path) -> tuple[Path, Path] | None:
    """The root of the work tree that `project` is in, and its git folder, which holds HEAD and the index."""
    for root in (project, *project.parents):
        place = root / ".git"
        if (place / "HEAD").is_file():
            return root, place.resolve()
        if place.is_file():
            text = place.read_text(errors="replace").strip()
            if text.startswith("gitdir:"):
                return root, (root / text.removeprefix("gitdir:").strip()).resolve()
    return None


def common_folder(git_folder: Path) -> Path:
    """The folder with objects and references: another one where `git_folder` belongs to a linked work tree."""
    link = git_folder / "commondir"
    return (git_folder / link.read_text().strip()).resolve() if link.is_file() else git_folder
