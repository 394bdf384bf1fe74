"""The helpers themselves: what they make is what pip, uv and zipfile take it for."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path

import pytest
from uv import find_uv_bin

from tests.support.index import PackageIndex
from tests.support.server import FileServer
from tests.support.wheels import Content, executable, make_sdist, make_wheel
from tests.support.zips import Member


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("descriptors", [False, True])
@pytest.mark.parametrize("zip64", [False, True])
def test_zipfile_reads_what_we_write(tmp_path: Path, stored: bool, descriptors: bool, zip64: bool) -> None:
    files: dict[str, Content] = {
        "demo/a.txt": "a" * 5000,
        "demo/naïve.txt": "ï",
        "demo/big": Member(data=b"0123", repeat=1000),
    }
    wheel = make_wheel(tmp_path, files=files, stored=stored, descriptors=descriptors, zip64=zip64)
    with zipfile.ZipFile(wheel) as archive:
        assert archive.testzip() is None
        assert archive.read("demo/naïve.txt").decode() == "ï"
        assert archive.getinfo("demo/big").file_size == 4000
        assert archive.getinfo("demo/a.txt").compress_type == (0 if stored else 8)
        assert bool(archive.getinfo("demo/a.txt").flag_bits & 8) is descriptors


def test_lies_are_told(tmp_path: Path) -> None:
    lies = {"demo.py": Member(data=b"x = 1", size=7, crc=1, recorded=False)}
    with zipfile.ZipFile(make_wheel(tmp_path, files=lies, extra=[("../evil", b"")])) as archive:
        told = archive.getinfo("demo.py")
        assert (told.file_size, told.CRC) == (7, 1)
        assert "../evil" in archive.namelist()
        assert "demo.py" not in archive.read("demo-1.0.dist-info/RECORD").decode()


def _uv(index: PackageIndex, tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **index.environment, "UV_CACHE_DIR": str(tmp_path / "uv")}
    return subprocess.run([find_uv_bin(), *arguments], env=environment, text=True, capture_output=True, check=False)


@pytest.mark.parametrize("as_json", [True, False])
def test_uv_installs_from_the_index(tmp_path: Path, as_json: bool) -> None:
    folder, target = tmp_path / "dists", tmp_path / "target"
    make_wheel(folder, files={"demo/run": executable("#!/bin/sh\n")}, requires=["More.Than>=2"], descriptors=True)
    make_sdist(folder, "more-than", "2.5")
    with PackageIndex(folder, json=as_json) as index:
        done = _uv(index, tmp_path, "pip", "install", "--python", sys.executable, "--target", str(target), "demo")
        assert done.returncode == 0, done.stderr
        assert "/files/demo-1.0-py3-none-any.whl.metadata" in index.paths()
    assert os.access(target / "demo/run", os.X_OK)
    assert (target / "more_than/__init__.py").read_text() == '__version__ = "2.5"\n'


def test_uv_locks_hashes_sizes_and_times(tmp_path: Path) -> None:
    folder = tmp_path / "dists"
    wheel = make_wheel(folder)
    (tmp_path / "requirements.in").write_text("demo\n")
    with PackageIndex(folder) as index:
        arguments = ("pip", "compile", "--format", "pylock.toml", "--python", sys.executable)
        done = _uv(index, tmp_path, *arguments, str(tmp_path / "requirements.in"))
    assert done.returncode == 0, done.stderr
    assert f"size = {wheel.stat().st_size}" in done.stdout
    assert "upload-time = 2024-05-17T12:00:00Z" in done.stdout


def test_a_wrong_hash_is_told(tmp_path: Path) -> None:
    make_wheel(tmp_path / "dists")
    with PackageIndex(tmp_path / "dists", wrong_hashes=("demo-*",)) as index:
        target = str(tmp_path / "target")
        done = _uv(index, tmp_path, "pip", "install", "--python", sys.executable, "--target", target, "demo")
    assert done.returncode != 0
    assert "hash" in done.stderr.lower()


def test_the_file_server_answers_ranges(tmp_path: Path) -> None:
    (tmp_path / "a.deb").write_bytes(b"0123456789")
    with FileServer(tmp_path) as server:
        request = urllib.request.Request(f"{server.url}/a.deb", headers={"Range": "bytes=4-"})
        with urllib.request.urlopen(request) as answer:
            assert (answer.status, answer.read()) == (206, b"456789")
            assert answer.headers["Content-Range"] == "bytes 4-9/10"
