"""pylock.paddlewheel.toml: made, kept, made again, upgraded, refused."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from packaging.pylock import Pylock, is_valid_pylock_path

from paddlewheel.errors import (
    LockFormatError,
    LockOutdatedError,
    NetworkError,
    NoMatchingWheelError,
    OfflineError,
    ResolutionError,
    StorageError,
)
from paddlewheel.lock import kept
from tests.lock.conftest import Starts, Workshop, versions
from tests.support.index import PackageIndex
from tests.support.server import Request, Response
from tests.support.wheels import make_sdist, make_wheel, sha256


class CachedIndex(PackageIndex):
    """An index whose pages may be kept for ten minutes, as the usual ones say."""

    def respond(self, request: Request) -> Response:
        found = super().respond(request)
        return replace(found, headers={**found.headers, "Cache-Control": "max-age=600"})


PYPROJECT = """\
[project]
name = "shop"
version = "1.0"
requires-python = ">=3.11"
dependencies = ["shop-api", "wintool; sys_platform == 'win32'"]
"""


def test_missing_is_made_and_said(shop: Workshop, index: PackageIndex) -> None:
    shop.write({"pyproject.toml": PYPROJECT})
    lock = shop.lock()
    assert versions(lock) == {"lib": "1.1", "shop-api": "1.1", "wintool": "1.0"}
    assert lock.requested == {"shop-api", "wintool"}
    assert lock.path == shop.kept
    assert lock.vouched
    assert shop.names() == ["pylock.paddlewheel.toml", "pyproject.toml"]
    assert len(shop.reporter.notes) == 1
    assert "made from pyproject.toml with uv " in shop.reporter.notes[0]
    assert "for all platforms; commit it" in shop.reporter.notes[0]
    assert "3 packages" in shop.reporter.notes[0]


def test_file_is_a_named_lock_of_the_standard(shop: Workshop, index: PackageIndex) -> None:
    shop.write({"pyproject.toml": PYPROJECT})
    lock = shop.lock()
    assert is_valid_pylock_path(shop.kept)
    table = tomllib.loads(shop.kept.read_text())
    assert Pylock.from_dict(table) == lock.pylock
    assert table["created-by"] == "paddlewheel"
    own = table["tool"]["paddlewheel"]
    assert own["format"] == 1
    assert own["inputs"].startswith("sha256:")
    assert lock.locker == f"uv {own['uv']}"
    by_name = {package["name"]: package for package in table["packages"]}
    assert 'sys_platform == "win32"' in by_name["wintool"]["marker"]
    wheel = by_name["lib"]["wheels"][0]
    assert wheel["size"] == (index.folder / "lib-1.1-py3-none-any.whl").stat().st_size
    assert wheel["upload-time"].isoformat() == "2024-05-17T12:00:00+00:00"


def test_second_time_does_not_start_uv_and_does_not_write(shop: Workshop, index: PackageIndex, starts: Starts) -> None:
    shop.write({"pyproject.toml": PYPROJECT})
    first = shop.lock()
    assert starts.count() >= 1
    before, about = starts.count(), shop.kept.stat()
    second = shop.lock()
    assert starts.count() == before
    assert shop.kept.stat().st_mtime_ns == about.st_mtime_ns
    assert (second.pylock, second.requested) == (first.pylock, first.requested)
    assert second.notes == ()


@pytest.mark.parametrize(
    "edit",
    [
        ('version = "1.0"', 'version = "1.1"'),
        ('name = "shop"', 'name = "shop"\ndescription = "sells things"'),
        ("[project]", "# a comment\n[tool.ruff]\nline-length = 100\n\n[project]"),
    ],
)
def test_edit_elsewhere_changes_nothing(
    shop: Workshop, index: PackageIndex, starts: Starts, edit: tuple[str, str]
) -> None:
    shop.write({"pyproject.toml": PYPROJECT})
    shop.lock()
    before, text = starts.count(), shop.kept.read_text()
    shop.write({"pyproject.toml": PYPROJECT.replace(*edit)})
    shop.lock(locked=True)
    assert starts.count() == before
    assert shop.kept.read_text() == text


def test_changed_declaration_keeps_versions_that_fit(shop: Workshop, index: PackageIndex) -> None:
    shop.write({"pyproject.toml": PYPROJECT})
    shop.lock()
    for name in ("lib", "shop-api", "wintool"):
        make_wheel(index.folder, name, "1.2")
    make_wheel(index.folder, "extra", "3.0")
    shop.write({"pyproject.toml": PYPROJECT.replace('"shop-api"', '"shop-api", "extra", "lib>=1.2"')})
    lock = shop.lock()
    assert versions(lock) == {"extra": "3.0", "lib": "1.2", "shop-api": "1.1", "wintool": "1.0"}
    note = shop.reporter.notes[-1]
    assert "does not fit pyproject.toml any more" in note
    assert "+ extra 3.0" in note
    assert "lib 1.1 -> 1.2" in note
    assert "shop-api" not in note


def test_removed_requirement_leaves_the_lock(shop: Workshop, index: PackageIndex) -> None:
    shop.write({"requirements.txt": "shop-api\nwintool\n"})
    shop.lock()
    shop.write({"requirements.txt": "wintool\n"})
    assert versions(shop.lock()) == {"wintool": "1.0"}
    assert "- lib 1.1" in shop.reporter.notes[-1]


def test_upgrade_takes_the_newest(shop: Workshop, index: PackageIndex) -> None:
    shop.write({"requirements.txt": "shop-api\n"})
    shop.lock()
    make_wheel(index.folder, "lib", "2.0")
    assert versions(shop.lock())["lib"] == "1.1"
    assert versions(shop.lock(upgrade=True)) == {"lib": "2.0", "shop-api": "1.1"}
    assert "lib 1.1 -> 2.0" in shop.reporter.notes[-1]


def test_upgrade_that_finds_the_same_does_not_write(shop: Workshop, index: PackageIndex) -> None:
    shop.write({"requirements.txt": "shop-api\n"})
    shop.lock()
    before = shop.kept.stat()
    shop.lock(upgrade=True)
    assert shop.kept.stat().st_ino == before.st_ino
    assert "the same versions" in shop.reporter.notes[-1]


def test_equal_inputs_give_equal_bytes(shop: Workshop, index: PackageIndex) -> None:
    shop.write({"requirements.txt": "shop-api\nnative\n"})
    shop.lock()
    first = shop.kept.read_bytes()
    shop.kept.unlink()
    shop.lock()
    assert shop.kept.read_bytes() == first
    # Made again from itself, the text is the same as well: a lock does not drift by being read and written.
    shop.write({"requirements.txt": "native\nshop-api\n"})
    shop.lock()
    lines = [line for line in shop.kept.read_text().splitlines() if not line.startswith("inputs")]
    assert lines == [line for line in first.decode().splitlines() if not line.startswith("inputs")]


def test_locked_refuses_to_make(shop: Workshop, index: PackageIndex, starts: Starts) -> None:
    shop.write({"requirements.txt": "shop-api\n"})
    with pytest.raises(LockOutdatedError, match=r"pylock.paddlewheel.toml is missing") as caught:
        shop.lock(locked=True)
    assert caught.value.hint is not None
    assert "paddlewheel lock" in caught.value.hint
    assert shop.names() == ["requirements.txt"]
    assert starts.count() == 0


def test_locked_refuses_to_change(shop: Workshop, index: PackageIndex, starts: Starts) -> None:
    shop.write({"requirements.txt": "shop-api\n"})
    shop.lock()
    before, text = starts.count(), shop.kept.read_text()
    shop.write({"requirements.txt": "shop-api\nwintool\n"})
    with pytest.raises(LockOutdatedError, match=r"does not fit requirements.txt any more"):
        shop.lock(locked=True)
    assert shop.kept.read_text() == text
    assert starts.count() == before


def test_other_python_makes_it_again(shop: Workshop, index: PackageIndex) -> None:
    shop.write({"requirements.txt": "shop-api\n"})
    shop.lock(python=(3, 13))
    assert 'requires-python = ">=3.13"' in shop.kept.read_text()
    shop.lock(python=(3, 14))
    assert 'requires-python = ">=3.13"' in shop.kept.read_text()
    shop.lock(python=(3, 11))
    assert 'requires-python = ">=3.11"' in shop.kept.read_text()
    assert "is for Python >=3.13, not 3.11" in shop.reporter.notes[-1]


def test_includes_and_constraints(shop: Workshop, index: PackageIndex) -> None:
    shop.write(
        {
            "requirements.txt": "-r requirements/web.txt\n-c limits.txt\n",
            "requirements/web.txt": "shop-api\n",
            "limits.txt": "lib<1.1\n",
        }
    )
    assert versions(shop.lock()) == {"lib": "1.0", "shop-api": "1.1"}
    shop.write({"limits.txt": "lib<2\nshop-api<1.1\n"})
    assert versions(shop.lock()) == {"lib": "1.0", "shop-api": "1.0"}


def test_extras_and_pins_without_hashes(shop: Workshop, index: PackageIndex) -> None:
    make_wheel(index.folder, "web", "1.0", extras=["fast"], requires=["lib; extra == 'fast'"])
    shop.write({"requirements.txt": "web[fast]==1.0\n"})
    lock = shop.lock()
    assert versions(lock) == {"lib": "1.1", "web": "1.0"}
    assert lock.requested == {"web"}


def test_no_dependencies(shop: Workshop, index: PackageIndex) -> None:
    shop.write({"pyproject.toml": '[project]\nname = "shop"\nversion = "1"\ndependencies = []\n'})
    assert versions(shop.lock()) == {}
    assert versions(shop.lock(locked=True)) == {}


def test_dynamic_dependencies_are_asked_for_in_a_copy(shop: Workshop, index: PackageIndex) -> None:
    backend = """
        import pathlib
        def get_requires_for_build_wheel(config_settings=None): return []
        def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
            pathlib.Path("written-by-the-back-end").write_text("x")
            folder = pathlib.Path(metadata_directory, "shop-1.dist-info")
            folder.mkdir()
            text = "Metadata-Version: 2.2\\nName: shop\\nVersion: 1\\nRequires-Dist: shop-api\\n"
            folder.joinpath("METADATA").write_text(text)
            folder.joinpath("WHEEL").write_text("Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
            return folder.name
        def build_wheel(*args): raise SystemExit("not asked for")
    """
    shop.write(
        {
            "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "inside"\nbackend-path = ["."]\n'
            '[project]\nname = "shop"\nversion = "1"\ndynamic = ["dependencies"]\n',
            "inside.py": "\n".join(line[8:] for line in backend.splitlines()),
        }
    )
    assert versions(shop.lock()) == {"lib": "1.1", "shop-api": "1.1"}
    assert shop.names() == ["inside.py", "pylock.paddlewheel.toml", "pyproject.toml"]


def test_local_wheel_is_found_from_the_project(shop: Workshop, index: PackageIndex) -> None:
    make_wheel(shop.root / "wheels", "private", "2.0")
    shop.write({"requirements.txt": "./wheels/private-2.0-py3-none-any.whl\n"})
    lock = shop.lock()
    (package,) = lock.pylock.packages
    assert package.archive is not None
    assert package.archive.path == "wheels/private-2.0-py3-none-any.whl"


def test_credentials_never_reach_the_lock(
    shop: Workshop, tmp_path: Path, index: PackageIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    with PackageIndex(index.folder, password=("someone", "hunter2")) as private:
        monkeypatch.setenv("UV_DEFAULT_INDEX", private.simple.replace("://", "://someone:hunter2@"))
        shop.write({"requirements.txt": "shop-api\n"})
        assert versions(shop.lock())["shop-api"] == "1.1"
    assert "hunter2" not in shop.kept.read_text()
    assert all("hunter2" not in path.read_text() for path in (tmp_path / "cache").rglob("*") if path.is_file())


def test_credentials_never_reach_a_message(
    shop: Workshop, index: PackageIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", index.simple.replace("://", "://someone:hunter2@"))
    shop.write(
        {"requirements.txt": f"absent @ {index.url.replace('://', '://someone:hunter2@')}/absent-1-py3-none-any.whl"}
    )
    with pytest.raises((ResolutionError, NetworkError)) as caught:
        shop.lock()
    assert "hunter2" not in f"{caught.value.message} {caught.value.hint}"
    assert "absent" in caught.value.message


def test_conflict_tells_what_uv_says(shop: Workshop, index: PackageIndex) -> None:
    shop.write({"requirements.txt": "shop-api\nlib<1\n"})
    with pytest.raises(ResolutionError, match=r"(?s)uv could not resolve requirements.txt.*lib>=1") as caught:
        shop.lock()
    assert caught.value.hint
    assert "\x1b[" not in caught.value.message
    assert shop.names() == ["requirements.txt"]


def test_offline_without_a_cache(shop: Workshop, index: PackageIndex) -> None:
    shop.write({"requirements.txt": "shop-api\n"})
    with pytest.raises(OfflineError) as caught:
        shop.lock(offline=True)
    assert "--offline" in (caught.value.hint or "")


def test_offline_with_a_lock(shop: Workshop, index: PackageIndex) -> None:
    shop.write({"requirements.txt": "shop-api\n"})
    shop.lock()
    assert versions(shop.lock(offline=True)) == {"lib": "1.1", "shop-api": "1.1"}


def test_no_answer_is_a_network_error(shop: Workshop, index: PackageIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:1/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    shop.write({"requirements.txt": "shop-api\n"})
    with pytest.raises(NetworkError) as caught:
        shop.lock()
    assert caught.value.exit_status == 30


def test_project_for_another_python(shop: Workshop, index: PackageIndex, starts: Starts) -> None:
    shop.write({"pyproject.toml": PYPROJECT.replace(">=3.11", ">=3.13")})
    with pytest.raises(NoMatchingWheelError, match=r"for Python >=3.13; the image has Python 3.11"):
        shop.lock()
    assert starts.count() == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<<<<<<< ours\n", r"pylock.paddlewheel.toml:1:1: no valid TOML"),
        ('lock-version = "1.0"\n', r"pylock.paddlewheel.toml: created-by: missing"),
        ('lock-version = "2.0"\n', r"lock-version 2.0 is not supported"),
        (
            'lock-version = "1.0"\ncreated-by = "paddlewheel"\npackages = []\n[tool.paddlewheel]\nformat = 7\n',
            r"tool.paddlewheel.format is 7",
        ),
    ],
)
def test_broken_lock(shop: Workshop, index: PackageIndex, text: str, message: str) -> None:
    shop.write({"requirements.txt": "shop-api\n", "pylock.paddlewheel.toml": text})
    with pytest.raises(LockFormatError, match=message) as caught:
        shop.lock()
    assert "delete pylock.paddlewheel.toml" in (caught.value.hint or "")
    assert shop.kept.read_text() == text


def test_lock_of_another_tool_under_that_name_is_made_again(shop: Workshop, index: PackageIndex) -> None:
    text = 'lock-version = "1.0"\ncreated-by = "other"\npackages = []\n'
    shop.write({"requirements.txt": "shop-api\n", "pylock.paddlewheel.toml": text})
    assert versions(shop.lock()) == {"lib": "1.1", "shop-api": "1.1"}


def test_index_without_hashes(shop: Workshop, index: PackageIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    """uv downloads the files and hashes them."""
    with PackageIndex(index.folder, hashes=False) as bare:
        monkeypatch.setenv("UV_DEFAULT_INDEX", bare.simple)
        shop.write({"requirements.txt": "wintool\n"})
        (package,) = shop.lock().pylock.packages
    assert package.wheels is not None
    assert package.wheels[0].hashes == {"sha256": sha256(index.folder / "wintool-1.0-py3-none-any.whl")}


def test_source_only_package_is_locked(shop: Workshop, index: PackageIndex) -> None:
    make_sdist(index.folder, "raw", "1.0")
    shop.write({"requirements.txt": "raw\n"})
    assert versions(shop.lock()) == {"raw": "1.0"}


def test_folder_that_cannot_be_written(shop: Workshop, index: PackageIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **keywords: object) -> None:
        raise PermissionError(13, "Permission denied", str(shop.kept))

    monkeypatch.setattr(kept, "write_atomically", refuse)
    shop.write({"requirements.txt": "shop-api\n"})
    with pytest.raises(StorageError, match=r"pylock.paddlewheel.toml cannot be written: Permission denied"):
        shop.lock()


def test_index_page_in_uvs_cache_is_asked_for_again(
    shop: Workshop, index: PackageIndex, starts: Starts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A version that is newer than uv's copy of the page is found before "no solution" is said."""
    with CachedIndex(index.folder) as slow:
        monkeypatch.setenv("UV_DEFAULT_INDEX", slow.simple)
        shop.write({"requirements.txt": "lib\n"})
        shop.lock()
        make_wheel(index.folder, "lib", "5.0")
        before = starts.count()
        shop.write({"requirements.txt": "lib>=5\n"})
        assert versions(shop.lock()) == {"lib": "5.0"}
    assert starts.count() == before + 2
