"""A folder, read: what it is called, what it is built with, and what is wrong with it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from paddlewheel.errors import LockFormatError, PaddlewheelError, ProjectError, SettingsError
from paddlewheel.project.metadata import LEGACY_BACKEND, folder_to_name
from paddlewheel.project.model import LockKind, Project
from paddlewheel.project.python_version import parse_pin
from paddlewheel.project.reader import read
from tests.support.tree import write_tree

BACKEND = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'


def project(tmp_path: Path, pyproject: str, **files: str) -> Project:
    return read(write_tree(tmp_path, {"pyproject.toml": pyproject, **files}))


def test_a_whole_pyproject(tmp_path: Path) -> None:
    found = project(
        tmp_path,
        BACKEND
        + """
[project]
name = "My_Shop.App"
version = "1.2.0-rc1"
description = "Sells things"
requires-python = ">=3.11,<3.14"
license = "mit or apache-2.0"
authors = [{ name = "Ann", email = "ann@example.org" }, { name = "Bob" }]
urls = { Homepage = "https://example.org" }
scripts = { shop = "shop.cli:main" }
[tool.paddlewheel]
layers = 9
""",
        **{".python-version": "3.12\n"},
    )
    assert found.root == tmp_path
    assert (found.name, found.version, found.version_is_dynamic) == ("my-shop-app", "1.2.0rc1", False)
    assert found.description == "Sells things"
    assert str(found.requires_python) == "<3.14,>=3.11"
    assert found.license_expression == "MIT OR Apache-2.0"
    assert found.authors == ("Ann <ann@example.org>", "Bob")
    assert found.urls == {"Homepage": "https://example.org"}
    assert found.start.scripts == {"shop": "shop.cli:main"}
    assert found.build_requires == ("hatchling",)
    assert found.is_package
    assert found.python_pin == "3.12"
    assert found.settings.layers == 9
    assert found.lock.kind is LockKind.PYPROJECT
    assert not found.lock.complete


def test_the_folder_names_a_project_without_a_name(tmp_path: Path) -> None:
    found = read(write_tree(tmp_path / "My Shop (2)", {"requirements.txt": ""}))
    assert (found.name, found.version, found.is_package) == ("my-shop-2", "0", False)


@pytest.mark.parametrize(("folder", "name"), [("--x__y--", "x-y"), ("日本", "app"), ("a.b", "a-b")])
def test_names_from_folders(folder: str, name: str) -> None:
    assert folder_to_name(folder) == name


def test_a_relative_path_and_a_trailing_slash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tree(tmp_path / "shop", {"requirements.txt": ""})
    monkeypatch.chdir(tmp_path / "shop")
    assert read(".").name == "shop"
    assert read("../shop/").root == tmp_path / "shop"


@pytest.mark.parametrize(
    ("text", "requires"),
    [
        ("", None),
        ("[build-system]\nrequires = []\n", ()),
        ("[tool.uv]\npackage = true\n", LEGACY_BACKEND),
        (BACKEND + "[tool.uv]\npackage = false\n", None),
        (BACKEND + "[tool.uv]\npackage = true\n", ("hatchling",)),
    ],
)
def test_what_makes_a_package(tmp_path: Path, text: str, requires: tuple[str, ...] | None) -> None:
    found = project(tmp_path, f'[project]\nname = "a"\nversion = "1"\n{text}')
    assert found.build_requires == requires
    assert found.is_package is (requires is not None)


def test_a_dynamic_version(tmp_path: Path) -> None:
    found = project(tmp_path, BACKEND + '[project]\nname = "a"\ndynamic = ["version"]\n')
    assert (found.version, found.version_is_dynamic) == ("0", True)


def test_poetrys_own_table_names_the_project(tmp_path: Path) -> None:
    text = BACKEND + '[tool.poetry]\nname = "a"\nversion = "2.0"\n[tool.poetry.scripts]\nx = "a:b"\n'
    found = project(tmp_path, text, **{"requirements.txt": ""})
    assert (found.name, found.version, found.start.scripts) == ("a", "2.0", {"x": "a:b"})


@pytest.mark.parametrize(
    ("license", "expression"),
    [('"MIT"', "MIT"), ('{ text = "MIT" }', "MIT"), ('{ text = "my own" }', None), ('{ file = "LICENSE" }', None)],
)
def test_licences(tmp_path: Path, license: str, expression: str | None) -> None:
    found = project(tmp_path, f'[project]\nname = "a"\nversion = "1"\nlicense = {license}')
    assert found.license_expression == expression


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[project\n", "pyproject.toml:1:9: no valid TOML"),
        ('a = 1\nb = "x\n', "pyproject.toml:2:"),
        ("project = 1", "pyproject.toml: project: expected a table, found an integer"),
        ('[project]\nversion = "1"', "pyproject.toml: project.name: missing"),
        ("[project]\nname = 1", "pyproject.toml: project.name: expected a string, found an integer"),
        ('[project]\nname = "-a-"', "pyproject.toml: project.name: '-a-' is no name"),
        ('[project]\nname = "a"\nversion = "one"', "pyproject.toml: project.version: 'one' is no version"),
        (BACKEND + '[project]\nname = "a"', "pyproject.toml: project.version: missing"),
        ('[project]\nname = "a"\nrequires-python = "3.11"', "project.requires-python: '3.11' is no version specifier"),
        ('[project]\nname = "a"\ndynamic = "version"', "project.dynamic: expected a list of strings, found a string"),
        ('[project]\nname = "a"\nscripts = { x = 1 }', "project.scripts.x: expected a string, found an integer"),
        ('[project]\nname = "a"\nversion = "1"\n[build-system]', "build-system.requires: missing"),
        ('[project]\nname = "a"\nversion = "1"\n[build-system]\nrequires = [1]', "build-system.requires[0]: expected"),
        ('[project]\nname = "a"\nversion = "1"\n[tool]\nuv.package = "no"', "tool.uv.package: expected true or false"),
        ('[project]\nname = "a"\nauthors = "Ann"', "project.authors: expected a list of tables, found a string"),
        ('tool = 3\n[project]\nname = "a"', "pyproject.toml: tool: expected a table"),
    ],
)
def test_faults_in_pyproject_are_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ProjectError) as caught:
        project(tmp_path, text)
    assert message in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("files", "error", "message"),
    [
        ({}, ProjectError, "is empty"),
        ({"notes.md": ""}, ProjectError, "nothing here states Python dependencies"),
        ({"pyproject.toml": "[tool.ruff]"}, ProjectError, "no [project] table, and no lock is there"),
        ({"pyproject.toml": b"\xff"}, ProjectError, "pyproject.toml:1: not UTF-8"),
        ({"pyproject.toml/": ""}, ProjectError, "cannot be read: Is a directory"),
        ({"requirements.txt": "a =="}, LockFormatError, "requirements.txt:1"),
        ({"requirements.txt": "", "paddlewheel.toml": "cmds = []"}, SettingsError, "no such setting"),
        ({"requirements.txt": "", ".python-version": "pypy3.10-7.3"}, ProjectError, "pypy3.10-7.3 is not CPython"),
        ({"requirements.txt": "", "Procfile": "web gunicorn"}, ProjectError, "Procfile:1"),
        ({"requirements.txt/": ""}, LockFormatError, "requirements.txt cannot be read"),
    ],
)
def test_folders_broken_on_purpose(
    tmp_path: Path, files: dict[str, str | bytes], error: type[PaddlewheelError], message: str
) -> None:
    with pytest.raises(error) as caught:
        read(write_tree(tmp_path, files))
    assert message in caught.value.message
    assert caught.value.hint


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="gone does not exist"):
        read(tmp_path / "gone")


def test_a_file_instead_of_a_folder(tmp_path: Path) -> None:
    write_tree(tmp_path, {"pyproject.toml": ""})
    with pytest.raises(ProjectError, match=r"pyproject\.toml is a file") as caught:
        read(tmp_path / "pyproject.toml")
    assert str(tmp_path) in (caught.value.hint or "")


def test_a_link_to_itself_and_a_nul(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    for path in (tmp_path / "loop", "a\0b"):
        with pytest.raises(ProjectError, match="cannot be read"):
            read(path)


def test_projects_in_subfolders_are_named(tmp_path: Path) -> None:
    write_tree(tmp_path, {"backend/pyproject.toml": "", "web/package.json": "", "jobs/requirements.txt": ""})
    with pytest.raises(ProjectError) as caught:
        read(tmp_path)
    assert "backend, jobs" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("text", "pin"),
    [
        ("3.12\n", "3.12"),
        ("\ufeff3.12.1", "3.12.1"),
        ("# pinned\n\n3.13.0rc1 # soon\n3.12\n", "3.13.0rc1"),
        ("cpython-3.11", "3.11"),
        ("cpython@3.11.4", "3.11.4"),
        ("python3.11", "3.11"),
        ("system\n", None),
        ("\n", None),
    ],
)
def test_python_pins(text: str, pin: str | None) -> None:
    assert parse_pin(text) == pin


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pypy@3.10", "pypy@3.10 is not CPython"),
        ("graalpy-24.0", "graalpy-24.0 is not CPython"),
        ("miniconda3-latest", "miniconda3-latest is not CPython"),
        ("3.13t", "3.13t is a free-threaded Python"),
        ("2.7.18", "'2.7.18' is no version of CPython 3"),
        ("3", "'3' is no version of CPython 3"),
        (">=3.11", "'>=3.11' is no version of CPython 3"),
        ("my-virtualenv", "'my-virtualenv' is no version of CPython 3"),
    ],
)
def test_pins_that_are_no_cpython_are_refused_by_name(text: str, message: str) -> None:
    with pytest.raises(ProjectError) as caught:
        parse_pin(text)
    assert message in caught.value.message
    assert 'python = "3.13"' in (caught.value.hint or "")


def test_the_setting_overrules_a_pin_that_makes_no_sense(tmp_path: Path) -> None:
    files = {"requirements.txt": "", ".python-version": "pypy3.10", "paddlewheel.toml": 'python = "3.13"'}
    found = read(write_tree(tmp_path, files))
    assert (found.python_pin, found.settings.python) == (None, "3.13")


def test_a_folder_that_may_not_be_entered() -> None:
    """As an ordinary user, as root may enter any: so not below pytest's own folder, which only root may."""
    program = """\
import os, sys
from paddlewheel.errors import ProjectError
from paddlewheel.project.reader import read
if os.geteuid() == 0:
    os.setresuid(65534, 65534, 65534)
for path in sys.argv[1:]:
    try:
        read(path)
    except ProjectError as error:
        print(error)
"""
    with TemporaryDirectory() as name:
        top = Path(name).resolve()
        locked = write_tree(top / "locked", {"requirements.txt": ""})
        outer = write_tree(top / "outer", {"inner/requirements.txt": ""})
        for folder, mode in ((top, 0o755), (locked, 0o444), (outer / "inner", 0), (outer, 0o755)):
            folder.chmod(mode)
        command = [sys.executable, "-c", program, str(locked), str(outer)]
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
        locked.chmod(0o755)
        (outer / "inner").chmod(0o755)
    assert lines == [
        f"{locked} cannot be read: Permission denied",
        f"{outer}: nothing here states Python dependencies",
    ]
