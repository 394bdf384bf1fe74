"""`paddlewheel plan` and `paddlewheel lock`."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from paddlewheel.cli.plan_tree import tree
from paddlewheel.cli.terminal import Terminal
from paddlewheel.plan.codec import to_json
from tests.cli.fakes import HEX, Calls, command, plan

TREE = """\
shop 1.2  linux/amd64
  python  3.11.2, /usr/bin/python3.11, glibc 2.36
  starts  gunicorn shop:app
          gunicorn is locked
  notes   Python 3.11 follows from .python-version

base-pre-pkg (from nothing)
│   • compose-base: Debian bookworm amd64, 1 package, 2.0 MB of .debs, snapshot 20251120T081500Z, with libpq5, \
timezone Europe/Paris
├── app-builder (from base-pre-pkg)
│       the project has a build system
│       • build-app: shop 1.2 as a wheel, 1 pinned build requirement
└── python-pkg-pinned (from base-pre-pkg)
    │   • create-venv: /opt/venv for /usr/bin/python3.11
    │   • install-wheels: 1 wheel (103 kB) into /opt/venv, 57 layers at most, bytecode
    └── target-image (from python-pkg-pinned)
            • install-app: the app's wheel into /opt/venv, bytecode
            • make-directories: /data for 65532:65532
            • set-config: user 65532, in /app, created 1980-01-01T00:00:00Z
"""


def test_tree(calls: Calls) -> None:
    result = command("plan")
    assert result.status == 0, result.err
    assert result.out == TREE
    assert calls.names == ["read", "lock", "plan"]


def test_full_tree_names_wheels_and_debs(calls: Calls) -> None:
    out = command("plan", "--full").out
    assert "    flask 3.1.0  flask-3.1.0-py3-none-any.whl\n" in out
    assert "    python3.11-minimal 3.11.2-6\n" in out
    assert "    PATH=/opt/venv/bin\n" in out


def test_tree_in_ascii() -> None:
    narrow = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    text = "\n".join(tree(plan(), Terminal(narrow, narrow, {})))
    assert text.isascii()
    assert "\n`-- python-pkg-pinned (from base-pre-pkg)\n" in text


def test_plan_json_is_the_codecs(calls: Calls) -> None:
    assert json.loads(command("plan", "--json", "--locked").out) == to_json(plan())
    assert calls["lock"]["locked"]


def test_lock_summary(calls: Calls) -> None:
    result = command("lock", "services/shop")
    assert result.status == 0, result.err
    assert result.out == ""
    assert result.err.splitlines() == [
        "  packages  1 Python package in uv.lock (uv 0.9.1)",
        "  base      Debian bookworm amd64, 1 package in paddlewheel.lock, snapshot 20251120T081500Z",
        "  build     1 pinned build requirement",
    ]
    assert (calls["lock"]["locked"], calls["lock"]["upgrade"]) == (False, False)
    assert command("lock", "-q").err == ""


@pytest.mark.parametrize("word", ["--check", "--locked"])
def test_lock_check(calls: Calls, word: str) -> None:
    command("lock", word)
    assert (calls["lock"]["locked"], calls["lock"]["upgrade"]) == (True, False)


def test_lock_upgrade(calls: Calls) -> None:
    command("lock", "--upgrade")
    assert (calls["lock"]["locked"], calls["lock"]["upgrade"]) == (False, True)


def test_check_and_upgrade_contradict(calls: Calls) -> None:
    result = command("lock", "--check", "--upgrade")
    assert result.status == 2
    assert "hint: give one of them" in result.err
    assert calls.names == []


def test_lock_json(calls: Calls) -> None:
    value = json.loads(command("lock", "--json").out)
    assert value == {
        "python": {
            "path": str(Path("uv.lock")),
            "locker": "uv 0.9.1",
            "packages": [{"name": "flask", "version": "3.1.0"}],
        },
        "base": {
            "suite": "bookworm",
            "architecture": "amd64",
            "snapshot": "20251120T081500Z",
            "packages": [{"name": "python3.11-minimal", "version": "3.11.2-6", "sha256": HEX}],
        },
        "build": [{"name": "hatchling", "version": "1.27.0"}],
    }
