"""The rules of the house that a machine can check."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

import pytest

from tests.support.checkout import ROOT, modules, tracked_files

MAX_BYTES: Final = 24 * 1024

# Put together here, so that this file does not hold what it looks for.
REGISTRY_HOSTS: Final = [
    "py" + "pi.org",
    "python" + "hosted",
    "deb" + ".debian",
    "security" + ".debian",
    "npm" + "js",
    "proxy" + ".golang",
]
MACHINE_PATHS: Final = ["/wo" + "rk/", "/fa" + "rm/", "/ro" + "ot/.pyenv", "/ho" + "me/runner"]

MAY_PRINT: Final = ("paddlewheel.cli", "paddlewheel.__main__", "paddlewheel.engines.embedded._compile_worker")
"""The last is a program of its own: its stdout is a pipe to the process that started it."""


def text(path: Path) -> str | None:
    """The file's text, or None for a binary one."""
    data = path.read_bytes()
    return None if b"\0" in data else data.decode("utf-8", errors="replace")


def holding(needles: list[str]) -> list[str]:
    pattern = re.compile("|".join(re.escape(needle) for needle in needles), re.IGNORECASE)
    found = []
    for path in tracked_files():
        hit = pattern.search(text(path) or "")
        if hit:
            found.append(f"{path.relative_to(ROOT)}: {hit[0]}")
    return found


def test_no_file_names_the_host_of_a_package_registry() -> None:
    assert not holding(REGISTRY_HOSTS)


def test_no_file_carries_a_path_of_some_machine() -> None:
    assert not holding(MACHINE_PATHS)


def test_no_source_file_is_large() -> None:
    large = [
        f"{path.relative_to(ROOT)}: {size}" for path in _python_files() if (size := path.stat().st_size) > MAX_BYTES
    ]
    assert not large


@pytest.mark.parametrize("module", modules())
def test_every_module_says_what_it_is(module: str) -> None:
    assert ast.get_docstring(_tree(modules()[module])), f"{module} has no docstring"


@pytest.mark.parametrize("module", [name for name in modules() if not name.startswith(MAY_PRINT)])
def test_only_cli_prints_or_exits(module: str) -> None:
    wrong = []
    for node in ast.walk(_tree(modules()[module])):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in ("print", "sys.exit", "exit", "quit") or called.startswith(("sys.stdout.", "sys.stderr.")):
                wrong.append(f"line {node.lineno}: {called}")
        elif isinstance(node, ast.Raise) and node.exc and "SystemExit" in ast.unparse(node.exc):
            wrong.append(f"line {node.lineno}: SystemExit")
    assert not wrong


@pytest.mark.parametrize("module", modules())
def test_no_global_statement(module: str) -> None:
    assert not [node.lineno for node in ast.walk(_tree(modules()[module])) if isinstance(node, ast.Global)]


def test_every_test_folder_is_a_package() -> None:
    folders = {path.parent for path in tracked_files() if path.name.startswith("test_") and path.suffix == ".py"}
    assert not [folder for folder in folders if not (folder / "__init__.py").exists()]


def _python_files() -> list[Path]:
    return [path for path in tracked_files() if path.suffix == ".py"]


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))
