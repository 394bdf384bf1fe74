"""The verb `read`: a folder to a project, with what the command line says over the settings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from paddlewheel.project.model import Project
from paddlewheel.project.reader import read
from paddlewheel.verbs.values import Overrides


def read_project(path: str | Path, overrides: Overrides) -> Project:
    """See `verbs.read`."""
    project = read(path, lock_override=overrides.lock)
    settings = replace(
        project.settings,
        base=overrides.base or project.settings.base,
        python=overrides.python or project.settings.python,
    )
    return replace(project, settings=settings)
