"""Indexes that ask for a password, named by the project in each way that uv knows; nothing is in the cache."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import uv

from paddlewheel import verbs
from paddlewheel.cache import Cache
from paddlewheel.debian.model import PinnedBase, PinnedPackage
from paddlewheel.errors import NetworkError
from paddlewheel.lock.base import BaseLock, format_base_lock
from paddlewheel.net import Client
from paddlewheel.progress import Silent
from paddlewheel.verbs import Context, Overrides
from tests.support.index import PackageIndex
from tests.support.tree import write_tree
from tests.support.wheels import make_wheel, sha256

USER, PASSWORD = "me", "p@ss/w:rd"
USERINFO = "me:p%40ss%2Fw%3Ard@"
VARIABLES = (
    *("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_NO_CONFIG"),
    *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "UV_CONFIG_FILE", "NETRC"),
)
PROJECT = """
[project]
name = "shop"
version = "1"
requires-python = ">=3.11"
dependencies = ["lib"]
"""


@dataclass
class Private:
    """An index behind a password, a project's folder and an empty cache."""

    index: PackageIndex
    wheel: Path
    root: Path
    cache: Cache

    @property
    def open_url(self) -> str:
        return self.index.simple

    @property
    def url(self) -> str:
        """The index with its password."""
        return self.index.simple.replace("://", f"://{USERINFO}")

    def write(self, **files: str) -> None:
        write_tree(self.root, {name.replace("__", "."): text for name, text in files.items()})

    def uv_lock(self) -> None:
        done = subprocess.run([uv.find_uv_bin(), "lock"], cwd=self.root, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert PASSWORD not in (self.root / "uv.lock").read_text()

    def lock(self) -> None:
        context = Context(
            cache=self.cache,
            client=Client(retries=0),
            reporter=Silent(),
            overrides=Overrides(platform="linux/amd64"),
        )
        verbs.lock(verbs.read(self.root, context=context), context=context)

    def fetched(self) -> bool:
        return self.cache.has_artifact(sha256(self.wheel))


@pytest.fixture
def private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Private]:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    packages = [
        PinnedPackage(
            name=name,
            version=version,
            architecture="amd64",
            archive="debian",
            path=f"pool/{name}.deb",
            size=1,
            sha256="0" * 64,
        )
        for name, version in (("libc6", "2.36-9"), ("python3.11-minimal", "3.11.2-6"))
    ]
    base = PinnedBase(
        suite="bookworm", architecture="amd64", snapshot="20260301T120000Z", requested=(), packages=tuple(packages)
    )
    root = write_tree(
        tmp_path / "shop",
        {
            "app.py": "",
            "paddlewheel.toml": 'base = "distroless:bookworm"\n',
            "paddlewheel.lock": format_base_lock(BaseLock().with_base(base)),
        },
    )
    with PackageIndex(tmp_path / "index", password=(USER, PASSWORD)) as index:
        yield Private(index, make_wheel(index.folder, "lib"), root, Cache(tmp_path / "cache"))


def requirements(private: Private) -> None:
    private.write(requirements__txt=f"--index-url {private.url}\nlib\n")


def requirements_extra(private: Private) -> None:
    private.write(requirements__txt=f"--index-url {private.url}/none\n--extra-index-url={private.url}\nlib\n")


def requirements_hashed(private: Private) -> None:
    private.write(requirements__txt=f"-i {private.url}\nlib==1.0 --hash=sha256:{sha256(private.wheel)}\n")


def requirements_included(private: Private) -> None:
    private.write(requirements__txt="-r common.txt\nlib\n", common__txt=f"--index-url {private.url}\n")


def requirements_direct(private: Private) -> None:
    url = private.index.file_url(private.wheel).replace("://", f"://{USERINFO}")
    private.write(requirements__txt=f"--index-url {private.url}\nlib @ {url}\n")


def tool_uv_index(private: Private) -> None:
    private.write(pyproject__toml=f'{PROJECT}[[tool.uv.index]]\nurl = "{private.url}"\ndefault = true\n')


def tool_uv_index_url(private: Private) -> None:
    private.write(pyproject__toml=f'{PROJECT}[tool.uv]\nindex-url = "{private.url}"\n')


