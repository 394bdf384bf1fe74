"""Applications that nobody here wrote: their source archives from the package index, and how to try each."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
import tomllib
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.tarfiles import extract

UV: Final = str(Path(sys.executable).with_name("uv"))


@dataclass(frozen=True, kw_only=True)
class App:
    """An application, at a version. `files` are what a user would add to the unpacked source archive."""

    name: str
    version: str
    files: dict[str, str]
    needs_requirements: bool = False
    """Its dependencies stand in setup.py: lock them first, as paddlewheel's hint says."""
    arguments: tuple[str, ...]
    """After ``--``; ``{port}`` is replaced."""
    path: str
    """What to ask over HTTP."""
    expect: str
    """What the answer must contain."""


APPS: Final = (
    App(
        name="datasette",
        version="0.65.5",
        needs_requirements=True,
        files={
            "pyproject.toml": """\
[build-system]
requires = ["setuptools", "pytest-runner"]
build-backend = "setuptools.build_meta"

[tool.paddlewheel]
name = "datasette"
entrypoint = ["datasette"]
cmd = ["serve", "--host", "0.0.0.0", "--port", "8000", "--memory"]
expose = ["8000/tcp"]
"""
        },
        arguments=("serve", "--host", "127.0.0.1", "--port", "{port}", "--memory"),
        path="/-/versions.json",
        expect='"datasette": {"version": "0.65.5"}',
    ),
    App(
        name="radicale",
        version="3.9.0",
        files={
            "paddlewheel.toml": """\
cmd = ["--server-hosts", "0.0.0.0:5232", "--storage-filesystem-folder", "/data", "--auth-type", "none"]
entrypoint = ["radicale"]
expose = ["5232/tcp"]
volumes = ["/data"]
"""
        },
        arguments=(
            *("--server-hosts", "127.0.0.1:{port}"),
            *("--storage-filesystem-folder", "/data"),
            *("--auth-type", "none"),
        ),
        path="/.web/",
        expect="Radicale",
    ),
    App(
        name="mlflow",
        version="3.17.2",
        files={
            "paddlewheel.toml": """\
entrypoint = ["mlflow"]
cmd = ["server", "--host", "0.0.0.0", "--port", "5000", "--backend-store-uri", "sqlite:////data/mlflow.sqlite"]
expose = ["5000/tcp"]
volumes = ["/data"]
"""
        },
        arguments=(
            *("server", "--host", "127.0.0.1", "--port", "{port}", "--workers", "1"),
            *("--backend-store-uri", "sqlite:////data/mlflow.sqlite"),
        ),
        path="/version",
        expect="3.17.2",
    ),
)


def fetch(app: App, folder: Path) -> Path:
    """The application's project, below `folder`: its source archive, checked and unpacked, and the added files."""
    archive = _download(app, folder)
    with tarfile.open(archive) as tar:
        extract(tar, folder)
    root = next(path for path in folder.iterdir() if path.is_dir())
    for name, text in app.files.items():
        (root / name).write_text(text)
    if app.needs_requirements:
        lock = ["pip", "compile", "--quiet", "setup.py", "--generate-hashes", "--universal", "--python-version", "3.11"]
        _uv([*lock, "--output-file=requirements.txt"], root)
    return root


def _download(app: App, folder: Path) -> Path:
    """The source archive. uv asks the index that this machine is set up for, and tells the archive's URL and hash."""
    told = _uv(
        ["pip", "compile", "--quiet", "--no-deps", "--format", "pylock.toml", "-"], folder, f"{app.name}=={app.version}"
    )
    sdist = tomllib.loads(told)["packages"][0]["sdist"]
    with urllib.request.urlopen(sdist["url"], timeout=120) as answer:
        data = answer.read()
    assert hashlib.sha256(data).hexdigest() == sdist["hashes"]["sha256"]
    archive = folder / f"{app.name}.tar.gz"
    archive.write_bytes(data)
    return archive


def _uv(arguments: list[str], folder: Path, stdin: str = "") -> str:
    done = subprocess.run([UV, *arguments], cwd=folder, input=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
