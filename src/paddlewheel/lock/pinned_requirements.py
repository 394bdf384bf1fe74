"""A complete requirements.txt (every line pinned and hashed) as a Pylock.

The file says which bytes are right, not where they are: uv asks the index. Of what the index has, only files whose
hash stands in requirements.txt are taken. The result is kept in the cache; the project is not written to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import Version

from paddlewheel.cache import Cache
from paddlewheel.errors import IntegrityError, LockFormatError, ResolutionError
from paddlewheel.image.model import Platform
from paddlewheel.lock.derived import derived, key
from paddlewheel.lock.model import PythonLock
from paddlewheel.lock.platforms import environment
from paddlewheel.lock.resolve import resolve
from paddlewheel.lock.uv import INDEX_VARIABLES, Uv
from paddlewheel.progress import Reporter
from paddlewheel.project.fingerprint import dependency_fingerprint
from paddlewheel.project.model import Project
from paddlewheel.project.requirements import Line, Requirements, read

Table = dict[str, Any]


def pinned_requirements(
    project: Project,
    *,
    target_python: tuple[int, int],
    platform: Platform,
    cache: Cache,
    offline: bool,
    reporter: Reporter,
) -> PythonLock:
    """The lock that the file is. Raise `IntegrityError` when the index has other bytes than the file allows,
    `LockFormatError` when the file leaves out what its packages need.
    """
    path = project.lock.path
    uv = Uv.find(offline=offline)
    version = "{}.{}".format(*target_python)
    record = key(
        *("requirements", dependency_fingerprint(project), version, str(platform), uv.version),
        environment=INDEX_VARIABLES,
    )

    def make() -> Mapping[str, Any]:
        requirements = read(path)
        if not requirements.lines:
            return {"lock-version": "1.0", "created-by": "paddlewheel", "packages": []}
        _require_sha256(requirements)
        with reporter.task(f"Looking up the packages of {path.name} with {uv.label}"):
            table = _looked_up(project, uv, cache, target_python, reporter)
        table["packages"] = list(_listed(table["packages"], requirements, f"{version}.0", platform, path.name))
        return _restricted(table, requirements, path.name)

    pylock = derived(cache, path.name, record, make)
    names = frozenset(package.name for package in pylock.packages)
    return PythonLock(pylock=pylock, path=path, locker=uv.label, requested=names)


def _require_sha256(requirements: Requirements) -> None:
    for line in requirements.lines:
        if not any(text.startswith("sha256:") for text in line.hashes):
            raise LockFormatError(
                f"{line.file.name}:{line.number}: {line.name or line.text} has no sha256 hash, "
                "the one that package indexes give",
                hint="add --hash=sha256:... (`pip-compile --generate-hashes` writes them), then try again",
            )


def _looked_up(project: Project, uv: Uv, cache: Cache, target: tuple[int, int], reporter: Reporter) -> Table:
    """With dependencies, to see whether the file is whole; without, where the pins contradict the packages."""
    path = project.lock.path
    try:
        return resolve(uv, cache, path, target_python=target, home=project.root)
    except ResolutionError as error:
        if type(error) is not ResolutionError:
            raise
        table = resolve(uv, cache, path, target_python=target, home=project.root, options=["--no-deps"])
        reason = error.message.partition("\n")[2] or error.message
        reporter.warn(f"{path.name} is taken as it stands, though its pins do not fit together: {reason}")
        return table


def _listed(
    packages: Iterable[Table], requirements: Requirements, python: str, platform: Platform, name: str
) -> Iterable[Table]:
    """The packages that the file lists. One that it does not, but that the image needs, is an error."""
    listed = {line.name for line in requirements.lines}
    nameless = any(line.name is None for line in requirements.lines)
    target = cast("Mapping[str, str]", environment(python, platform))
    missing = []
    for package in packages:
        if package["name"] in listed or (nameless and "archive" in package):
            yield package
        elif "marker" not in package or Marker(package["marker"]).evaluate(target, context="lock_file"):
            missing.append(f"{package['name']} {package.get('version', '')}".strip())
    if missing:
        raise LockFormatError(
            f"{name} is pinned and hashed, but it lacks what its packages need: {', '.join(missing)}",
            hint="compile it again with all dependencies: pip-compile --generate-hashes, or uv pip compile "
            "--generate-hashes; or remove the hashes, and paddlewheel keeps a lock of its own",
        )


def _restricted(table: Table, requirements: Requirements, name: str) -> Table:
    """Only files whose hash the requirements list. Raise `IntegrityError` for a package that has none left."""
    for package in table["packages"]:
        allowed = _allowed(package, requirements.lines)
        found = [*package.get("wheels", ()), *(package[kind] for kind in ("sdist", "archive") if kind in package)]
        if not found:
            continue  # a directory or a repository: refused where wheels are chosen, by name
        if not any(_sha256(artifact) in allowed for artifact in found):
            version = package.get("version", "")
            raise IntegrityError(
                f"{name}: none of the files that the index has for {package['name']} {version} has a hash that the "
                f"file lists ({len(found)} looked at)",
                hint="somebody changed the files or the list: find out who, "
                f"and compile {name} again only if the index is right",
            )
        for kind in ("sdist", "archive"):
            if kind in package and _sha256(package[kind]) not in allowed:
                del package[kind]
        package["wheels"] = [wheel for wheel in package.get("wheels", ()) if _sha256(wheel) in allowed]
        if not package["wheels"]:
            del package["wheels"]
    return table


def _sha256(artifact: Mapping[str, Any]) -> str:
    return f"sha256:{artifact.get('hashes', {}).get('sha256', '')}"


def _allowed(package: Table, lines: Iterable[Line]) -> set[str]:
    """The hashes of the lines that are about this version of the package, or about no package by name."""
    allowed: set[str] = set()
    for line in lines:
        if line.name is None or (line.name == package["name"] and _is_about(line, package.get("version"))):
            allowed.update(line.hashes)
    return allowed


def _is_about(line: Line, version: str | None) -> bool:
    try:
        requirement = Requirement(line.text)
    except InvalidRequirement:
        return True
    return version is None or requirement.specifier.contains(Version(version), prereleases=True)
