"""What reaches an image by its build back end, by git, by the environment or by links is seen to change."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from paddlewheel.cache import Cache
from paddlewheel.lock.source_tree import copy_source
from paddlewheel.verbs import unchanged
from paddlewheel.verbs.unchanged import record_key, remember, remembered
from tests.support.archives import write_archive
from tests.support.need import need_program
from tests.support.tree import write_tree

RESULT = {"manifest": "sha256:x"}


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_tree(tmp_path / "outside", {"one.txt": "1", "folder/two.txt": "2"})
    root = tmp_path / "project"
    write_tree(
        root,
        {
            "pyproject.toml": "",
            "src/shop/__init__.py": "",
            "src/shop/static/dist/a.js": "1",
            "static/logo.svg": "<svg/>",
        },
    )
    (root / "data").symlink_to("../outside/folder")
    (root / "one.txt").symlink_to("../outside/one.txt")
    return root


def built(cache: Cache, root: Path, files: Sequence[str] | bool | None = False) -> str:
    time.sleep(0.03)  # until a change shows in a file's times
    key = record_key(root, {})
    remember(cache, root, key, RESULT, files=files, extra=(), since=time.time_ns())
    assert remembered(cache, root, key) == RESULT
    return key


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "src/shop/static/dist/a.js").write_text("2"),
        lambda root: write_tree(root, {"dist/app.js": ""}),
        lambda root: write_tree(root, {"src/shop/build/x": ""}),
        lambda root: (root / "../outside/one.txt").write_text("2"),
        lambda root: (root / "../outside/folder/two.txt").write_text("3"),
        lambda root: (root / "../outside/folder/three.txt").write_text(""),
        lambda root: (root / "../outside/one.txt").unlink(),
        lambda root: write_archive(root / "src/shop/image.tar", "oci-layout"),
    ],
)
def test_all_that_a_back_end_sees_counts(root: Path, cache: Cache, change: Callable[[Path], Any]) -> None:
    key = built(cache, root)
    change(root)
    assert remembered(cache, root, key) is None


@pytest.mark.parametrize(
    "files", [{"dist/shop-1.tar.gz": ""}, {"build/lib/x": ""}, {"x.egg-info/PKG-INFO": ""}, {".git/x": ""}]
)
def test_what_is_not_copied_for_a_back_end_does_not_count(
    root: Path, tmp_path: Path, cache: Cache, files: dict[str, str]
) -> None:
    key = built(cache, root)
    write_tree(root, files)
    assert remembered(cache, root, key) == RESULT
    (tmp_path / "copy").mkdir()
    copy = copy_source(root, tmp_path / "copy")
    assert not any((copy / name).exists() for name in files)


@pytest.mark.parametrize("files", [None, False])
def test_an_image_written_into_the_folder_does_not_count(
    tmp_path: Path, cache: Cache, files: Sequence[str] | bool | None
) -> None:
    root = tmp_path / "project"
    write_tree(root, {"pyproject.toml": "", "app.py": ""})
    key = built(cache, root, files)
    write_archive(root / "out/image.tar", "oci-layout")
    write_tree(root, {"layout/oci-layout": "{}", "layout/index.json": "{}", "layout/blobs/sha256/0": ""})
    assert remembered(cache, root, key) == RESULT


def test_patterns_of_earlier_settings_do_no_harm(tmp_path: Path, cache: Cache) -> None:
    root = tmp_path / "project"
    write_tree(root, {"paddlewheel.toml": 'files = ["static", "."]', "static/x": "", "app.py": ""})
    key = built(cache, root, ["static", "."])
    (root / "static/x").unlink()
    assert remembered(cache, root, key) is None, "though the pattern matches nothing now"
    write_tree(root, {"paddlewheel.toml": ""})
    assert remembered(cache, root, key) is None


def test_a_project_that_cannot_be_read_any_more_leaves_no_record(tmp_path: Path, cache: Cache) -> None:
    root = tmp_path / "project"
    write_tree(root, {"app.py": ""})
    key = record_key(root, {})
    time.sleep(0.03)
    remember(cache, root, key, RESULT, files=["static"], extra=(), since=time.time_ns())
    assert cache.record(unchanged.KIND, key) is None


@pytest.mark.parametrize("files", [None, False])
@pytest.mark.parametrize("name", ["x.toml", "x.txt", "x.cfg"])
def test_a_link_to_nothing_does_no_harm(
    tmp_path: Path, cache: Cache, name: str, files: Sequence[str] | bool | None
) -> None:
    root = tmp_path / "project"
    write_tree(root, {"app.py": "", "pyproject.toml": ""})
    (root / name).symlink_to("nowhere")
    key = built(cache, root, files)
    (root / name).unlink()
    (root / name).symlink_to("elsewhere")
    assert remembered(cache, root, key) is None


def test_where_a_link_leads_counts(tmp_path: Path, cache: Cache) -> None:
    root = tmp_path / "project"
    write_tree(root, {"a/x": "", "app.py": ""})
    (root / "link").symlink_to("a/x")
    key = built(cache, root, None)
    (root / "link").unlink()
    (root / "link").symlink_to("./a/x")
    assert remembered(cache, root, key) is None


@pytest.mark.parametrize(
    "name",
    [
        "SETUPTOOLS_SCM_PRETEND_VERSION",
        "SETUPTOOLS_SCM_PRETEND_VERSION_FOR_SHOP",
        "PBR_VERSION",
        "POETRY_DYNAMIC_VERSIONING_BYPASS",
        "UV_INDEX_URL",
        "UV_EXCLUDE_NEWER",
        "UV_RESOLUTION",
        "PIP_INDEX_URL",
        "CFLAGS",
        "HATCH_BUILD_HOOKS_ENABLE",
        "PADDLEWHEEL_MIRROR",
        "GIT_DIR",
    ],
)
def test_what_the_environment_tells_a_build_is_in_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delenv(name, raising=False)
    keys = {record_key(tmp_path, {})}
    for value in ("https://user:secret@example.org/simple", "7.7"):
        monkeypatch.setenv(name, value)
        keys.add(record_key(tmp_path, {}))
    assert len(keys) == 3


def test_nothing_of_the_environment_is_kept_in_clear(
    root: Path, tmp_path: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_INDEX_URL", "https://user:secret@example.org/simple")
    built(cache, root)
    records = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert records
    assert not any(b"secret" in path.read_bytes() for path in records)


@pytest.mark.parametrize(
    "name", ["UV_CACHE_DIR", "UV_INDEX_MINE_PASSWORD", "UV_HTTP_TIMEOUT", "PADDLEWHEEL_DEBUG", "PWD"]
)
def test_what_does_not_change_an_image_is_not_in_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    key = record_key(tmp_path, {})
    monkeypatch.setenv(name, "7.7")
    assert record_key(tmp_path, {}) == key


def test_the_machine_is_in_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = record_key(tmp_path, {})
    here = os.uname()
    monkeypatch.setattr(os, "uname", lambda: os.uname_result((*here[:4], "riscv64")))
    assert record_key(tmp_path, {}) != key


def git(folder: Path, *arguments: str) -> None:
    command = [need_program("git"), "-c", "user.name=T", "-c", "user.email=t@example.org", *arguments]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


GIT = [
    ("tag", "v2"),
    ("tag", "release/2024/v2"),
    ("commit", "--quiet", "--allow-empty", "--message=two"),
    ("switch", "--quiet", "--create", "a/b"),
    ("update-ref", "refs/heads/feature/x/y", "HEAD~1"),
    ("pack-refs", "--all"),
]


@pytest.mark.parametrize("arguments", GIT)
@pytest.mark.parametrize("linked", [False, True])
def test_what_git_knows_counts(
    root: Path, tmp_path: Path, cache: Cache, linked: bool, arguments: tuple[str, ...]
) -> None:
    git(root, "init", "--quiet")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message=zero")
    git(root, "switch", "--quiet", "--create", "feature/x/y")
    git(root, "commit", "--quiet", "--allow-empty", "--message=one")
    git(root, "tag", "release/2024/v1")
    place = root
    if linked:
        place = tmp_path / "linked"
        git(root, "worktree", "add", "--quiet", "-b", "team/z", str(place))
    key = built(cache, place)
    git(place, *arguments)
    assert remembered(cache, place, key) is None


def test_too_many_folders_of_references_leave_no_record(
    root: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(root, "init", "--quiet")
    key = built(cache, root)
    monkeypatch.setattr(unchanged, "_MOST_FOLDERS", 1)
    assert remembered(cache, root, key) is None
