"""What is declared is used, and what is used is declared: a library costs every user a download."""

from __future__ import annotations

import ast
import sys
import tomllib

from packaging.requirements import Requirement

from tests.support.checkout import ROOT

MODULES = {"pyelftools": "elftools"}
"""Distributions whose module has another name."""


def declared() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = [Requirement(text).name for text in project["dependencies"]]
    return {MODULES.get(name, name) for name in names}


def imported() -> set[str]:
    found: set[str] = set()
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    # `compression` came into the standard library with Python 3.14.
    return found - set(sys.stdlib_module_names) - {"paddlewheel", "compression"}


def test_dependencies_are_what_is_imported() -> None:
    assert imported() == declared()
