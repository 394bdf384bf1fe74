from __future__ import annotations

from pathlib import Path

import pytest

from paddlewheel.cache import Cache
from paddlewheel.image.store import Store


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def store(cache: Cache) -> Store:
    return cache.store
