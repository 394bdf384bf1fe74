"""uv.lock: exported, checked, never written."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import uv

from paddlewheel.errors import LockFormatError, LockOutdatedError
from tests.lock.conftest import Starts, Workshop, versions
from tests.support.index import PackageIndex
from tests.support.wheels import make_wheel, sha256

PYPROJECT = """\
[project]
name = "shop"
version = "1.0"
requires-python = ">=3.11"
dependencies = ["shop-api"]

[project.optional-dependencies]
windows = ["wintool"]

[dependency-groups]
dev = ["native"]
"""


def make_lock(root: Path) -> None:
    subprocess.run([uv.find_uv_bin(), "lock", "--quiet"], cwd=root, check=True)


@pytest.fixture
def locked_shop(shop: Workshop, index: PackageIndex) -> Workshop:
    shop.write({"pyproject.toml": PYPROJECT})
    make_lock(shop.root)
    return shop


def test_production_dependencies_alone(locked_shop: Workshop, index: PackageIndex) -> None:
    make_wheel(index.folder, "lib", "3.0")
    before = (locked_shop.root / "uv.lock").read_bytes()
    lock = locked_shop.lock(locked=True)
    assert versions(lock) == {"lib": "1.1", "shop-api": "1.1"}
    assert lock.requested == {"shop-api"}
    assert lock.path == locked_shop.root / "uv.lock"
    assert lock.locker.startswith("uv ")
    assert (locked_shop.root / "uv.lock").read_bytes() == before
    assert locked_shop.names() == ["pyproject.toml", "uv.lock"]
    assert locked_shop.reporter.warnings == []
    wheels = {wheel.filename: wheel for package in lock.pylock.packages for wheel in package.wheels or ()}
    wheel = wheels["lib-1.1-py3-none-any.whl"]
    assert wheel.hashes["sha256"] == sha256(index.folder / "lib-1.1-py3-none-any.whl")
    assert wheel.size == (index.folder / "lib-1.1-py3-none-any.whl").stat().st_size
    assert wheel.upload_time is not None


def test_second_time_does_not_start_uv(locked_shop: Workshop, starts: Starts) -> None:
    first = locked_shop.lock()
    before = starts.count()
    assert before >= 2
    second = locked_shop.lock(locked=True)
    assert starts.count() == before
    assert second == first


def test_edit_elsewhere_does_not_start_uv(locked_shop: Workshop, starts: Starts) -> None:
    locked_shop.lock()
    before = starts.count()
    locked_shop.write({"pyproject.toml": PYPROJECT + "\n[tool.ruff]\nline-length = 100\n"})
    locked_shop.lock(locked=True)
    assert starts.count() == before


def test_new_lock_is_exported_again(locked_shop: Workshop, index: PackageIndex) -> None:
    locked_shop.lock()
    make_wheel(index.folder, "lib", "3.0")
    subprocess.run([uv.find_uv_bin(), "lock", "--quiet", "--upgrade"], cwd=locked_shop.root, check=True)
    assert versions(locked_shop.lock(locked=True))["lib"] == "3.0"


def test_stale_lock_warns_and_is_used(locked_shop: Workshop) -> None:
    locked_shop.write({"pyproject.toml": PYPROJECT.replace('"shop-api"', '"shop-api", "wintool"')})
    before = (locked_shop.root / "uv.lock").read_bytes()
    for _ in range(2):
        locked_shop.reporter.warnings.clear()
        assert versions(locked_shop.lock()) == {"lib": "1.1", "shop-api": "1.1"}
        (warning,) = locked_shop.reporter.warnings
        assert "uv.lock does not fit pyproject.toml any more" in warning
        assert "uv lock" in warning
    assert (locked_shop.root / "uv.lock").read_bytes() == before


def test_stale_lock_is_refused_when_locked(locked_shop: Workshop) -> None:
    locked_shop.write({"pyproject.toml": PYPROJECT.replace('"shop-api"', '"shop-api<1.1"')})
    with pytest.raises(LockOutdatedError, match=r"uv.lock does not fit pyproject.toml any more") as caught:
        locked_shop.lock(locked=True)
    assert "uv lock" in (caught.value.hint or "")


def test_lock_updated_after_a_warning_is_fresh(locked_shop: Workshop) -> None:
    locked_shop.write({"pyproject.toml": PYPROJECT.replace('"shop-api"', '"shop-api", "wintool"')})
    locked_shop.lock()
    make_lock(locked_shop.root)
    assert versions(locked_shop.lock(locked=True)) == {"lib": "1.1", "shop-api": "1.1", "wintool": "1.0"}


def test_offline_needs_no_index(locked_shop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "another-uv-cache"))
    assert versions(locked_shop.lock(offline=True, locked=True)) == {"lib": "1.1", "shop-api": "1.1"}


def test_mirror_of_this_machine_does_not_make_a_lock_stale(
    locked_shop: Workshop, index: PackageIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared = f'\n[[tool.uv.index]]\nurl = "{index.simple}"\ndefault = true\n'
    locked_shop.write({"pyproject.toml": PYPROJECT + declared})
    monkeypatch.delenv("UV_NO_CONFIG")
    monkeypatch.delenv("UV_DEFAULT_INDEX")
    make_lock(locked_shop.root)
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:1/mirror/simple")
    assert versions(locked_shop.lock(locked=True)) == {"lib": "1.1", "shop-api": "1.1"}


@pytest.mark.parametrize("change", ["", '"shop-api<1.1"', '"shop-api", "wintool"'])
def test_project_for_a_newer_python_than_runs_paddlewheel(locked_shop: Workshop, change: str) -> None:
    """uv cannot check such a lock without an interpreter; what is declared is compared instead."""
    for name in ("pyproject.toml", "uv.lock"):
        path = locked_shop.root / name
        path.write_text(path.read_text().replace(">=3.11", ">=3.99"))
    if not change:
        assert versions(locked_shop.lock(python=(3, 99), locked=True)) == {"lib": "1.1", "shop-api": "1.1"}
        return
    path = locked_shop.root / "pyproject.toml"
    path.write_text(path.read_text().replace('"shop-api"', change))
    with pytest.raises(LockOutdatedError, match=r"changed: (shop-api|wintool)"):
        locked_shop.lock(python=(3, 99), locked=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version = 1\nversion = 2\n", r"uv.lock:2:\d+: no valid TOML"),
        ("\xff", r"uv.lock"),
        ("version = 99\n", r"uv.lock cannot be exported by uv [^\n]*:\n(?s:.*)99"),
        ("version = 1\n[[package]]\n", r"(?s)uv.lock cannot be exported by uv.*name"),
    ],
)
def test_broken_lock(locked_shop: Workshop, text: str, message: str) -> None:
    (locked_shop.root / "uv.lock").write_bytes(text.encode("latin-1"))
    with pytest.raises(LockFormatError, match=message) as caught:
        locked_shop.lock()
    assert caught.value.hint


def test_upgrade_leaves_the_users_lock_alone(locked_shop: Workshop, index: PackageIndex) -> None:
    make_wheel(index.folder, "lib", "3.0")
    assert versions(locked_shop.lock(upgrade=True))["lib"] == "1.1"
    assert "uv.lock is the project's own and is not upgraded" in locked_shop.reporter.warnings[0]


def test_damaged_record_counts_as_absent(locked_shop: Workshop, tmp_path: Path) -> None:
    first = locked_shop.lock()
    records = [path for path in (tmp_path / "cache" / "records").rglob("*") if path.is_file()]
    assert records
    for path in records:
        path.write_text('{"packages": [{"wheels": 3}]}')
    assert locked_shop.lock() == first