def tool_uv_extra_index_url(private: Private) -> None:
    text = f'[tool.uv]\nindex-url = "{private.url}/none"\nextra-index-url = ["{private.url}"]\n'
    private.write(pyproject__toml=PROJECT + text)


def tool_uv_locked(private: Private) -> None:
    tool_uv_index(private)
    private.uv_lock()


def uv_toml(private: Private) -> None:
    private.write(pyproject__toml=PROJECT, uv__toml=f'[[index]]\nurl = "{private.url}"\ndefault = true\n')


@pytest.mark.parametrize(
    "state",
    [
        requirements,
        requirements_extra,
        requirements_hashed,
        requirements_included,
        requirements_direct,
        tool_uv_index,
        tool_uv_index_url,
        tool_uv_extra_index_url,
        tool_uv_locked,
        uv_toml,
    ],
)
def test_credentials_in_the_project(private: Private, state: Callable[[Private], None]) -> None:
    state(private)
    private.lock()
    assert private.fetched()
    for file in private.root.glob("*.lock*"):
        assert "p%40ss" not in file.read_text()


def test_variables_in_requirements(private: Private, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INDEX_LOGIN", USERINFO.removesuffix("@"))
    private.write(requirements__txt=f"--index-url {private.open_url.replace('://', '://${INDEX_LOGIN}@')}\nlib\n")
    private.lock()
    assert private.fetched()


@pytest.mark.parametrize("locked", [False, True])
def test_credentials_of_a_named_index(private: Private, monkeypatch: pytest.MonkeyPatch, locked: bool) -> None:
    monkeypatch.setenv("UV_INDEX_PRIV_2_USERNAME", USER)
    monkeypatch.setenv("UV_INDEX_PRIV_2_PASSWORD", PASSWORD)
    index = f'[[tool.uv.index]]\nname = "priv-2"\nurl = "{private.open_url}"\ndefault = true\n'
    private.write(pyproject__toml=PROJECT + index)
    if locked:
        private.uv_lock()
    private.lock()
    assert private.fetched()


def test_credentials_of_an_index_named_in_the_environment(private: Private, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"priv={private.open_url}")
    monkeypatch.setenv("UV_INDEX_PRIV_USERNAME", USER)
    monkeypatch.setenv("UV_INDEX_PRIV_PASSWORD", PASSWORD)
    private.write(requirements__txt="lib\n")
    private.lock()
    assert private.fetched()


def test_the_users_own_settings_of_uv(private: Private, tmp_path: Path) -> None:
    write_tree(tmp_path / "config", {"uv/uv.toml": f'[[index]]\nurl = "{private.url}"\ndefault = true\n'})
    private.write(requirements__txt="lib\n")
    private.lock()
    assert private.fetched()


def test_the_environment_overrules_the_project(private: Private, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", private.url)
    private.write(pyproject__toml=f'{PROJECT}[tool.uv]\nindex-url = "{private.url.replace("p%40ss", "old")}"\n')
    private.lock()
    assert private.fetched()


def test_a_user_in_the_url_and_the_password_in_netrc(
    private: Private, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text(f"machine 127.0.0.1 login {USER} password {PASSWORD}\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    private.write(requirements__txt=f"--index-url {private.open_url.replace('://', f'://{USER}@')}\nlib\n")
    private.lock()
    assert private.fetched()


def test_another_origin_gets_no_credentials(private: Private, tmp_path: Path) -> None:
    """The index has its files elsewhere, on a server that asks for the same password: it is not sent there."""
    with PackageIndex(tmp_path / "elsewhere", password=(USER, PASSWORD)) as other:
        wheel = make_wheel(other.folder, "lib", files={"lib.py": "far = True\n"})
        private.write(requirements__txt=f"--index-url {private.url}\nlib\n")
        private.lock()
        lock = private.root / "pylock.paddlewheel.toml"
        text = lock.read_text().replace(private.index.file_url(private.wheel), other.file_url(wheel))
        lock.write_text(text.replace(sha256(private.wheel), sha256(wheel)))
        with pytest.raises(NetworkError) as caught:
            private.lock()
    assert other.requests
    assert not any("authorization" in request.headers for request in other.requests)
    assert "p%40ss" not in f"{caught.value}{caught.value.hint}"
    assert PASSWORD not in f"{caught.value}{caught.value.hint}"
