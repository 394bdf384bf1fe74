"""What bears on dependencies changes the fingerprint, and nothing else does."""

from __future__ import annotations

from pathlib import Path

import pytest

from paddlewheel.project.fingerprint import dependency_fingerprint
from paddlewheel.project.reader import read
from tests.support.tree import write_tree

BARE = """\
[project]
name = "shop"
version = "1.0"
description = "old"
requires-python = ">=3.11"
dependencies = ["flask>=3"]
[project.optional-dependencies]
sql = ["psycopg"]
[dependency-groups]
dev = ["pytest"]
[tool.uv]
cache-dir = "/tmp/a"
constraint-dependencies = ["click<9"]
[[tool.uv.index]]
url = "https://one.example.org/simple"
[tool.ruff]
line-length = 100
"""


def fingerprint(root: Path, **files: str) -> str:
    return dependency_fingerprint(read(write_tree(root, files)))


def bare(tmp_path: Path, *edit: str) -> str:
    return fingerprint(tmp_path, **{"pyproject.toml": BARE.replace(*edit) if edit else BARE})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('version = "1.0"', 'version = "2.0"'),
        ('"old"', '"new"'),
        ("line-length = 100", "line-length = 120\n[tool.paddlewheel]\nlayers = 9"),
        ("/tmp/a", "/tmp/b"),
        ("[project]\n", "# a comment\n[project]\n\n"),
        ('name = "shop"\nversion = "1.0"\n', 'version = "1.0"\nname = "shop"\n'),
    ],
)
def test_an_edit_elsewhere_changes_nothing(tmp_path: Path, old: str, new: str) -> None:
    before = bare(tmp_path)
    assert old in BARE
    assert bare(tmp_path, old, new) == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("flask>=3", "flask>=2"),
        ("psycopg", "psycopg[binary]"),
        ("pytest", "nose"),
        (">=3.11", ">=3.12"),
        ("one.example.org", "two.example.org"),
        ("click<9", "click<8"),
        ("[tool.ruff]", '[tool.uv.sources]\nflask = { path = "../flask" }\n[tool.ruff]'),
        ("constraint-dependencies", "a-key-of-tomorrow = 1\nconstraint-dependencies"),
    ],
)
def test_what_bears_on_dependencies_changes_it(tmp_path: Path, old: str, new: str) -> None:
    before = bare(tmp_path)
    assert old in BARE
    assert bare(tmp_path, old, new) != before


def test_dates_in_toml_are_no_obstacle(tmp_path: Path) -> None:
    one = bare(tmp_path, "[tool.ruff]", "[tool.uv.pip]\nexclude-newer = 2025-01-01\n[tool.ruff]")
    two = bare(tmp_path, "[tool.ruff]", "[tool.uv.pip]\nexclude-newer = 2025-01-02\n[tool.ruff]")
    assert one != two


def test_requirement_files_count_by_what_they_state(tmp_path: Path) -> None:
    one = fingerprint(tmp_path, **{"requirements.txt": "# a\nFlask >= 3\n-r more.txt", "more.txt": "x"})
    assert fingerprint(tmp_path, **{"requirements.txt": "flask>=3  # why\n\n-r more.txt", "more.txt": "x # y"}) == one
    assert fingerprint(tmp_path, **{"requirements.txt": "flask>=3\n-r more.txt", "more.txt": "x<2"}) != one
    assert fingerprint(tmp_path, **{"requirements.txt": "flask>=3\n-r more.txt\n--pre", "more.txt": "x"}) != one


def test_requirements_do_not_depend_on_the_projects_own_list(tmp_path: Path) -> None:
    one = fingerprint(tmp_path, **{"requirements.txt": "flask", "pyproject.toml": BARE})
    two = fingerprint(tmp_path, **{"requirements.txt": "flask", "pyproject.toml": BARE.replace("psycopg", "mysql")})
    assert one == two


@pytest.mark.parametrize("name", ["pylock.toml", "uv.lock"])
def test_a_locks_own_text_counts(tmp_path: Path, name: str) -> None:
    prints = {fingerprint(tmp_path, **{name: text, "pyproject.toml": BARE}) for text in ("a = 1", "a = 2", "a = 1")}
    assert len(prints) == 2


def test_files_of_dynamic_dependencies_count(tmp_path: Path) -> None:
    pyproject = """\
[project]
name = "shop"
version = "1"
dynamic = ["dependencies"]
[tool.setuptools.dynamic]
dependencies = { file = ["deps.in"] }
"""
    prints = {fingerprint(tmp_path, **{"pyproject.toml": pyproject, "deps.in": text}) for text in ("a", "b")}
    prints.add(fingerprint(tmp_path, **{"setup.py": "# x"}))
    assert len(prints) == 3


@pytest.mark.parametrize("tool", ["setuptools = 3", "setuptools.dynamic.dependencies = 1", "setuptools.dynamic = []"])
def test_odd_tables_of_other_tools_are_no_obstacle(tmp_path: Path, tool: str) -> None:
    text = f'[project]\nname = "a"\nversion = "1"\ndynamic = ["dependencies"]\n[tool]\n{tool}\n'
    assert fingerprint(tmp_path, **{"pyproject.toml": text})


def test_the_kind_of_lock_counts(tmp_path: Path) -> None:
    one = fingerprint(tmp_path / "1", **{"requirements.txt": "flask"})
    two = fingerprint(tmp_path / "2", **{"pylock.toml": "flask"})
    assert one != two
