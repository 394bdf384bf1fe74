"""What is refused before anything is resolved: no lock where one is demanded, and platforms that no base has."""

from __future__ import annotations

from pathlib import Path

import pytest

from paddlewheel import verbs
from paddlewheel.cache import Cache
from paddlewheel.debian.model import PinnedBase, PinnedPackage
from paddlewheel.errors import LockOutdatedError, UsageError
from paddlewheel.image.model import Platform
from paddlewheel.lock.base import BaseLock, format_base_lock
from paddlewheel.net import Client
from paddlewheel.progress import Silent
from paddlewheel.verbs import Context, Overrides
from paddlewheel.verbs.locking import target_platform
from tests.support.tree import write_tree


def context(folder: Path, platform: str) -> Context:
    return Context(
        cache=Cache(folder / "cache"),
        client=Client(offline=True),
        reporter=Silent(),
        overrides=Overrides(platform=platform),
    )


def refused(folder: Path, files: dict[str, str]) -> LockOutdatedError:
    here = context(folder, "linux/amd64")
    project = verbs.read(write_tree(folder / "shop", {"requirements.txt": "", "app.py": "", **files}), context=here)
    with pytest.raises(LockOutdatedError) as caught:
        verbs.lock(project, context=here, locked=True)
    assert caught.value.hint == "run `paddlewheel lock` and commit paddlewheel.lock"
    return caught.value


def test_a_base_lock_that_is_not_there(tmp_path: Path) -> None:
    assert refused(tmp_path, {}).message == "paddlewheel.lock is missing, and --locked forbids to make it"


def test_a_base_lock_for_another_platform(tmp_path: Path) -> None:
    package = PinnedPackage(
        name="libc6", version="2.41-12", architecture="arm64", archive="debian", path="a.deb", size=1, sha256="0" * 64
    )
    base = PinnedBase(
        suite="trixie", architecture="arm64", snapshot="20260301T120000Z", requested=(), packages=(package,)
    )
    text = format_base_lock(BaseLock().with_base(base))
    message = refused(tmp_path, {"paddlewheel.lock": text}).message
    assert message.startswith("paddlewheel.lock does not fit: ")
    assert message.endswith(", and --locked forbids to change it")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("arm64", "did you mean linux/arm64?"),
        ("x86_64", "did you mean linux/amd64?"),
        ("mips", "write it as linux/amd64 or linux/arm64"),
        ("linux/", "write it as linux/amd64 or linux/arm64"),
        ("windows/amd64", "choose linux/amd64 or linux/arm64, one at a time"),
        ("linux/amd64,linux/arm64", "choose linux/amd64 or linux/arm64, one at a time"),
    ],
)
def test_a_platform_that_cannot_be(tmp_path: Path, text: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        target_platform(context(tmp_path, text))
    assert text in caught.value.message
    assert caught.value.hint == hint


def test_a_platform_that_can(tmp_path: Path) -> None:
    assert target_platform(context(tmp_path, "linux/arm64/v8")) == Platform("linux", "arm64")
