"""Several builds at once on one cache, and a cache that is pruned meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.proof.builds import Build, build, debris, partials
from tests.proof.harbour import Harbour
from tests.support.command import paddlewheel


@pytest.mark.parametrize("count", [2, pytest.param(4, marks=pytest.mark.slow)])
@pytest.mark.parametrize("same", [True, False], ids=["one-project", "several-projects"])
def test_builds_at_once(harbour: Harbour, tmp_path: Path, count: int, same: bool) -> None:
    alone = harbour.project(tmp_path / "alone" / "boat")
    reference = build(alone, harbour.environment(tmp_path / "alone" / "cache")).reference
    harbour.server.requests.clear()
    cache = tmp_path / "cache"
    projects = [harbour.project(tmp_path / ("one" if same else f"project{number}") / "boat") for number in range(count)]
    builds = [Build(project, harbour.environment(cache)) for project in projects]
    assert {one.result().reference for one in builds} == {reference}
    assert debris(cache, *projects) == []
    assert partials(cache) == []
    # Each file was fetched once, whoever was first.
    files = [request.path for request in harbour.server.requests if request.path.endswith((".whl", ".deb"))]
    assert sorted(files) == sorted(set(files))


@pytest.mark.slow
def test_builds_of_other_wheels_at_once(harbour: Harbour, tmp_path: Path) -> None:
    wheels = sorted((harbour.folder / "wheels").iterdir())
    sets = [wheels[:3], wheels[1:4], wheels[2:], wheels]
    expected, builds = [], []
    for number, some in enumerate(sets):
        project = harbour.project(tmp_path / f"project{number}" / "boat", wheels=some)
        expected.append(build(project, harbour.environment(tmp_path / f"cache{number}")).reference)
    for number, some in enumerate(sets):
        project = harbour.project(tmp_path / f"again{number}" / "boat", wheels=some)
        builds.append(Build(project, harbour.environment(tmp_path / "cache")))
    assert [one.result().reference for one in builds] == expected
    assert debris(tmp_path) == []


@pytest.mark.slow
def test_a_cache_that_is_pruned_while_a_build_runs(harbour: Harbour, tmp_path: Path) -> None:
    project, cache = harbour.project(tmp_path / "boat"), tmp_path / "cache"
    environment = harbour.environment(cache)
    reference = build(harbour.project(tmp_path / "first" / "boat"), harbour.environment(tmp_path / "other")).reference
    running = Build(project, environment)
    while running.runs():
        # What was used within the last minutes stays, so the build notices nothing.
        paddlewheel("cache", "prune", "--max-size", "0", env=environment)
    assert running.result().reference == reference
    running = Build(harbour.project(tmp_path / "second" / "boat"), environment)
    while running.runs():
        paddlewheel("cache", "prune", "--all", env=environment)
    # Everything may have gone from under this one: an error, perhaps, but no nonsense, and the next build just works.
    result = running.result()
    assert result.status != 0 or result.reference == reference
    assert result.status == 0 or "hint: " in result.err
    assert build(project, environment).reference == reference
