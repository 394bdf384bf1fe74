"""What a test cannot do without. On a developer's machine it skips and says why; on CI a skip is a failure."""

from __future__ import annotations

import os
import shutil

import pytest


def on_ci() -> bool:
    return os.environ.get("CI", "").lower() in ("true", "1")


def need(condition: object, reason: str) -> None:
    """Skip the test unless `condition` holds; `reason` says what is missing and how to get it."""
    if not condition:
        pytest.skip(reason)


def need_program(name: str) -> str:
    """The path of a program, or a skip."""
    found = shutil.which(name)
    need(found, f"{name} is not installed")
    assert found is not None
    return found


def need_root() -> None:
    need(os.geteuid() == 0, "needs root")
