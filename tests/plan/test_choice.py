"""The wheels chosen from a universal lock against those that pip chooses for the same interpreter."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from paddlewheel.cache import Cache
from paddlewheel.image.model import Platform
from paddlewheel.lock.python import python_lock
from paddlewheel.net import Client
from paddlewheel.plan.model import PythonTarget
from paddlewheel.plan.wheels import select_wheels
from paddlewheel.progress import Silent
from paddlewheel.project.reader import read
from tests.support.need import need

PACKAGES = """
numpy pandas cryptography pydantic-core psycopg2-binary pyyaml lxml orjson flask fastapi uvicorn[standard] protobuf
grpcio pillow aiohttp msgpack regex charset-normalizer bcrypt greenlet sqlalchemy markupsafe wrapt ruff tornado psutil
"""
MACHINES = {"x86_64": "linux/amd64", "aarch64": "linux/arm64"}


@pytest.mark.network
@pytest.mark.slow
def test_same_as_pip(tmp_path: Path) -> None:
    name, version = platform.libc_ver()
    need(platform.machine() in MACHINES and name == "glibc", "compares with pip on a glibc host, x86_64 or aarch64")
    root = tmp_path / "project"
    root.mkdir()
    (root / "requirements.txt").write_text("\n".join(PACKAGES.split()) + "\n")
    major, minor = (int(number) for number in version.split(".")[:2])
    target = PythonTarget(
        version=sys.version_info[:2],
        full_version=platform.python_version(),
        executable=sys.executable,
        libc=("glibc", major, minor),
        platform=Platform.parse(MACHINES[platform.machine()]),
    )
    lock = python_lock(
        read(root),
        target_python=target.version,
        platform=target.platform,
        cache=Cache(tmp_path / "cache"),
        client=Client(),
        reporter=Silent(),
    )
    chosen = select_wheels(lock, target)
    pins = tmp_path / "pins.txt"
    pins.write_text("".join(f"{one.name}=={one.version}\n" for one in chosen))
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--no-deps"]
    command += ["--report", str(tmp_path / "report.json"), "--requirement", str(pins)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    report = json.loads((tmp_path / "report.json").read_text())
    theirs = {
        (item["metadata"]["name"].lower().replace("_", "-"), item["download_info"]["archive_info"]["hashes"]["sha256"])
        for item in report["install"]
    }
    assert len(chosen) >= len(PACKAGES.split())
    assert {(one.name, one.sha256) for one in chosen} == theirs
