"""A harbour for the tests of faults: one server for a module, its faults forgotten after each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.proof.harbour import Harbour, opened


@pytest.fixture(scope="module")
def _harbour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harbour]:
    with opened(tmp_path_factory.mktemp("harbour")) as harbour:
        yield harbour


@pytest.fixture
def harbour(_harbour: Harbour) -> Iterator[Harbour]:
    try:
        yield _harbour
    finally:
        _harbour.server.faults.clear()
        _harbour.server.requests.clear()
