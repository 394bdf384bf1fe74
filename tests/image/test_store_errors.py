"""A cache folder that is none: told as the user's, not as a fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from paddlewheel.cache import Cache
from paddlewheel.errors import StorageError


@pytest.mark.parametrize("place", ["file", "file/below", "n" * 300, "loop/x"])
def test_a_folder_that_can_be_none(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to("loop")
    cache = Cache(tmp_path / place)
    assert cache.record("layer", "ab") is None
    for use in (lambda: cache.store.put(b"x"), lambda: cache.put_record("layer", "ab", {})):
        with pytest.raises(StorageError, match="cannot be written: ") as caught:
            use()
        assert "PADDLEWHEEL_CACHE_DIR" in (caught.value.hint or "")
    with pytest.raises(StorageError), cache.lock("x"):
        pass
    with pytest.raises(StorageError), cache.directory("x"):
        pass
