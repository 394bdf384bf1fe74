"""The choice of one wheel for each locked package, for a given interpreter, C library and machine. Pure.

Tags: PEP 425, PEP 600 (manylinux_X_Y and its older names), PEP 656 (musllinux). The choice itself is
`packaging.pylock.Pylock.select`, the algorithm of the pylock specification.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from packaging.markers import Environment
from packaging.pylock import (
    Package,
    PackageArchive,
    PackageDirectory,
    PackageSdist,
    PackageVcs,
    PackageWheel,
    PylockSelectError,
)
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from paddlewheel.errors import NoMatchingWheelError, PaddlewheelError, ResolutionError
from paddlewheel.lock.model import PythonLock
from paddlewheel.lock.platforms import environment, machine
from paddlewheel.plan.model import PythonTarget, WheelRef

_LEGACY: Final = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
"""glibc 2.N -> the name that manylinux_2_N had before PEP 600."""

_LEGACY_MACHINES: Final = {
    "manylinux2014": {"x86_64", "i686", "aarch64", "armv7l", "ppc64le", "s390x"},
    "manylinux2010": {"x86_64", "i686"},
    "manylinux1": {"x86_64", "i686"},
}
_WHEELS_SHOWN: Final = 6
_INSTEAD: Final = {
    "mysqlclient": "PyMySQL or mysql-connector-python",
    "psycopg-c": "psycopg[binary]",
    "psycopg2": "psycopg2-binary or psycopg[binary]",
    "pycrypto": "pycryptodome",
    "pylibmc": "pymemcache",
    "python-ldap": "ldap3",
    "sklearn": "scikit-learn",
    "uwsgi": "pyuwsgi or gunicorn",
}
"""Often wanted packages without any wheel for Linux -> what does the same and has one."""

Chosen = PackageVcs | PackageDirectory | PackageArchive | PackageWheel | PackageSdist


@lru_cache(maxsize=16)
def tags_for(python: PythonTarget) -> tuple[Tag, ...]:
    """The wheel tags that the interpreter accepts, best first."""
    platforms = list(_platform_tags(python))
    interpreter = f"cp{python.version[0]}{python.version[1]}"
    # The ABI is said and not left to packaging, which would look at the Python that runs paddlewheel.
    own = cpython_tags(python.version, abis=[interpreter], platforms=platforms)
    return (*own, *compatible_tags(python.version, interpreter=interpreter, platforms=platforms))


def _platform_tags(python: PythonTarget) -> Iterator[str]:
    libc, major, minor = python.libc
    arch = machine(python.platform)
    yield f"linux_{arch}"
    if libc == "glibc":
        # manylinux1, the first of them, was glibc 2.5 and for x86 alone; the other machines came with 2.17.
        oldest = 5 if arch in _LEGACY_MACHINES["manylinux1"] else 17
        for number in range(minor, oldest - 1, -1):
            yield f"manylinux_{major}_{number}_{arch}"
            legacy = _LEGACY.get(number)
            if legacy and arch in _LEGACY_MACHINES[legacy]:
                yield f"{legacy}_{arch}"
    elif libc == "musl":
        for number in range(minor, -1, -1):
            yield f"musllinux_{major}_{number}_{arch}"


def environment_for(python: PythonTarget) -> Environment:
    """What environment markers see in the image."""
    return environment(python.full_version, python.platform)


def describe(python: PythonTarget) -> str:
    """``Python 3.11, glibc 2.36, x86_64``"""
    libc, major, minor = python.libc
    return f"Python {python.short}, {libc} {major}.{minor}, {machine(python.platform)}"


def select_wheels(
    lock: PythonLock,
    python: PythonTarget,
    extras: Collection[str] = (),
    groups: Collection[str] | None = None,
) -> tuple[WheelRef, ...]:
    """One wheel for each package that the environment needs, sorted by name.

    `groups` None: the lock's default groups. Raise `NoMatchingWheelError` for packages without a wheel that fits, or a
    lock for other Pythons; `ResolutionError` for packages that come from no index, or a lock that contradicts itself.
    """
    required = lock.pylock.requires_python
    if required and not required.contains(python.full_version, prereleases=True):
        raise NoMatchingWheelError(
            f"{lock.path.name} is for Python {required}; the image has Python {python.full_version}",
            hint=f"choose another base or Python in [tool.paddlewheel], or lock again for Python {python.short}",
        )
    selected = lock.pylock.select(
        environment=environment_for(python), tags=tags_for(python), extras=extras, dependency_groups=groups
    )
    wheels: list[WheelRef] = []
    missing: list[Package] = []
    try:
        for package, chosen in selected:
            if isinstance(chosen, PackageSdist):
                missing.append(package)
            else:
                wheels.append(_wheel(lock, python, package, chosen))
    except PylockSelectError as error:
        raise _select_error(lock, python, error) from error
    if missing:
        raise _no_wheel(lock, python, missing)
    return tuple(sorted(wheels, key=lambda wheel: wheel.name))


def _wheel(lock: PythonLock, python: PythonTarget, package: Package, chosen: Chosen) -> WheelRef:
    if not isinstance(chosen, PackageWheel | PackageArchive):
        raise _not_from_an_index(lock, package, chosen)
    filename = _filename(chosen)
    if isinstance(chosen, PackageArchive):
        # A wheel named by its own address stands in a lock as an archive, and its tags are looked at by nobody else.
        try:
            tags = parse_wheel_filename(filename)[-1]
        except InvalidWheelFilename:
            raise _not_from_an_index(lock, package, chosen) from None
        if tags.isdisjoint(tags_for(python)):
            raise _no_wheel(lock, python, [package])
    url, path = chosen.url, chosen.path
    if url and urlsplit(url).scheme == "file":
        path = _local_path(lock, package, url)
        url = None
    return WheelRef(
        name=package.name,
        version=str(package.version or parse_wheel_filename(filename)[1]),
        filename=filename,
        sha256=chosen.hashes["sha256"],
        size=chosen.size,
        url=url,
        path=None if path is None else str(lock.path.parent.absolute() / Path(path)),
        requested=package.name in lock.requested,
        vouched=lock.vouched,
    )


def _local_path(lock: PythonLock, package: Package, url: str) -> str:
    """The path in a file URL (RFC 8089): its host, if it names one, must be this machine."""
    parts = urlsplit(url)
    if parts.netloc.lower() not in ("", "localhost"):
        raise ResolutionError(
            f"{lock.path.name}: {package.name} comes from {url}, a file on another machine ({parts.netloc})",
            hint="copy the wheel to this machine and write file:///PATH, or name a server with https://",
        )
    return unquote(parts.path)


def _filename(artifact: PackageWheel | PackageArchive) -> str:
    if isinstance(artifact, PackageWheel):
        return artifact.filename
    return unquote(urlsplit(artifact.url or artifact.path or "").path.rsplit("/", 1)[-1])


def _not_from_an_index(lock: PythonLock, package: Package, chosen: Chosen) -> PaddlewheelError:
    match chosen:
        case PackageVcs():
            source = f"a {chosen.type} repository ({_without_credentials(chosen.url or chosen.path)})"
        case PackageDirectory():
            source = f"the directory {chosen.path}"
        case PackageArchive():
            source = f"the source archive {_without_credentials(chosen.url or chosen.path)}"
        case _:  # pragma: no cover - callers pass the three above
            source = "an unknown place"
    return ResolutionError(
        f"{lock.path.name}: {package.name} comes from {source}, which is not supported: packages are taken as wheels",
        hint=f"publish {package.name} as a wheel to an index, or name a wheel file, and lock again",
    )


def _without_credentials(place: str | None) -> str:
    return re.sub(r"(?<=://)[^\s/@]+@", "", place or "")


def _select_error(lock: PythonLock, python: PythonTarget, error: PylockSelectError) -> PaddlewheelError:
    """packaging tells the place as ``packages[N]``; the package and its wheels are looked up there."""
    text = str(error)
    places = [int(number) for number in re.findall(r"packages\[(\d+)\]", text)]
    if text.startswith("No wheel found") and places:
        return _no_wheel(lock, python, [lock.pylock.packages[places[0]]])
    name = lock.path.name
    if "environments" in text:
        markers = "; ".join(str(marker) for marker in lock.pylock.environments or ())
        return NoMatchingWheelError(
            f"{name} is not for {describe(python)}; it is for: {markers}",
            hint=f"add Linux and Python {python.short} to the environments that {name} is made for, and lock again",
        )
    if len(places) == 1:
        package = lock.pylock.packages[places[0]]
        return NoMatchingWheelError(
            f"{name}: {_title(package)} needs Python {package.requires_python}; the image has {python.full_version}",
            hint="choose another base or Python in [tool.paddlewheel], or lock again for this Python",
        )
    return ResolutionError(f"{name}: {text}", hint=f"make {name} again with the tool that wrote it")


def _title(package: Package) -> str:
    return f"{package.name} {package.version}" if package.version else package.name


def _no_wheel(lock: PythonLock, python: PythonTarget, packages: Sequence[Package]) -> NoMatchingWheelError:
    lines = [f"{lock.path.name}: no wheel for {describe(python)}:"]
    lines += [f"  {_title(package)}: {_offered(package)}" for package in packages]
    return NoMatchingWheelError("\n".join(lines), hint=_advice(packages))


def _offered(package: Package) -> str:
    names = sorted(wheel.filename for wheel in package.wheels or ())
    if package.archive:
        names = [_filename(package.archive)]
    if not names:
        return "there is a source distribution only"
    more = f" and {len(names) - _WHEELS_SHOWN} more" if len(names) > _WHEELS_SHOWN else ""
    return "there are " + ", ".join(names[:_WHEELS_SHOWN]) + more


def _advice(packages: Sequence[Package]) -> str:
    elsewhere = [package.name for package in packages if _has_linux_wheel(package)]
    lines = []
    if elsewhere:
        lines.append(
            f"take a version of {', '.join(sorted(set(elsewhere)))} that has a wheel for it, or another Python by "
            '`python = "3.X"` or another `base` in [tool.paddlewheel]'
        )
    compiled = {package.name for package in packages} - set(elsewhere)
    lines += [
        f"{name} would have to be compiled, which paddlewheel does not do yet: depend on {_INSTEAD[name]} instead"
        for name in sorted(compiled & _INSTEAD.keys())
    ]
    others = sorted(compiled - _INSTEAD.keys())
    if others:
        lines.append(
            f"{', '.join(others)} would have to be compiled, which paddlewheel does not do yet: take a version or "
            "another package that is published as a wheel for Linux, or build one and name an index that has it"
        )
    return "\n".join(lines)


def _has_linux_wheel(package: Package) -> bool:
    """Whether it has a wheel for Linux, of whatever machine, C library and Python, or for all systems."""
    names = [wheel.filename for wheel in package.wheels or ()]
    if package.archive:
        names.append(_filename(package.archive))
    return any("linux" in tag or tag == "any" for name in names for tag in _platform_part(name))


def _platform_part(filename: str) -> list[str]:
    return filename.removesuffix(".whl").rpartition("-")[2].split(".") if filename.endswith(".whl") else []
