"""The Python of each Debian suite compiles its own standard library: what it needs for that differs by version."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from paddlewheel.debian.model import SUITES
from tests.support.command import paddlewheel


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.parametrize("suite", sorted(SUITES))
def test_the_standard_library_is_compiled(suite: str, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("")
    settings = f'base = "distroless:{suite}"\nallow-expired = true\ncmd = ["python"]\n'
    (tmp_path / "paddlewheel.toml").write_text(settings)
    told = json.loads(paddlewheel("build", tmp_path, "--json").stdout)
    (layer,) = (layer for layer in told["layers"] if layer["title"].startswith("bytecode of the standard library"))
    assert layer["unpacked"] > 5_000_000
