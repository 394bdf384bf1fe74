"""Fixtures for all tests, and two rules: nothing skips on CI, and no test touches the user's cache."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.setup import debian, places, pythons, services, users
from tests.support.engines import Engine
from tests.support.need import need, on_ci


def pytest_configure() -> None:
    """A shell starts background jobs with SIGINT and SIGQUIT ignored, nohup adds SIGHUP, and all that a test starts
    would inherit that."""
    defaults: dict[int, Any] = {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGQUIT: signal.SIG_DFL,
        signal.SIGHUP: signal.SIG_DFL,
    }
    for number, handler in defaults.items():
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if on_ci() and report.skipped and not hasattr(report, "wasxfail"):
        _fail(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if on_ci() and report.skipped:
        _fail(report)
    return report


def _fail(report: pytest.TestReport | pytest.CollectReport) -> None:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    report.outcome = "failed"
    report.longrepr = f"nothing may be skipped with CI=true, but this was. {reason}"


@pytest.fixture(scope="session", autouse=True)
def _own_cache() -> Iterator[None]:
    """A cache for all tests that do not bring one: kept between runs, apart from the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PADDLEWHEEL_CACHE_DIR", str(places.CACHE / "shared"))
        yield


@pytest.fixture(scope="session")
def _services() -> Iterator[None]:
    """The right to use the services. The last test process that holds it stops them."""
    reason = debian.why_not()
    need(reason is None, str(reason))
    missing = debian.missing_packages()
    need(not missing, f"not installed: {', '.join(missing)}; run `python -m tests.setup install`")
    with services.used():
        yield


@pytest.fixture(scope="session")
def docker(_services: None) -> Engine:
    """Debian's Docker: a daemon of the tests' own."""
    return Engine("docker", services.docker())


@pytest.fixture(scope="session")
def podman(_services: None) -> Engine:
    """Debian's Podman, with a storage of the tests' own."""
    return Engine("podman", services.podman())


@pytest.fixture(scope="session")
def registry(_services: None) -> str:
    """The address of a docker-registry on loopback, which speaks plain HTTP, as ``127.0.0.1:40123``."""
    return services.registry()


@pytest.fixture(scope="session")
def other_python() -> Path:
    """The Python of an environment with the same packages as this one, made from another build of Python."""
    try:
        return pythons.other_environment()
    except debian.SetupError as error:
        pytest.skip(str(error))


@pytest.fixture
def ordinary_user() -> Iterator[users.User]:
    """An account without privileges; with subordinate ids where uidmap is installed."""
    yield from _user(debian.USER)


@pytest.fixture
def bare_user() -> Iterator[users.User]:
    """An account without privileges and without subordinate ids. Only root can become it."""
    need(os.geteuid() == 0, "only root can become another user")
    yield from _user(debian.BARE_USER)


def _user(name: str) -> Iterator[users.User]:
    try:
        user = users.enter(name)
    except (KeyError, debian.SetupError) as error:
        pytest.skip(f"{error}; run `python -m tests.setup install`")
    try:
        yield user
    finally:
        users.leave(user)


@pytest.fixture(scope="session")
def _network() -> None:
    """Whether the package index answers that pip is configured for here."""
    from tests.support.index_access import index_url, why_unreachable

    reason = why_unreachable(index_url())
    need(reason is None, f"the package index does not answer: {reason}")


def pytest_itemcollected(item: pytest.Item) -> None:
    if item.get_closest_marker("network") and isinstance(item, pytest.Function):
        item.fixturenames.insert(0, "_network")
