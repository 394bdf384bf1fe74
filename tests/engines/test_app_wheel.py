"""The project's own wheel: built in a copy, the same every time, and what is said when it fails."""

from __future__ import annotations

import os
import subprocess
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from paddlewheel.cache import Cache
from paddlewheel.engines.embedded.app_wheel import build_wheel
from paddlewheel.errors import BuildBackendError, NativeCodeError, NetworkError, StorageError
from paddlewheel.lock.build_requires import build_requires, constraint_lines
from paddlewheel.net import Client
from paddlewheel.progress import Silent
from paddlewheel.project.reader import read
from tests.support.index import PackageIndex
from tests.support.need import need_program
from tests.support.wheels import make_wheel, sha256

EPOCH = 1_700_000_000

BACKEND = """
import os, pathlib, sys, time, zipfile

def get_requires_for_build_wheel(config_settings=None):
    return {asks!r}

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    here = pathlib.Path.cwd()
    {before}
    name = "shop-1.0-{tag}.whl"
    files = sorted(path for path in here.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    moment = time.gmtime(int(os.environ["SOURCE_DATE_EPOCH"]))[:6]
    with zipfile.ZipFile(pathlib.Path(wheel_directory, name), "w") as archive:
        for path in files:
            info = zipfile.ZipInfo("shop/" + path.relative_to(here).as_posix(), moment)
            info.external_attr = path.stat().st_mode << 16
            archive.writestr(info, path.read_bytes())
        told = [os.environ[key] for key in ("SOURCE_DATE_EPOCH", "LC_ALL", "TZ", "PYTHONHASHSEED")]
        told += [oct(os.umask(0o22)), os.environ.get("SETUPTOOLS_SCM_PRETEND_VERSION", "-"), str(list(set("abcdef")))]
        archive.writestr(zipfile.ZipInfo("shop/told.txt"), "\\n".join(told))
        metadata = "Metadata-Version: 2.1\\nName: shop\\nVersion: 1.0\\n"
        archive.writestr(zipfile.ZipInfo("shop-1.0.dist-info/METADATA"), metadata)
        archive.writestr(zipfile.ZipInfo("shop-1.0.dist-info/WHEEL"), "Wheel-Version: 1.0\\nTag: {tag}\\n")
        archive.writestr(zipfile.ZipInfo("shop-1.0.dist-info/RECORD"), "")
    pathlib.Path("build").mkdir(exist_ok=True)
    pathlib.Path("build/left-behind").write_text("x")
    return name
"""


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PackageIndex]:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    monkeypatch.delenv("SETUPTOOLS_SCM_PRETEND_VERSION", raising=False)
    with PackageIndex(tmp_path / "index") as server:
        make_wheel(server.folder, "helper", "1.0")
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server


def project(
    root: Path,
    *,
    requires: list[str] | None = None,
    asks: list[str] | None = None,
    tag: str = "py3-none-any",
    before: str = "pass",
) -> Path:
    root.mkdir(parents=True)
    (root / "backend").mkdir()
    (root / "backend/inside.py").write_text(BACKEND.format(asks=asks or [], tag=tag, before=before))
    (root / "pyproject.toml").write_text(
        f'[build-system]\nrequires = {requires or []!r}\nbuild-backend = "inside"\nbackend-path = ["backend"]\n'
        '[project]\nname = "shop"\nversion = "1.0"\n'
    )
    (root / "run.sh").write_text("#!/bin/sh\n")
    (root / "run.sh").chmod(0o775)
    return root


def built(source: Path, out: Path, *constraints: str, version: str | None = None, epoch: int = EPOCH) -> Path:
    cache = Cache(out.parent / "cache")
    made = build_wheel(source, out, constraints, cache=cache, epoch=epoch, version_pretend=version)
    assert not list((cache.root / "tmp").iterdir())
    return made


