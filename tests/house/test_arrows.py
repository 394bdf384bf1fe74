"""The import arrows: who may know whom. Imports within functions and for type checkers count as well.

cli -> engines, checks, report -> plan -> lock -> project; `image`, `debian` and `sandbox` know nothing of projects
or plans; `errors`, `progress`, `cache` and `net` are free to all.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final

import pytest

from tests.support.checkout import modules

VERSION: Final = "paddlewheel.__version__"
FREE: Final = {"errors", "progress", "cache", "net", "__version__"}

ARROWS: Final[dict[str, set[str]]] = {
    "errors": set(),
    "progress": set(),
    "net": {"image"},
    "cache": {"image"},
    "image": set(),
    "debian": {"image"},
    "sandbox": {"image"},
    "project": {"debian", "image"},
    "lock": {"project", "debian", "image"},
    "plan": {"lock", "project", "debian", "image"},
    "engines": {"plan", "lock", "project", "debian", "sandbox", "image"},
    "checks": {"plan", "lock", "project", "debian", "sandbox", "image"},
    "report": {"plan", "lock", "project", "debian", "image"},
}
"""Room -> rooms that it may import."""

VERBS: Final = {"", "verbs", "upkeep"}
"""Where the rooms are put together: the package itself and its verbs. They may import all but cli,
and no room may import them."""

CLI: Final = {"cli", "__main__"}


def room(module: str) -> str:
    """``paddlewheel.image.model`` -> ``image``; the package itself -> an empty string."""
    return module.removeprefix("paddlewheel").lstrip(".").partition(".")[0]


def imports(path: Path, module: str) -> set[str]:
    """Every module of paddlewheel that the file imports, wherever in it."""
    known = modules()
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")
                base = ".".join(parents[: len(parents) - node.level + 1] + ([base] if base else []))
            # `from paddlewheel import net` names a module; `from paddlewheel.net import Client` something in one.
            names = {f"{base}.{alias.name}" for alias in node.names}
            found |= {name if name in known or name == VERSION else base for name in names}
    return {name for name in found if name.partition(".")[0] == "paddlewheel"}


@pytest.mark.parametrize("module", modules())
def test_imports_follow_the_arrows(module: str) -> None:
    here = room(module)
    if here in CLI:
        return
    assert here in ARROWS.keys() | VERBS, f"{module} is in a room without arrows: add it with what it may import"
    allowed = FREE | {here} | (ARROWS[here] if here in ARROWS else ARROWS.keys() | VERBS)
    wrong = sorted(name for name in imports(modules()[module], module) if room(name) not in allowed)
    assert not wrong, f"{module} imports {wrong}; {here} may import {sorted(allowed)}"


def test_errors_import_nothing_of_the_house() -> None:
    for module in ("paddlewheel.errors", "paddlewheel.progress"):
        assert not imports(modules()[module], module)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f():\n    from paddlewheel.plan.model import Plan\n", {"paddlewheel.plan.model"}),
        ("from paddlewheel import net", {"paddlewheel.net"}),
        ("from paddlewheel import __version__", {"paddlewheel.__version__"}),
        ("from paddlewheel import build", {"paddlewheel"}),
        ("import paddlewheel.cache as c", {"paddlewheel.cache"}),
        ("from . import store\nfrom ..errors import ImageError", {"paddlewheel.image.store", "paddlewheel.errors"}),
        ("if TYPE_CHECKING:\n    from paddlewheel.cli import main\n", {"paddlewheel.cli"}),
        ("import json, urllib.request", set()),
    ],
)
def test_imports_are_found_wherever_they_stand(source: str, expected: set[str], tmp_path: Path) -> None:
    path = tmp_path / "layer.py"
    path.write_text(source)
    assert imports(path, "paddlewheel.image.layer") == expected
