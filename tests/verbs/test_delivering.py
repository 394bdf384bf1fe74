"""When an archive that was written before is left as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from paddlewheel.cache import Cache
from paddlewheel.net import Client
from paddlewheel.progress import Silent
from paddlewheel.verbs import Built, Context, delivering
from tests.support.images import small_image


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(cache=Cache(tmp_path / "cache"), client=Client(offline=True), reporter=Silent())


@pytest.fixture
def built(context: Context) -> Built:
    image = small_image(context.cache.store)
    return Built(
        image=image, cache=context.cache, name="shop:1", layers=(), base="none", packages=0, start_reason="it was said"
    )


@pytest.mark.parametrize("transport", ["oci-archive", "docker-archive"])
def test_the_file_of_the_same_image_stays(built: Built, context: Context, tmp_path: Path, transport: str) -> None:
    place = tmp_path / "shop.tar"
    delivering.deliver(built, f"{transport}:{place}", context)
    inode = place.stat().st_ino
    assert delivering.deliver(built, f"{transport}:{place}", context).endswith("(unchanged)")
    assert place.stat().st_ino == inode


def test_a_file_that_was_touched_is_written_again(built: Built, context: Context, tmp_path: Path) -> None:
    place = tmp_path / "shop.tar"
    delivering.deliver(built, f"oci-archive:{place}", context)
    whole = place.read_bytes()
    place.write_bytes(whole[:-512])
    assert not delivering.deliver(built, f"oci-archive:{place}", context).endswith("(unchanged)")
    assert place.read_bytes() == whole


def test_no_file_is_trusted_that_was_written_before_the_machine_started(
    built: Built, context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "shop.tar"
    delivering.deliver(built, f"oci-archive:{place}", context)
    monkeypatch.setattr(delivering, "_boot", lambda: "another")
    assert not delivering.deliver(built, f"oci-archive:{place}", context).endswith("(unchanged)")