def everything(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_environment_and_untouched_source(tmp_path: Path, index: PackageIndex) -> None:
    source = project(tmp_path / "shop")
    before = everything(source)
    wheel = built(source, tmp_path / "out", version="4.5")
    assert wheel == tmp_path / "out" / "shop-1.0-py3-none-any.whl"
    assert [path.name for path in (tmp_path / "out").iterdir()] == [wheel.name]
    assert everything(source) == before
    with zipfile.ZipFile(wheel) as archive:
        told = archive.read("shop/told.txt").decode().splitlines()
        assert archive.getinfo("shop/run.sh").external_attr >> 16 & 0o777 == 0o755
    assert told[:6] == [str(EPOCH), "C.UTF-8", "UTC", "0", "0o22", "4.5"]


def test_times_before_zip_are_raised(tmp_path: Path, index: PackageIndex) -> None:
    wheel = built(project(tmp_path / "shop"), tmp_path / "out", epoch=0)
    with zipfile.ZipFile(wheel) as archive:
        assert archive.getinfo("shop/run.sh").date_time == (1980, 1, 1, 0, 0, 0)


def test_twice_gives_the_same_bytes(tmp_path: Path, index: PackageIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    first = built(project(tmp_path / "one" / "shop"), tmp_path / "out1")
    other = project(tmp_path / "two" / "renamed")
    (other / "build/lib").mkdir(parents=True)
    (other / "build/lib/stale.py").write_text("x")
    (other / "run.sh").chmod(0o700)
    for path in other.rglob("*"):
        os.utime(path, (time.time(), time.time()))
    monkeypatch.setenv("PYTHONHASHSEED", "77")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.setenv("LC_ALL", "C")
    old = os.umask(0o077)
    try:
        second = built(other, tmp_path / "out2")
    finally:
        os.umask(old)
    assert second.read_bytes() == first.read_bytes()


def test_build_environment_is_the_pinned_one(tmp_path: Path, index: PackageIndex) -> None:
    source = project(tmp_path / "shop", requires=["helper"], before="import helper; assert helper.__version__ == '1.0'")
    digest = sha256(index.folder / "helper-1.0-py3-none-any.whl")
    make_wheel(index.folder, "helper", "2.0")
    assert built(source, tmp_path / "out", f"helper==1.0 --hash=sha256:{digest}").exists()


@pytest.mark.parametrize(
    ("line", "asks"),
    [
        ("helper==1.0 --hash=sha256:" + "ab" * 32, []),
        ("other==1.0 --hash=sha256:" + "ab" * 32, []),
        ("", ["helper"]),
    ],
)
def test_what_is_not_pinned_is_refused(tmp_path: Path, index: PackageIndex, line: str, asks: list[str]) -> None:
    source = project(tmp_path / "shop", requires=[] if asks else ["helper"], asks=asks)
    with pytest.raises(BuildBackendError, match=r"helper") as caught:
        built(source, tmp_path / "out", line)
    assert "paddlewheel lock --upgrade" in (caught.value.hint or "")
    assert not (tmp_path / "out").exists()


def test_failing_back_end_tells_the_end_of_its_output(tmp_path: Path, index: PackageIndex) -> None:
    before = "[print('line', number) for number in range(290)]; raise OSError('the ' + 'pipes are blocked')"
    source = project(tmp_path / "shop", before=before)
    with pytest.raises(BuildBackendError, match=r"the pipes are blocked") as caught:
        built(source, tmp_path / "out")
    assert caught.value.hint
    assert caught.value.exit_status == 50
    assert "Traceback" in caught.value.message
    assert len(caught.value.message.splitlines()) < 70
    assert "lines before)" in caught.value.message


def test_syntax_error_names_the_users_file(tmp_path: Path, index: PackageIndex) -> None:
    source = project(tmp_path / "shop", before="(")
    with pytest.raises(BuildBackendError) as caught:
        built(source, tmp_path / "out")
    assert str(source / "backend/inside.py") in caught.value.message
    assert str(tmp_path / "cache") not in caught.value.message


def test_native_wheel_is_refused(tmp_path: Path, index: PackageIndex) -> None:
    source = project(tmp_path / "shop", tag="cp311-cp311-linux_x86_64")
    with pytest.raises(NativeCodeError, match=r"shop-1.0-cp311-cp311-linux_x86_64.whl holds compiled code") as caught:
        built(source, tmp_path / "out")
    assert caught.value.hint


def test_index_that_does_not_answer(tmp_path: Path, index: PackageIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:1/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    source = project(tmp_path / "shop", requires=["helper"])
    with pytest.raises(NetworkError):
        built(source, tmp_path / "out", f"helper==1.0 --hash=sha256:{'ab' * 32}")


def test_output_folder_that_is_a_file(tmp_path: Path, index: PackageIndex) -> None:
    (tmp_path / "out").write_text("x")
    with pytest.raises(StorageError, match=r"out cannot be written"):
        built(project(tmp_path / "shop"), tmp_path / "out")


BACK_ENDS = {
    "hatchling": ('["hatchling"]', "hatchling.build", ""),
    "setuptools": ('["setuptools>=77"]', "setuptools.build_meta", "[tool.setuptools]\npackages = ['shop']\n"),
    "old setuptools": ('["setuptools<70"]', "setuptools.build_meta", "[tool.setuptools]\npackages = ['shop']\n"),
    "flit": ('["flit_core>=3.2"]', "flit_core.buildapi", ""),
    "poetry": ('["poetry-core>=2"]', "poetry.core.masonry.api", ""),
    "pdm": ('["pdm-backend"]', "pdm.backend", ""),
    "uv": ('["uv_build"]', "uv_build", '[tool.uv.build-backend]\nmodule-root = ""\n'),
}


def real_project(root: Path, requires: str, backend: str, more: str, version: str = 'version = "1.2"') -> Path:
    (root / "shop").mkdir(parents=True)
    (root / "shop/__init__.py").write_text('"""A shop."""\n')
    (root / "shop/data.txt").write_text("x")
    (root / "requirements.txt").write_text("")
    (root / "pyproject.toml").write_text(
        f'[build-system]\nrequires = {requires}\nbuild-backend = "{backend}"\n'
        f'[project]\nname = "shop"\n{version}\ndescription = "A shop."\nrequires-python = ">=3.11"\n{more}'
    )
    return root


def built_pinned(root: Path, out: Path) -> Path:
    cache = Cache(out.parent / "cache")
    pins = build_requires(read(root), cache=cache, client=Client(), reporter=Silent())
    return build_wheel(root, out, constraint_lines(pins), cache=cache, epoch=EPOCH)


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.parametrize("name", BACK_ENDS)
def test_real_back_ends_build_the_same_twice(tmp_path: Path, name: str) -> None:
    first = built_pinned(real_project(tmp_path / "one/shop", *BACK_ENDS[name]), tmp_path / "out1")
    time.sleep(1.1)
    second = built_pinned(real_project(tmp_path / "two/shop", *BACK_ENDS[name]), tmp_path / "out2")
    assert first.name == "shop-1.2-py3-none-any.whl"
    assert second.read_bytes() == first.read_bytes()
    with zipfile.ZipFile(first) as archive:
        assert "shop/__init__.py" in archive.namelist()


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.parametrize(
    ("requires", "backend", "more"),
    [
        ('["setuptools>=77", "setuptools-scm>=8"]', "setuptools.build_meta", "[tool.setuptools_scm]\n"),
        ('["hatchling", "hatch-vcs"]', "hatchling.build", '[tool.hatch.version]\nsource = "vcs"\n'),
    ],
)
def test_version_from_git(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, requires: str, backend: str, more: str
) -> None:
    root = real_project(tmp_path / "shop", requires, backend, more, 'dynamic = ["version"]')
    monkeypatch.delenv("SETUPTOOLS_SCM_PRETEND_VERSION", raising=False)
    git = [need_program("git"), "-c", "user.name=T", "-c", "user.email=t@example.org"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "one"], ["tag", "v3.7"]):
        subprocess.run([*git, *arguments], cwd=root, check=True, capture_output=True)
    before = everything(root)
    wheel = built_pinned(root, tmp_path / "out")
    assert wheel.name == "shop-3.7-py3-none-any.whl"
    assert everything(root) == before
    with zipfile.ZipFile(wheel) as archive:
        assert "shop/data.txt" in archive.namelist()


@pytest.mark.network
@pytest.mark.slow
def test_version_from_git_without_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SETUPTOOLS_SCM_PRETEND_VERSION", raising=False)
    root = real_project(
        tmp_path / "shop",
        '["setuptools>=77", "setuptools-scm>=8"]',
        "setuptools.build_meta",
        "[tool.setuptools_scm]\n",
        'dynamic = ["version"]',
    )
    with pytest.raises(BuildBackendError) as caught:
        built_pinned(root, tmp_path / "out")
    assert "SETUPTOOLS_SCM_PRETEND_VERSION" in (caught.value.hint or "")
    monkeypatch.setenv("SETUPTOOLS_SCM_PRETEND_VERSION", "9.9")
    assert built_pinned(root, tmp_path / "out").name == "shop-9.9-py3-none-any.whl"


def test_build_requires_of_a_project_without_any(tmp_path: Path, index: PackageIndex) -> None:
    source = project(tmp_path / "shop")
    (source / "requirements.txt").write_text("")
    found = replace(read(source), build_requires=())
    assert build_requires(found, cache=Cache(tmp_path / "c"), client=Client(), reporter=Silent()) == ()
