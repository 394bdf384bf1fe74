"""What counts as "nothing changed" since the last build."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from paddlewheel.cache import Cache
from paddlewheel.verbs.unchanged import record_key, remember, remembered
from tests.support.tree import write_tree

RESULT = {"manifest": "sha256:x"}


def project(folder: Path) -> Path:
    root = folder / "project"
    write_tree(
        root,
        {
            "pyproject.toml": "[project]\nname = 'x'\n",
            "requirements.txt": "flask\n",
            "app.py": "x = 1\n",
            "static/logo.svg": "<svg/>",
            ".dockerignore": "notes.md\n",
            "notes.md": "hello",
        },
    )
    return root


def settle() -> None:
    """Wait until a change would show in a file's times."""
    time.sleep(0.03)


def built(cache: Cache, root: Path, files: Sequence[str] | bool | None = None, extra: Sequence[str] = ()) -> str:
    settle()
    key = record_key(root, {})
    remember(cache, root, key, RESULT, files=files, extra=extra, since=time.time_ns())
    return key


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.mark.parametrize("files", [None, False, ["app.py", "static"]])
def test_nothing_changed(tmp_path: Path, cache: Cache, files: Sequence[str] | bool | None) -> None:
    root = project(tmp_path)
    assert remembered(cache, root, built(cache, root, files)) == RESULT


def rewrite(path: Path) -> None:
    """The same size and modification time, other bytes: only the change time tells."""
    found = path.stat()
    path.write_bytes(path.read_bytes()[::-1])
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


@pytest.mark.parametrize("files", [None, False])
@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "app.py").write_text("x = 2\n"),
        lambda root: rewrite(root / "app.py"),
        lambda root: (root / "app.py").chmod(0o755),
        lambda root: (root / "app.py").unlink(),
        lambda root: (root / "new.py").write_text("y = 1\n"),
        lambda root: (root / "static/more.css").write_text("a{}"),
        lambda root: (root / "requirements.txt").write_text("flask\nclick\n"),
        lambda root: (root / "pylock.toml").write_text(""),
        lambda root: (root / "uv.lock").write_text(""),
        lambda root: (root / "paddlewheel.toml").write_text(""),
        lambda root: (root / "paddlewheel.lock").write_text(""),
        lambda root: (root / ".python-version").write_text("3.13\n"),
        lambda root: (root / ".dockerignore").write_text(""),
        lambda root: (root / "Procfile").write_text("web: x\n"),
        lambda root: (root / "app.py").rename(root / "other.py"),
    ],
)
def test_a_change_is_seen(
    tmp_path: Path, cache: Cache, change: Callable[[Path], Any], files: Sequence[str] | bool | None
) -> None:
    root = project(tmp_path)
    key = built(cache, root, files)
    change(root)
    assert remembered(cache, root, key) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "notes.md").write_text("something else"),
        lambda root: write_tree(
            root, {".git/HEAD": "ref: refs/heads/other", ".venv/pyvenv.cfg": "", "dist/x.tar": "x"}
        ),
        lambda root: write_tree(root, {"__pycache__/app.cpython-311.pyc": "x", ".mypy_cache/x": "x"}),
    ],
)
def test_what_is_not_in_the_image_does_not_count(tmp_path: Path, cache: Cache, change: Callable[[Path], Any]) -> None:
    root = project(tmp_path)
    key = built(cache, root)
    change(root)
    assert remembered(cache, root, key) == RESULT


def test_a_file_outside_the_folder_counts_when_it_was_read(tmp_path: Path, cache: Cache) -> None:
    root = project(tmp_path)
    common = tmp_path / "common.txt"
    common.write_text("click\n")
    key = built(cache, root, extra=[str(common)])
    assert remembered(cache, root, key) == RESULT
    common.write_text("click<9\n")
    assert remembered(cache, root, key) is None


def test_the_commit_counts_for_a_package(tmp_path: Path, cache: Cache) -> None:
    root = project(tmp_path)
    write_tree(root, {".git/HEAD": "ref: refs/heads/main", ".git/refs/tags/v1": "1"})
    key = built(cache, root, files=False)
    assert remembered(cache, root, key) == RESULT
    write_tree(root, {".git/refs/tags/v2": "2"})
    assert remembered(cache, root, key) is None


def test_a_file_written_a_moment_ago_leaves_no_record(tmp_path: Path, cache: Cache) -> None:
    root = project(tmp_path)
    settle()
    (root / "app.py").write_text("x = 3\n")
    key = record_key(root, {})
    remember(cache, root, key, RESULT, files=None, extra=(), since=time.time_ns())
    assert remembered(cache, root, key) is None


@pytest.mark.parametrize(("name", "kept"), [("app.py", False), ("requirements.txt", False), ("paddlewheel.lock", True)])
def test_a_file_written_during_the_build_leaves_no_record(tmp_path: Path, cache: Cache, name: str, kept: bool) -> None:
    """The build may have read it before. What it writes itself does no harm."""
    root = project(tmp_path)
    settle()
    began = time.time_ns()
    settle()
    (root / name).write_text("x = 3\n")
    settle()
    key = record_key(root, {})
    remember(cache, root, key, RESULT, files=None, extra=(), since=began)
    assert (remembered(cache, root, key) == RESULT) == kept


def test_options_folder_and_epoch_are_part_of_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    keys = {record_key(tmp_path, {}), record_key(tmp_path / "x", {}), record_key(tmp_path, {"base": "distroless"})}
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    keys.add(record_key(tmp_path, {}))
    assert len(keys) == 4
