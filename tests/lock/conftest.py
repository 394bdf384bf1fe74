"""A package index on loopback, projects written in code, and a uv that counts how often it is started."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import uv

from paddlewheel.cache import Cache
from paddlewheel.image.model import Platform
from paddlewheel.lock.model import PYTHON_LOCK, PythonLock
from paddlewheel.lock.python import python_lock
from paddlewheel.net import Client
from paddlewheel.progress import Silent
from paddlewheel.project.model import Project
from paddlewheel.project.reader import read
from tests.support.index import PackageIndex
from tests.support.wheels import make_wheel

PYTHON = (3, 11)
AMD64 = Platform("linux", "amd64")


@pytest.fixture
def _own_uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A uv cache of the test's own, so that nothing is found that the test's index does not have."""
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    for name in ("UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_CONSTRAINT", "UV_OFFLINE", "SOURCE_DATE_EPOCH"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def index(tmp_path: Path, _own_uv: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[PackageIndex]:
    """Holds shop-api 1.0 and 1.1, which need lib; lib 1.0 and 1.1; and native, which has code for some platforms."""
    with PackageIndex(tmp_path / "index") as server:
        for version in ("1.0", "1.1"):
            make_wheel(server.folder, "lib", version)
            make_wheel(server.folder, "shop-api", version, requires=["lib>=1"])
        make_wheel(server.folder, "wintool", "1.0")
        for tag in ("cp311-cp311-manylinux_2_17_x86_64", "cp311-cp311-macosx_11_0_arm64", "cp312-cp312-win_amd64"):
            make_wheel(server.folder, "native", "1.0", tag=tag)
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server


@dataclass
class Starts:
    """How often uv was started, and with what."""

    log: Path

    def all(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []

    def count(self) -> int:
        return len(self.all())


@pytest.fixture
def starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Starts:
    """Puts a program in uv's place that writes down its arguments and becomes uv."""
    log, wrapper = tmp_path / "uv.log", tmp_path / "counted" / "uv"
    wrapper.parent.mkdir()
    real = shlex.quote(uv.find_uv_bin())
    wrapper.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> {shlex.quote(str(log))}\nexec {real} "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setattr(uv, "find_uv_bin", lambda: str(wrapper))
    return Starts(log)


@dataclass
class Workshop:
    """A project's folder, and the lock verb with all that it needs."""

    root: Path
    cache: Cache
    reporter: Silent = field(default_factory=Silent)

    def write(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def read(self) -> Project:
        return read(self.root)

    def lock(
        self,
        *,
        locked: bool = False,
        upgrade: bool = False,
        offline: bool = False,
        python: tuple[int, int] = PYTHON,
        platform: Platform = AMD64,
    ) -> PythonLock:
        return python_lock(
            self.read(),
            target_python=python,
            platform=platform,
            cache=self.cache,
            client=Client(offline=offline),
            reporter=self.reporter,
            locked=locked,
            upgrade=upgrade,
        )

    @property
    def kept(self) -> Path:
        return self.root / PYTHON_LOCK

    def names(self) -> list[str]:
        return sorted(path.name for path in self.root.iterdir())


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    root = tmp_path / "shop"
    root.mkdir()
    return Workshop(root=root, cache=Cache(tmp_path / "cache"))


def versions(lock: PythonLock) -> dict[str, str]:
    """Name -> version of every package."""
    return {package.name: str(package.version) for package in lock.pylock.packages}
