"""The environment of the project's build back end, pinned: what [build-system] requires and all that this needs.

Resolved for every platform and every Python that paddlewheel runs on, so that the same lock serves every machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, cast

from packaging.markers import default_environment
from packaging.pylock import Package, Pylock
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from paddlewheel.cache import Cache
from paddlewheel.errors import LockOutdatedError, ProjectError, ResolutionError
from paddlewheel.lock.model import BASE_LOCK, BuildRequirement
from paddlewheel.lock.pylock_file import artifacts, format_table, parse_pylock
from paddlewheel.lock.resolve import resolve
from paddlewheel.lock.uv import UNMET, Uv
from paddlewheel.progress import Reporter
from paddlewheel.project.model import Project

if TYPE_CHECKING:
    from paddlewheel.net import Client

_FIELD: Final = "build-system.requires"

OLDEST_HOST: Final = (3, 11)
"""The oldest Python that paddlewheel runs on, and back ends with it."""

_SETUPTOOLS_WITHOUT_WHEEL: Final = Version("70.1")
"""From here on setuptools no longer asks for `wheel` when it is about to build one."""


def build_requires(
    project: Project,
    previous: Sequence[BuildRequirement] = (),
    *,
    cache: Cache,
    client: Client,
    reporter: Reporter,
    locked: bool = False,
    upgrade: bool = False,
) -> tuple[BuildRequirement, ...]:
    """The pinned build environment, sorted by name; `previous` itself where it still satisfies the project.

    Empty for a project without a build system. Versions of `previous` that still fit are kept when it is made again.
    Raise `LockOutdatedError` instead of making it when `locked`; `ResolutionError`, `NetworkError`, `ProjectError`.
    """
    if not project.build_requires:
        return ()
    wanted = [_parsed(text) for text in project.build_requires]
    if not upgrade and previous and _satisfies(previous, wanted):
        return tuple(previous)
    if locked and not upgrade:
        state = "does not fit [build-system].requires any more" if previous else "lacks the build environment"
        raise LockOutdatedError(
            f"{BASE_LOCK} {state}, and --locked forbids to change it",
            hint=f"run `paddlewheel lock` and commit {BASE_LOCK}",
        )
    uv = Uv.find(offline=client.offline)
    with reporter.task(f"Resolving the build environment with {uv.label}"):
        found = _first_pinned(uv, cache, project.build_requires, previous, upgrade)
        # A hook that pyproject.toml does not show: such a setuptools asks for wheel when the build starts.
        if any(one.name == "setuptools" and Version(one.version) < _SETUPTOOLS_WITHOUT_WHEEL for one in found):
            found = _pinned(uv, cache, (*project.build_requires, "wheel"), found)
    reporter.note(
        f"build environment pinned in {BASE_LOCK}: " + ", ".join(f"{one.name} {one.version}" for one in found)
    )
    return found


def constraint_lines(requirements: Iterable[BuildRequirement]) -> tuple[str, ...]:
    """Requirement lines with hashes, as pip writes them, for ``uv build --build-constraints``."""
    return tuple(
        " ".join([f"{one.name}=={one.version}", *(f"--hash={text}" for text in one.hashes)]) for one in requirements
    )


def _parsed(text: str) -> Requirement:
    try:
        return Requirement(text)
    except InvalidRequirement as error:
        raise ProjectError(
            f"pyproject.toml: build-system.requires: {text!r} is no requirement", hint="as in setuptools>=77"
        ) from error


def _satisfies(pins: Sequence[BuildRequirement], wanted: Iterable[Requirement]) -> bool:
    versions = {pin.name: pin.version for pin in pins}
    return all(
        requirement.specifier.contains(versions.get(canonicalize_name(requirement.name), "0"), prereleases=True)
        and canonicalize_name(requirement.name) in versions
        for requirement in wanted
        if requirement.marker is None or requirement.marker.evaluate()
    )


def _first_pinned(
    uv: Uv, cache: Cache, requirements: Sequence[str], keep: Sequence[BuildRequirement], upgrade: bool
) -> tuple[BuildRequirement, ...]:
    """`_pinned`; where nothing fits, the error names the file and the field that the requirements stand in."""
    try:
        return _pinned(uv, cache, requirements, keep, upgrade)
    except ResolutionError as error:
        told = error.message.removeprefix(f"uv could not resolve {_FIELD}")
        if told == error.message:
            raise
        more = f"\n{error.hint}" if error.hint and error.hint != UNMET else ""
        raise ResolutionError(
            f"pyproject.toml: {_FIELD} cannot be met{told}",
            hint=f"loosen the bound in {_FIELD} to versions that the package index has{more}",
        ) from error


def _pinned(
    uv: Uv, cache: Cache, requirements: Sequence[str], keep: Sequence[BuildRequirement], upgrade: bool = False
) -> tuple[BuildRequirement, ...]:
    with cache.directory("build-requires") as folder:
        source = folder / _FIELD
        source.write_text("\n".join(requirements) + "\n", encoding="utf-8")
        table = resolve(
            uv,
            cache,
            source,
            target_python=OLDEST_HOST,
            home=folder,
            previous=_as_pylock(keep) if keep else None,
            upgrade=upgrade,
            options=["--fork-strategy", "fewest"],
        )
    pylock, _ = parse_pylock(table, _FIELD)
    return tuple(_requirement(package) for package in _one_each(pylock))


def _as_pylock(pins: Iterable[BuildRequirement]) -> str:
    """As much of a lock as uv needs to prefer its versions."""
    packages = [{"name": pin.name, "version": pin.version} for pin in pins]
    return format_table({"lock-version": "1.0", "created-by": "paddlewheel", "packages": packages})


def _one_each(pylock: Pylock) -> list[Package]:
    """A constraint has no marker, so of several versions for several Pythons the one for this Python is taken."""
    here = cast("Mapping[str, str]", default_environment())
    chosen: dict[str, Package] = {}
    for package in pylock.packages:
        fits = package.marker is None or package.marker.evaluate(here, context="lock_file")
        if fits or package.name not in chosen:
            chosen[package.name] = package
    return [chosen[name] for name in sorted(chosen)]


def _requirement(package: Package) -> BuildRequirement:
    hashes = sorted(f"sha256:{artifact.hashes['sha256']}" for _, artifact in artifacts(package))
    if package.version is None or not hashes or package.archive:
        raise ResolutionError(
            f"build-system.requires: {package.name} comes from no package index, so it cannot be pinned",
            hint=f"require a released version of {package.name}",
        )
    return BuildRequirement(name=package.name, version=str(package.version), hashes=tuple(hashes))
