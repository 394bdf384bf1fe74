from __future__ import annotations

from pathlib import Path

import pytest

from paddlewheel import verbs
from paddlewheel.image.model import Platform
from tests.cli.fakes import VERBS, Calls
from tests.cli.values import AMD64


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """The verbs replaced by fakes, on a machine of the kind that they build for."""
    fake = Calls()
    for name in VERBS:
        monkeypatch.setattr(verbs, name, getattr(fake, name))
    monkeypatch.setattr(Platform, "of_this_machine", lambda: AMD64)
    return fake


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of the test's own."""
    root = tmp_path / "cache"
    monkeypatch.setenv("PADDLEWHEEL_CACHE_DIR", str(root))
    for name in ("PADDLEWHEEL_DEBUG", "NO_COLOR", "CI", "_PADDLEWHEEL_COMPLETE"):
        monkeypatch.delenv(name, raising=False)
    return root
