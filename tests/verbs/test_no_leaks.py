"""Secrets are planted wherever a project has them, and searched for in every byte that the commands leave or say."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from paddlewheel.lock.base import BaseLock, format_base_lock
from tests.proof.harbour import Harbour, opened
from tests.support.command import paddlewheel
from tests.support.index import PackageIndex
from tests.support.tree import write_tree
from tests.support.wheels import make_wheel, sha256

PASSWORD, TOKEN = "Pa55-in-the-index", "70ken-in-a-query"
PLANTED = ("Pa55-in-", "70ken-in-")
"""What all the secrets here begin with."""


@pytest.fixture(scope="module")
def harbour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harbour]:
    with opened(tmp_path_factory.mktemp("harbour")) as harbour:
        yield harbour


@pytest.fixture
def index(tmp_path: Path) -> Iterator[PackageIndex]:
    with PackageIndex(tmp_path / "index", password=("me", PASSWORD)) as index:
        make_wheel(index.folder, "lib")
        make_wheel(index.folder, "far")
        yield index


def environment(harbour: Harbour, tmp_path: Path) -> dict[str, str]:
    return {
        "PADDLEWHEEL_CACHE_DIR": str(tmp_path / "cache"),
        "PADDLEWHEEL_MIRROR": harbour.mirror,
        "UV_CACHE_DIR": str(tmp_path / "uv-cache"),
        "UV_DEFAULT_INDEX": "",
        "UV_INDEX": "",
        "UV_INDEX_URL": "",
        "UV_EXTRA_INDEX_URL": "",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }


def project(root: Path, harbour: Harbour, index: PackageIndex, *, pinned: bool) -> Path:
    """A copied app. `pinned`: requirements.txt is a lock by itself; otherwise paddlewheel keeps one."""
    url = index.simple.replace("://", f"://me:{PASSWORD}@")
    far = next(index.folder.glob("far-*"))
    signed = f"{index.file_url(far).replace('://', f'://me:{PASSWORD}@')}?token={TOKEN}&page=2"
    pin = f"==1.0 --hash=sha256:{sha256(next(index.folder.glob('lib-*')))}" if pinned else ""
    requirements = f"--index-url {url}\nlib{pin}\nfar @ {signed}{f' --hash=sha256:{sha256(far)}' if pinned else ''}\n"
    return write_tree(
        root,
        {
            "app.py": "import lib\n",
            "requirements.txt": requirements,
            "requirements/dev.txt": requirements,
            "deps/pyproject.toml": f'[[tool.uv.index]]\nurl = "{url}"\n',
            ".env": f"KEY={PASSWORD}\n",
            "pip.conf": f"[global]\nindex-url = {url}\n",
            "uv.toml": f'[[index]]\nurl = "{url}"\ndefault = true\n',
            "paddlewheel.toml": 'name = "boat"\nbase = "distroless:bookworm"\ncmd = ["python", "app.py"]\n'
            "bytecode = false\n",
            "paddlewheel.lock": format_base_lock(BaseLock().with_base(harbour.base())),
        },
    )


def texts(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Every file below, and what is in those that are compressed."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            data = path.read_bytes()
            yield path, data
            if data.startswith(b"\x1f\x8b"):
                yield path, gzip.decompress(data)


@pytest.mark.slow
@pytest.mark.parametrize("pinned", [True, False])
def test_no_secret_is_left_or_said(harbour: Harbour, index: PackageIndex, tmp_path: Path, pinned: bool) -> None:
    root = project(tmp_path / "boat", harbour, index, pinned=pinned)
    env = environment(harbour, tmp_path)
    before = {path for path, _ in texts(root)}
    image = tmp_path / "image"
    runs = [
        paddlewheel("lock", root, env=env),
        paddlewheel("plan", "--full", root, env=env),
        paddlewheel("plan", "--json", root, env=env),
        paddlewheel("build", root, "-o", f"oci:{image}", env=env),
        paddlewheel("build", root, "-o", f"oci:{image}", env=env),
    ]
    (root / "app.py").write_text("import lib, far\n")
    runs.append(paddlewheel("build", root, "-o", f"oci:{image}", env=env))

    told = "".join(run.stdout + run.stderr for run in runs)
    assert "left out, as they look like secrets" in told
    for name in (".env", "pip.conf", "requirements/dev.txt", "deps/pyproject.toml"):
        assert name in told
    assert not [secret for secret in PLANTED if secret in told]

    made = {path for path, _ in texts(root)} - before
    left = [(path, data) for path, data in texts(root) if path in made or path.name == "paddlewheel.lock"]
    left += [*texts(image), *texts(tmp_path / "cache")]
    assert any(b"import lib, far" in data for _, data in left), "the search does not see into layers"
    assert any("records" in path.parts for path, _ in left)
    assert (root / "pylock.paddlewheel.toml" in made) is not pinned
    assert [str(path) for path, data in left if any(secret.encode() in data for secret in PLANTED)] == []


@pytest.mark.slow
def test_errors_tell_no_secret(harbour: Harbour, index: PackageIndex, tmp_path: Path) -> None:
    root = project(tmp_path / "boat", harbour, index, pinned=False)
    env = environment(harbour, tmp_path)
    paddlewheel("lock", root, env=env)
    for path in (tmp_path / "cache" / "artifacts").rglob("*"):
        if path.is_file():
            path.unlink()
    index.fault("*", status=403)
    refused = paddlewheel("build", root, env=env, check=False)
    (root / "pylock.paddlewheel.toml").unlink()
    unresolved = paddlewheel("lock", root, env=env | {"UV_CACHE_DIR": str(tmp_path / "other")}, check=False)
    for run in (refused, unresolved):
        assert run.returncode
        assert not [secret for secret in PLANTED if secret in run.stdout + run.stderr]
    assert "403" in refused.stderr


@pytest.mark.slow
def test_the_plan_names_urls_without_their_secrets(harbour: Harbour, index: PackageIndex, tmp_path: Path) -> None:
    root = project(tmp_path / "boat", harbour, index, pinned=True)
    plan = json.loads(paddlewheel("plan", "--json", root, env=environment(harbour, tmp_path)).stdout)
    steps = [step for stage in plan["stages"] for step in stage["steps"]]
    urls = {wheel["name"]: wheel["url"] for step in steps for wheel in step.get("wheels", ())}
    assert urls["far"] == index.file_url(next(index.folder.glob("far-*"))) + "?page=2"
    assert urls["lib"] == index.file_url(next(index.folder.glob("lib-*")))
