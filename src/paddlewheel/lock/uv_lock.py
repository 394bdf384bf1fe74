"""`uv.lock` as a Pylock. The file is the user's: it is read, checked and exported, never written."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from paddlewheel.cache import Cache
from paddlewheel.errors import LockFormatError, LockOutdatedError, StorageError
from paddlewheel.lock.derived import derived, key
from paddlewheel.lock.model import PythonLock
from paddlewheel.lock.uv import INDEX_VARIABLES, Uv, explain, failure, interpreter
from paddlewheel.project.fingerprint import dependency_fingerprint
from paddlewheel.project.model import Project
from paddlewheel.project.tomlfile import load

EXPORT: Final = ("export", "--frozen", "--format", "pylock.toml", "--no-header", "--no-emit-project")
PRODUCTION: Final = ("--no-default-groups",)
"""The project's own dependencies alone: no dependency groups, no extras."""

_FRESH: Final = "uv-lock-fresh"


def uv_lock(project: Project, *, cache: Cache, offline: bool, locked: bool) -> PythonLock:
    """The export of the project's uv.lock, from the cache where it was made before.

    A uv.lock that does not fit pyproject.toml any more gives a warning, or `LockOutdatedError` when `locked`.
    Raise `LockFormatError` for a uv.lock that uv cannot read.
    """
    path = project.lock.path
    try:
        data = path.read_bytes()
    except OSError as error:
        raise LockFormatError(f"{path.name} cannot be read: {error.strerror}", hint=f"check {path}") from error
    uv = Uv.find(offline=offline)
    record = key("uv.lock", data, dependency_fingerprint(project), uv.version, *EXPORT, *PRODUCTION)
    pylock = derived(cache, path.name, record, lambda: _export(project, uv))
    warnings: tuple[str, ...] = ()
    # Only "fresh" is remembered: what makes a lock stale may lie outside the fingerprint, as a group for development.
    if cache.record(_FRESH, record) is None:
        stale = _staleness(project, uv)
        if stale is None:
            cache.put_record(_FRESH, record, {})
        elif locked:
            raise LockOutdatedError(
                f"{path.name} does not fit pyproject.toml any more ({stale}), and --locked forbids to go on",
                hint="run `uv lock` and commit uv.lock",
            )
        else:
            warnings = (
                f"{path.name} does not fit pyproject.toml any more; the image gets what {path.name} says. "
                "Run `uv lock` to update it",
            )
    return PythonLock(pylock=pylock, path=path, locker=uv.label, warnings=warnings)


def _export(project: Project, uv: Uv) -> Mapping[str, Any]:
    path = project.lock.path
    load(path, LockFormatError)
    result = uv.run([*EXPORT, *PRODUCTION, "--quiet"], cwd=project.root, offline=True)
    if result.returncode:
        told = failure(result, f"export {path.name}")
        if isinstance(told, StorageError):
            raise told
        explanation, hint = explain(result.stderr)
        raise LockFormatError(f"{path.name} cannot be exported by {uv.label}:\n{explanation}", hint=hint or "uv lock")
    table = tomllib.loads(result.stdout)
    table.setdefault("packages", [])  # uv leaves it out where there are none; the format wants it
    return table


def _staleness(project: Project, uv: Uv) -> str | None:
    """Why uv.lock does not fit pyproject.toml, or None when it does.

    Asked without network first, as a lock that fits needs none. Then without the environment's indexes: uv takes a
    lock made from another index for stale, but a mirror that this machine is set up for says nothing about the lock.
    """
    command = ["lock", "--check", *interpreter()]
    result = uv.run(command, cwd=project.root, offline=True)
    if result.returncode and "incompatible with the project's Python requirement" in result.stderr:
        # The project is for another Python than runs paddlewheel, and uv would need one of those to check.
        return _difference(project)
    if result.returncode and any(name in os.environ for name in INDEX_VARIABLES):
        result = uv.run(command, cwd=project.root, offline=True, without=INDEX_VARIABLES)
    if result.returncode and "needs to be updated" not in result.stderr and not uv.offline:
        result = uv.run(command, cwd=project.root)
    if result.returncode == 0:
        return None
    explanation, _ = explain(result.stderr)
    return re.sub(r"\s+", " ", explanation) or "uv gave no reason"


def _difference(project: Project) -> str | None:
    """What differs between the dependencies that pyproject.toml declares and those that uv.lock was made from.

    Names, extras and versions are compared; uv writes markers in a form of its own.
    """
    declared = load(project.root / "pyproject.toml").get("project", {})
    for package in load(project.lock.path, LockFormatError).get("package", ()):
        source = package.get("source", {})
        if canonicalize_name(package.get("name", "")) == project.name and {"editable", "virtual"} & source.keys():
            break
    else:
        return f"{project.name} is not in it"
    before = {
        (
            canonicalize_name(entry["name"]),
            SpecifierSet(entry.get("specifier", "")),
            "extra ==" in entry.get("marker", ""),
        )
        for entry in package.get("metadata", {}).get("requires-dist", ())
    }
    optional = [text for texts in declared.get("optional-dependencies", {}).values() for text in texts]
    try:
        now = {*_stated(declared.get("dependencies", ()), False), *_stated(optional, True)}
    except InvalidRequirement as error:
        return str(error)
    changed = sorted({name for name, _, _ in before ^ now})
    return f"changed: {', '.join(changed)}" if changed else None


def _stated(texts: Iterable[str], extra: bool) -> Iterator[tuple[str, SpecifierSet, bool]]:
    for text in texts:
        requirement = Requirement(text)
        yield canonicalize_name(requirement.name), requirement.specifier, extra
