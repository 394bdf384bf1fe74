"""The clean copy that a build back end works in."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from paddlewheel.lock.source_tree import copy_source
from tests.support.archives import write_archive
from tests.support.need import need_program

EPOCH = 1_600_000_000


def write(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def listing(root: Path) -> list[str]:
    """Files and links below `root`, without what makes it a work tree."""
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_symlink() or path.is_file())


@pytest.fixture
def source(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    write(root, "pyproject.toml", "src/shop/__init__.py", "README.md")
    return root


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "copy").mkdir()
    return tmp_path / "copy"


def test_leaves_out_what_is_no_source(source: Path, place: Path) -> None:
    write(source, "build/lib/shop/stale.py", "build/bdist.linux-x86_64/x", "src/shop.egg-info/PKG-INFO")
    write(
        source, "src/shop/__pycache__/x.pyc", "src/shop/y.pyc", ".mypy_cache/z", ".tox/py/x", "env/pyvenv.cfg", "env/a"
    )
    write(
        source, "dist/shop-1.0.tar.gz", "dist/shop-1.0-py3-none-any.whl", "dist/app.js", ".env.example", "docs/build/x"
    )
    assert listing(copy_source(source, place)) == [
        ".env.example",
        "README.md",
        "dist/app.js",
        "docs/build/x",
        "pyproject.toml",
        "src/shop/__init__.py",
    ]


def test_package_named_build_stays(source: Path, place: Path) -> None:
    write(source, "build/__init__.py", "build/lib/x.py")
    assert "build/lib/x.py" in listing(copy_source(source, place))


def test_egg_info_of_a_source_distribution_stays(source: Path, place: Path) -> None:
    write(source, "PKG-INFO", "src/shop.egg-info/SOURCES.txt")
    assert "src/shop.egg-info/SOURCES.txt" in listing(copy_source(source, place))


def test_modes_and_times_are_fixed(source: Path, place: Path) -> None:
    write(source, "run.sh")
    (source / "run.sh").chmod(0o740)
    (source / "README.md").chmod(0o600)
    old = os.umask(0o077)
    try:
        copy = copy_source(source, place, epoch=EPOCH)
    finally:
        os.umask(old)
    assert (copy / "run.sh").stat().st_mode & 0o777 == 0o755
    assert (copy / "README.md").stat().st_mode & 0o777 == 0o644
    assert {path.stat().st_mtime for path in copy.rglob("*")} == {EPOCH}


def test_links(source: Path, place: Path, tmp_path: Path) -> None:
    write(tmp_path, "outside/one.txt", "outside/more/two.txt")
    (source / "inside").symlink_to("README.md")
    (source / "file").symlink_to(tmp_path / "outside/one.txt")
    (source / "folder").symlink_to("../outside")
    (source / "dangling").symlink_to("nowhere")
    (source / "loop").symlink_to("loop")
    (source / "above").symlink_to("..")
    os.mkfifo(source / "pipe")
    copy = copy_source(source, place)
    assert str((copy / "inside").readlink()) == "README.md"
    assert not (copy / "file").is_symlink()
    assert (copy / "file").read_text() == "outside/one.txt"
    assert (copy / "folder/more/two.txt").read_text() == "outside/more/two.txt"
    assert (copy / "dangling").is_symlink()
    assert (copy / "loop").is_symlink()
    assert not (copy / "above").exists()
    assert not (copy / "pipe").exists()


def git(root: Path, *arguments: str) -> str:
    identity = {"GIT_AUTHOR_DATE": "2024-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2024-01-01T00:00:00Z"}
    command = [need_program("git"), "-c", "user.name=T", "-c", "user.email=t@example.org", *arguments]
    done = subprocess.run(command, cwd=root, env={**os.environ, **identity}, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(root: Path) -> None:
    git(root, "init", "--quiet")
    git(root, "add", "--force", ".")
    git(root, "commit", "--quiet", "--message=one")
    git(root, "tag", "v1.5")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_copy_is_a_work_tree(source: Path, place: Path) -> None:
    write(source, "build/lib/tracked.py", "dist/tracked.whl")
    commit(source)
    before = contents(source / ".git")
    copy = copy_source(source, place, epoch=EPOCH)
    assert git(copy, "describe", "--dirty", "--tags", "--long") == git(
        source, "describe", "--dirty", "--tags", "--long"
    )
    assert git(copy, "status", "--porcelain") == ""
    assert git(copy, "ls-files") == git(source, "ls-files")
    assert git(copy, "rev-parse", "--show-toplevel") == str(copy)
    assert contents(source / ".git") == before


def test_links_that_were_followed_are_no_changes(tmp_path: Path, source: Path, place: Path) -> None:
    write(tmp_path, "outside/one.txt")
    (source / "file").symlink_to("../outside/one.txt")
    (source / "folder").symlink_to("../outside")
    commit(source)
    assert git(copy_source(source, place), "describe", "--dirty", "--tags") == "v1.5"


def test_changes_show_in_the_copy(source: Path, place: Path) -> None:
    commit(source)
    write(source, "README.md")
    (source / "README.md").write_text("changed")
    copy = copy_source(source, place)
    assert git(copy, "describe", "--dirty", "--tags").endswith("-dirty")


def test_project_in_a_folder_of_the_repository(tmp_path: Path, source: Path, place: Path) -> None:
    write(tmp_path, "project/services/api/pyproject.toml", "project/services/api/x.py")
    commit(source)
    copy = copy_source(source / "services/api", place)
    assert listing(copy) == ["pyproject.toml", "x.py"]
    assert git(copy, "describe", "--dirty", "--tags") == "v1.5"
    assert git(copy, "ls-files") == "pyproject.toml\nx.py"
    assert git(copy, "rev-parse", "--show-prefix") == "services/api/"


def test_linked_work_tree(tmp_path: Path, source: Path, place: Path) -> None:
    commit(source)
    git(source, "worktree", "add", "--quiet", str(tmp_path / "linked"))
    (tmp_path / "linked/new.py").write_text("x")
    git(tmp_path / "linked", "add", "new.py")
    git(tmp_path / "linked", "commit", "--quiet", "--message=two")
    copy = copy_source(tmp_path / "linked", place)
    assert git(copy, "describe", "--dirty", "--tags").startswith("v1.5-1-g")


def test_untracked_folder_is_no_work_tree(tmp_path: Path, source: Path, place: Path) -> None:
    commit(source)
    write(source, "unpacked/pyproject.toml")
    copy = copy_source(source / "unpacked", place)
    assert copy == place / "source"
    assert not (place / "source" / ".git").exists()


def test_links_in_a_circle_end(source: Path, place: Path, tmp_path: Path) -> None:
    write(tmp_path, "a/one", "b/two")
    (tmp_path / "a/b").symlink_to("../b")
    (tmp_path / "b/a").symlink_to("../a")
    (source / "a").symlink_to("../a")
    (source / "src/self").symlink_to(source)
    found = listing(copy_source(source, place))
    assert found == ["README.md", "a/b/two", "a/one", "pyproject.toml", "src/shop/__init__.py"]


def test_images_of_earlier_builds_are_left_out_save_as_data_of_a_package(source: Path, place: Path) -> None:
    write_archive(source / "out/image.tar", "oci-layout")
    write_archive(source / "src/shop/data/image.tar", "oci-layout")
    write(source, "out/layout/oci-layout", "out/layout/index.json", "out/layout/blobs/sha256/x", "out/other.tar")
    found = listing(copy_source(source, place))
    assert [path for path in found if path.startswith("out")] == ["out/other.tar"]
    assert "src/shop/data/image.tar" in found
