"""The callers of a sandbox: root, an ordinary user with subordinate ids, and one without."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from paddlewheel.sandbox.mapping import subordinate
from tests.sandbox.callers import DRIVER, Caller
from tests.setup import debian, users
from tests.support.need import need, need_program, need_root


def _entered(name: str) -> Iterator[Caller]:
    try:
        user = users.enter(name)
    except (KeyError, debian.SetupError) as error:
        pytest.skip(f"{error}; run `python -m tests.setup install`")
    shutil.copy(DRIVER, user.home)
    sees = "range" if name == debian.USER else "one"
    if os.geteuid() != 0:
        sees = "range" if subordinate() else "one"
    try:
        yield Caller(sees, user.uid, user.gid, user.home, user.home, user.python, user.environment)
    finally:
        users.leave(user)


@pytest.fixture(autouse=True)
def _static_shell() -> None:
    need(Path("/bin/busybox").exists(), "busybox is not installed (Debian: busybox-static)")


@pytest.fixture(scope="session")
def _root(tmp_path_factory: pytest.TempPathFactory) -> Caller:
    need_root()
    home = tmp_path_factory.mktemp("root")
    shutil.copy(DRIVER, home)
    sources = str(Path(__file__).parents[2] / "src")
    return Caller("same", 0, 0, home, home, Path(sys.executable), os.environ | {"PYTHONPATH": sources})


@pytest.fixture(scope="session")
def _ordinary() -> Iterator[Caller]:
    if os.geteuid() == 0:
        need_program("newuidmap")
    yield from _entered(debian.USER)


@pytest.fixture(scope="session")
def _bare() -> Iterator[Caller]:
    need_root()
    yield from _entered(debian.BARE_USER)


@pytest.fixture
def root(_root: Caller) -> Caller:
    """Root, with all users of the machine."""
    return _root.anew()


@pytest.fixture
def ordinary(_ordinary: Caller) -> Caller:
    """A user with subordinate ids, where root runs the tests; else whoever runs them."""
    return _ordinary.anew()


@pytest.fixture
def bare(_bare: Caller) -> Caller:
    """A user without subordinate ids. Only root can become it."""
    return _bare.anew()


@pytest.fixture(params=["root", "ordinary", "bare"])
def caller(request: pytest.FixtureRequest) -> Iterator[Caller]:
    """Each of the three in turn. No run may leave anything behind."""
    caller: Caller = request.getfixturevalue(request.param)
    yield caller
    if caller.scratch.exists():
        assert caller.left() == []
