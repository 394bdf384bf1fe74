"""The pinned environment of a build back end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from paddlewheel.errors import LockFormatError, LockOutdatedError, ProjectError, ResolutionError
from paddlewheel.lock.build_requires import build_requires, constraint_lines
from paddlewheel.lock.model import BuildRequirement
from paddlewheel.net import Client
from paddlewheel.project.model import Project
from tests.lock.conftest import Starts, Workshop
from tests.support.index import PackageIndex
from tests.support.wheels import make_sdist, make_wheel, sha256


@pytest.fixture
def tools(index: PackageIndex) -> PackageIndex:
    make_wheel(index.folder, "backend", "1.0", requires=["lib", "wintool; sys_platform == 'win32'"])
    make_sdist(index.folder, "backend", "1.0", requires=["lib"])
    return index


def project(shop: Workshop, *requires: str) -> Project:
    shop.write({"requirements.txt": ""})
    return replace(shop.read(), build_requires=requires)


def pinned(
    shop: Workshop,
    project: Project,
    previous: tuple[BuildRequirement, ...] = (),
    *,
    locked: bool = False,
    upgrade: bool = False,
) -> tuple[BuildRequirement, ...]:
    return build_requires(
        project, previous, cache=shop.cache, client=Client(), reporter=shop.reporter, locked=locked, upgrade=upgrade
    )


def test_everything_with_all_hashes(shop: Workshop, tools: PackageIndex) -> None:
    found = pinned(shop, project(shop, "backend>=1"))
    assert [(one.name, one.version) for one in found] == [("backend", "1.0"), ("lib", "1.1"), ("wintool", "1.0")]
    files = ["backend-1.0-py3-none-any.whl", "backend-1.0.tar.gz"]
    assert found[0].hashes == tuple(sorted(f"sha256:{sha256(tools.folder / file)}" for file in files))
    assert "backend 1.0" in shop.reporter.notes[0]
    lines = constraint_lines(found)
    assert lines[1] == f"lib==1.1 --hash=sha256:{sha256(tools.folder / 'lib-1.1-py3-none-any.whl')}"
    assert shop.names() == ["requirements.txt"]


def test_kept_while_it_satisfies(shop: Workshop, tools: PackageIndex, starts: Starts) -> None:
    first = pinned(shop, project(shop, "backend"))
    before = starts.count()
    assert pinned(shop, project(shop, "backend<2", "Lib", "absent; sys_platform == 'win32'"), first) == first
    assert starts.count() == before


def test_versions_are_kept_when_it_is_made_again(shop: Workshop, tools: PackageIndex) -> None:
    first = pinned(shop, project(shop, "backend"))
    for name in ("backend", "lib", "extra"):
        make_wheel(tools.folder, name, "2.0", requires=["lib"] if name == "backend" else [])
    again = {one.name: one.version for one in pinned(shop, project(shop, "backend>=2", "extra"), first)}
    assert again == {"backend": "2.0", "extra": "2.0", "lib": "1.1"}
    upgraded = {one.name: one.version for one in pinned(shop, project(shop, "backend"), first, upgrade=True)}
    assert upgraded == {"backend": "2.0", "lib": "2.0"}


@pytest.mark.parametrize("has_pins", [False, True])
def test_locked_refuses(shop: Workshop, tools: PackageIndex, starts: Starts, has_pins: bool) -> None:
    pins = (BuildRequirement(name="backend", version="0.1", hashes=("sha256:00",)),) if has_pins else ()
    with pytest.raises(LockOutdatedError, match=r"paddlewheel.lock"):
        pinned(shop, project(shop, "backend>=1"), pins, locked=True)
    assert starts.count() == 0


def test_setuptools_that_asks_for_wheel(shop: Workshop, tools: PackageIndex) -> None:
    make_wheel(tools.folder, "setuptools", "69.0")
    make_wheel(tools.folder, "wheel", "0.43")
    assert {one.name for one in pinned(shop, project(shop, "setuptools"))} == {"setuptools", "wheel"}
    make_wheel(tools.folder, "setuptools", "80.0")
    assert {one.name for one in pinned(shop, project(shop, "setuptools"))} == {"setuptools"}


def test_none_without_a_build_system(shop: Workshop, starts: Starts) -> None:
    shop.write({"requirements.txt": ""})
    assert pinned(shop, shop.read()) == ()
    assert pinned(shop, project(shop)) == ()
    assert starts.count() == 0


def test_bounds_that_the_index_cannot_meet(shop: Workshop, tools: PackageIndex) -> None:
    with pytest.raises(ResolutionError) as caught:
        pinned(shop, project(shop, "backend>=2,<3"))
    assert caught.value.message.startswith("pyproject.toml: build-system.requires cannot be met:\n")
    assert "backend" in caught.value.message
    assert (caught.value.hint or "").startswith("loosen the bound in build-system.requires to versions that the")


def test_faults(shop: Workshop, tools: PackageIndex, tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"build-system.requires: 'a b c' is no requirement"):
        pinned(shop, project(shop, "a b c"))
    with pytest.raises(ResolutionError, match=r"absent"):
        pinned(shop, project(shop, "absent"))
    wheel = make_wheel(tmp_path / "own", "private", "1.0")
    with pytest.raises((ResolutionError, LockFormatError), match=r"private"):
        pinned(shop, project(shop, f"private @ file://{wheel}"))
