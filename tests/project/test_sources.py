"""Which lock counts, and why."""

from __future__ import annotations

from pathlib import Path

import pytest

from paddlewheel.errors import ProjectError
from paddlewheel.project.model import LockKind, LockSource
from paddlewheel.project.reader import read
from paddlewheel.project.sources import FOREIGN, READERS
from tests.support.tree import write_tree

PYPROJECT = '[project]\nname = "a"\nversion = "1"\n'
ALL = {"pylock.toml": "", "uv.lock": "", "requirements.txt": "", "pyproject.toml": PYPROJECT}


def chosen(root: Path, files: dict[str, str], override: str | None = None) -> LockSource:
    return read(write_tree(root, files), lock_override=override).lock


def test_there_is_a_reader_for_each_kind_in_order_of_precedence() -> None:
    assert list(READERS) == list(LockKind) == list(ALL)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_precedence_is_said_aloud(tmp_path: Path, count: int) -> None:
    names = list(ALL)[-count:]
    found = chosen(tmp_path, {name: ALL[name] for name in names})
    assert found.kind == found.path.name == names[0]
    assert found.others == tuple(names[1:])
    assert found.complete is (names[0] != "pyproject.toml")
    assert bool(found.reason) is (count > 1)
    for name in [name for name in names if name != "pyproject.toml" or count == 2] if count > 1 else ():
        assert name in found.reason
    assert count == 1 or "`lock`" in found.reason


@pytest.mark.parametrize("name", ["uv.lock", "pylock.toml"])
def test_a_lock_and_the_pyproject_that_it_locks_are_no_rivals(tmp_path: Path, name: str) -> None:
    found = chosen(tmp_path / "own", {name: "", "pyproject.toml": PYPROJECT})
    assert (found.path.name, found.others, found.reason) == (name, ("pyproject.toml",), "")
    both = chosen(tmp_path / "both", {name: "", "requirements.txt": "", "pyproject.toml": PYPROJECT})
    assert both.reason == f"{name} counts before requirements.txt; the setting `lock` chooses another"


def test_the_setting_chooses(tmp_path: Path) -> None:
    found = chosen(tmp_path, ALL | {"paddlewheel.toml": 'lock = "requirements.txt"'})
    assert found.kind is LockKind.REQUIREMENTS
    assert found.others == ("pylock.toml", "uv.lock", "pyproject.toml")
    assert found.reason == "requirements.txt counts, as the setting `lock` says"


def test_the_command_line_counts_more_than_the_setting(tmp_path: Path) -> None:
    found = chosen(tmp_path, ALL | {"paddlewheel.toml": 'lock = "gone.txt"'}, override="pyproject.toml")
    assert found.kind is LockKind.PYPROJECT
    assert "the command line says" in found.reason


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("pylock.prod.toml", LockKind.PYLOCK),
        ("requirements/prod.txt", LockKind.REQUIREMENTS),
        ("constraints.in", LockKind.REQUIREMENTS),
    ],
)
def test_other_files_can_be_asked_for(tmp_path: Path, name: str, kind: LockKind) -> None:
    found = chosen(tmp_path, {name: "", "requirements.txt": ""}, override=name)
    assert (found.kind, found.path) == (kind, tmp_path / name)


@pytest.mark.parametrize(
    ("wanted", "message", "hint"),
    [
        ("uv.lock", "lock: uv.lock is not in ", "there is pylock.prod.toml, requirements.txt"),
        ("pylock.x.toml", "lock: pylock.x.toml is not in ", "requirements.txt"),
        ("package.json", "lock: package.json is of no known format", "requirements.txt"),
        ("poetry.lock", "lock: poetry.lock is not a file that paddlewheel reads", "poetry export"),
        ("pylock.paddlewheel.toml", "is not a file that paddlewheel reads", "kept by paddlewheel"),
        ("pyproject.toml", "pyproject.toml has no [project] table", "add [project]"),
    ],
)
def test_a_wish_that_cannot_be_fulfilled(tmp_path: Path, wanted: str, message: str, hint: str) -> None:
    files = {"requirements.txt": "", "pylock.prod.toml": "", "poetry.lock": "", "pyproject.toml": "[tool.x]"}
    with pytest.raises(ProjectError) as caught:
        chosen(tmp_path, files | {"pylock.paddlewheel.toml": "", "package.json": ""}, override=wanted)
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")


def test_requirements_in_is_only_a_declaration(tmp_path: Path) -> None:
    both = chosen(tmp_path / "both", {"requirements.in": "a", "requirements.txt": f"a==1 --hash=sha256:{'0' * 64}"})
    assert (both.path.name, both.complete) == ("requirements.txt", True)
    alone = chosen(tmp_path / "alone", {"requirements.in": f"a==1 --hash=sha256:{'0' * 64}"})
    assert (alone.kind, alone.path.name, alone.complete) == (LockKind.REQUIREMENTS, "requirements.in", False)


def test_requirements_without_hashes_are_no_lock(tmp_path: Path) -> None:
    assert not chosen(tmp_path, {"requirements.txt": "a==1"}).complete


def test_our_own_lock_is_no_source(tmp_path: Path) -> None:
    found = chosen(tmp_path, {"pylock.paddlewheel.toml": "", "pyproject.toml": PYPROJECT})
    assert (found.kind, found.others) == (LockKind.PYPROJECT, ())


def test_a_uv_lock_needs_its_pyproject(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"uv.lock has no pyproject.toml beside it"):
        chosen(tmp_path, {"uv.lock": ""})


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_locks_are_named_with_the_command_that_exports(tmp_path: Path, name: str) -> None:
    with pytest.raises(ProjectError) as caught:
        chosen(tmp_path, {name: "", "pyproject.toml": "[tool.x]"})
    assert name in caught.value.message
    assert caught.value.hint == FOREIGN[name]


def test_a_named_pylock_alone_must_be_asked_for(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"pylock\.prod\.toml must be asked for by name") as caught:
        chosen(tmp_path, {"pylock.prod.toml": ""})
    assert caught.value.hint == 'set lock = "pylock.prod.toml"'


def test_a_foreign_lock_beside_a_bare_pyproject_is_told(tmp_path: Path) -> None:
    found = chosen(tmp_path, {"poetry.lock": "", "pyproject.toml": PYPROJECT})
    assert found.kind is LockKind.PYPROJECT
    assert "poetry.lock is not read" in found.reason
    assert "poetry export" in found.reason


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("requirments.txt", "rename requirments.txt to requirements.txt, if that is what it is\nadd one of "),
        ("Requirements.txt", "rename Requirements.txt to requirements.txt, if that is what it is\n"),
        ("py-project.toml", "rename py-project.toml to pyproject.toml, if that is what it is\n"),
        ("requirements-dev.txt", 'set lock = "requirements-dev.txt" if requirements-dev.txt states what'),
        ("notes.txt", "add one of "),
    ],
)
def test_a_misspelt_name_is_told(tmp_path: Path, name: str, hint: str) -> None:
    with pytest.raises(ProjectError, match="nothing here states Python dependencies") as caught:
        chosen(tmp_path, {name: "flask"})
    assert (caught.value.hint or "").startswith(hint)


def test_a_folder_is_not_to_be_renamed(tmp_path: Path) -> None:
    with pytest.raises(ProjectError) as caught:
        chosen(tmp_path, {"requirement.txt/a": ""})
    assert "rename" not in (caught.value.hint or "")
