"""paddlewheel.lock: the base and the app's build environment, in TOML that is made to be committed and read in diffs.

::

    lock-version = "1.0"

    [base]
    kind = "distroless"
    suite = "trixie"
    packages = ["libpq5"]            # what the settings ask for

    [base.amd64]
    snapshot = "20261119T021254Z"
    libraries = ["libstdc++.so.6"]   # what wheels need beyond the core

    [[base.amd64.package]]
    name = "base-files"
    ...

    [[app-builder.package]]
    name = "hatchling"
    version = "1.27.0"
    hashes = ["sha256:..."]

No mirror stands in it, nor when or by whom it was made: the same content gives the same bytes.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from paddlewheel.cache import write_atomically
from paddlewheel.debian.libraries import holds, package_for
from paddlewheel.debian.model import STAMP, SUITES, PinnedBase, PinnedPackage
from paddlewheel.errors import LockFormatError
from paddlewheel.image.store import storage_errors
from paddlewheel.lock.model import BASE_LOCK, BuildRequirement

VERSION: Final = (1, 0)
KIND: Final = "distroless"

_HEAD: Final = "# Made by `paddlewheel lock`. Commit it; do not edit it.\n"
_ARCHITECTURE: Final = re.compile(r"[a-z0-9][a-z0-9-]*")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9+.-]*")
_VERSION: Final = re.compile(r"[A-Za-z0-9.+:~-]+")
_PATH: Final = re.compile(r"(?!.*(?:^|/)\.\.?(?:/|$))[A-Za-z0-9][A-Za-z0-9+._~:/%-]*")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_STAMP: Final = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_YEARS: Final = (1993, 2999)
_HASH: Final = re.compile(r"[a-z0-9_]+:[0-9a-f]+")
_ARCHIVES: Final = ("debian", "debian-security")
_HINT: Final = f"remove {BASE_LOCK} and run `paddlewheel lock`, or take it from version control"


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseLock:
    """What paddlewheel.lock holds: a base for each architecture, all of one suite, and the build environment."""

    bases: Mapping[str, PinnedBase] = field(default_factory=dict)
    """By Debian's name of the architecture."""
    build: tuple[BuildRequirement, ...] = ()

    def with_base(self, base: PinnedBase) -> BaseLock:
        """The lock with `base` for its architecture. Bases of another suite or request do not stay beside it."""
        others = {
            name: other
            for name, other in self.bases.items()
            if (other.suite, other.requested) == (base.suite, base.requested)
        }
        return replace(self, bases={**others, base.architecture: base})


def misfit(base: PinnedBase | None, *, suite: str, packages: Iterable[str], libraries: Iterable[str]) -> str | None:
    """Why a locked base does not serve what is wanted now, in words; None where it does.

    Libraries that the base holds beyond those wanted do no harm. Sonames that no table knows, or that the suite has
    not (`PinnedBase.missing`), are not looked at.
    """
    if base is None:
        return "it has no base for this platform"
    if base.suite != suite:
        return f"it is of suite {base.suite}, and {suite} is wanted"
    wanted = sorted(set(packages))
    if list(base.requested) != wanted:
        more = sorted(set(wanted) - set(base.requested))
        less = sorted(set(base.requested) - set(wanted))
        parts = [f"lacks {', '.join(more)}"] if more else []
        parts += [f"has {', '.join(less)}, no longer wanted"] if less else []
        return "it " + " and ".join(parts)
    names = {package.name for package in base.packages}
    missing = [
        soname
        for soname in sorted(set(libraries))
        if soname not in (*base.libraries, *base.missing)
        and package_for(soname) is not None
        and not holds(names, soname)
    ]
    return f"it lacks {', '.join(missing)}, which wheels need" if missing else None


def write_base_lock(path: Path, lock: BaseLock) -> bool:
    """Write the lock, whole or not at all; a file that says the same is left alone. Return whether it was written."""
    text = format_base_lock(lock)
    try:
        if path.read_bytes() == text.encode():
            return False
    except OSError:
        pass
    with storage_errors(path.parent):
        write_atomically(path, text.encode())
    return True


def format_base_lock(lock: BaseLock) -> str:
    """The file's text: the same for the same lock, everything sorted."""
    lines = [_HEAD, _pair("lock-version", f"{VERSION[0]}.{VERSION[1]}")]
    bases = [lock.bases[name] for name in sorted(lock.bases)]
    if bases:
        lines += ["\n[base]\n", _pair("kind", KIND), _pair("suite", bases[0].suite)]
        lines.append(_pair("packages", list(bases[0].requested)))
    for base in bases:
        lines += [f"\n[base.{base.architecture}]\n", _pair("snapshot", base.snapshot)]
        lines.append(_pair("libraries", sorted(base.libraries)))
        if base.missing:
            lines.append(_pair("missing", sorted(base.missing)))
        for package in sorted(base.packages, key=lambda one: one.name):
            lines.append(f"\n[[base.{base.architecture}.package]]\n")
            lines += [_pair(key, getattr(package, key)) for key in _PACKAGE_KEYS]
            if package.extra:
                lines.append(_pair("extra", True))
            if package.snapshot:
                lines.append(_pair("snapshot", package.snapshot))
    for requirement in sorted(lock.build, key=lambda one: (one.name, one.version)):
        lines += ["\n[[app-builder.package]]\n", _pair("name", requirement.name), _pair("version", requirement.version)]
        hashes = "".join(f"    {_value(text)},\n" for text in sorted(requirement.hashes))
        lines.append(f"hashes = [\n{hashes}]\n")
    return "".join(lines)


_PACKAGE_KEYS: Final = ("name", "version", "architecture", "archive", "path", "size", "sha256")


def _pair(key: str, value: Any) -> str:
    return f"{key} = {_value(value)}\n"


def _value(value: Any) -> str:
    # JSON's strings, numbers, booleans and flat arrays of these are TOML's too; DEL is not.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def read_base_lock(path: Path) -> BaseLock | None:
    """The lock in `path`, or None where there is no such file. Raise `LockFormatError` naming the place."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise LockFormatError(f"{path.name} cannot be read: {error}", hint=_HINT) from None
    return parse_base_lock(text, path.name)


def parse_base_lock(text: str, name: str = BASE_LOCK) -> BaseLock:
    """Read the text of a lock called `name`. Raise `LockFormatError`."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        conflict = " (it holds the marks of a merge conflict)" if re.search(r"^<<<<<<< ", text, re.MULTILINE) else ""
        raise LockFormatError(f"{name} is not TOML: {error}{conflict}", hint=_HINT) from None
    root = _Table(table, name, "")
    _check_version(root)
    root.only("lock-version", "base", "app-builder")
    bases: dict[str, PinnedBase] = {}
    if "base" in table:
        bases = _bases(root.table("base"))
    build: tuple[BuildRequirement, ...] = ()
    if "app-builder" in table:
        builder = root.table("app-builder")
        builder.only("package")
        build = tuple(_requirement(item) for item in builder.tables("package"))
    return BaseLock(bases=bases, build=build)


def _check_version(root: _Table) -> None:
    text = root.text("lock-version")
    match = re.fullmatch(r"(\d+)\.(\d+)", text)
    if match is None:
        raise root.error("lock-version", f"{text!r} is no version as 1.0")
    if int(match[1]) > VERSION[0]:
        raise LockFormatError(
            f"{root.file} is of version {text}, and this paddlewheel reads up to {VERSION[0]}.x",
            hint="upgrade paddlewheel",
        )


def _bases(table: _Table) -> dict[str, PinnedBase]:
    kind = table.text("kind")
    if kind != KIND:
        raise table.error("kind", f"{kind!r} is not known, only {KIND}")
    suite = table.text("suite")
    if suite not in SUITES:
        raise table.error("suite", f"{suite!r} is not known; there are {', '.join(SUITES)}")
    requested = tuple(sorted(table.texts("packages", _NAME)))
    bases = {}
    for key in table.value:
        if key in ("kind", "suite", "packages"):
            continue
        if not _ARCHITECTURE.fullmatch(key):
            raise table.error(key, "no name of an architecture")
        bases[key] = _base(table.table(key), suite, key, requested)
    return bases


def _base(table: _Table, suite: str, architecture: str, requested: tuple[str, ...]) -> PinnedBase:
    table.only("snapshot", "libraries", "missing", "package")
    items = table.tables("package")
    packages = tuple(sorted((_package(item, architecture) for item in items), key=lambda one: one.name))
    seen: set[str] = set()
    for package in packages:
        if package.name in seen:
            raise table.error("package", f"{package.name} stands there twice")
        seen.add(package.name)
    return PinnedBase(
        suite=suite,
        architecture=architecture,
        snapshot=table.time("snapshot"),
        requested=requested,
        libraries=tuple(sorted(table.texts("libraries"))),
        missing=tuple(sorted(table.texts("missing"))) if "missing" in table.value else (),
        packages=packages,
    )


def _package(table: _Table, base: str) -> PinnedPackage:
    table.only(*_PACKAGE_KEYS, "extra", "snapshot")
    archive = table.text("archive")
    if archive not in _ARCHIVES:
        raise table.error("archive", f"{archive!r} is not one of {', '.join(_ARCHIVES)}")
    architecture = table.text("architecture", _ARCHITECTURE)
    if architecture not in (base, "all"):
        raise table.error("architecture", f"{architecture!r} is not for {base}, which this base is for")
    extra, size = table.value.get("extra", False), table.value.get("size")
    if not isinstance(extra, bool):
        raise table.error("extra", "true or false is wanted")
    if not isinstance(size, int) or isinstance(size, bool) or size <= 0:
        raise table.error("size", "a number of bytes is wanted")
    return PinnedPackage(
        name=table.text("name", _NAME),
        version=table.text("version", _VERSION),
        architecture=architecture,
        archive=archive,
        path=table.text("path", _PATH),
        size=size,
        sha256=table.text("sha256", _SHA256),
        extra=extra,
        snapshot=table.time("snapshot") if "snapshot" in table.value else "",
    )


def _requirement(table: _Table) -> BuildRequirement:
    table.only("name", "version", "hashes")
    return BuildRequirement(
        name=table.text("name"), version=table.text("version"), hashes=tuple(table.texts("hashes", _HASH))
    )


@dataclass(frozen=True, slots=True)
class _Table:
    """A TOML table, the file it is in, and its place there, for errors."""

    value: Mapping[str, Any]
    file: str
    place: str

    def error(self, key: str, what: str) -> LockFormatError:
        return LockFormatError(f"{self.file}: {self._place(key)}: {what}", hint=_HINT)

    def _place(self, key: str) -> str:
        return f"{self.place}.{key}" if self.place else key

    def only(self, *keys: str) -> None:
        for key in self.value:
            if key not in keys:
                raise self.error(key, "no such field is known")

    def text(self, key: str, pattern: re.Pattern[str] | None = None) -> str:
        return self._text(key, self.value.get(key), pattern)

    def _text(self, key: str, value: Any, pattern: re.Pattern[str] | None) -> str:
        if value is None:
            raise self.error(key, "the field is missing")
        if not isinstance(value, str) or not value:
            raise self.error(key, "a text is wanted")
        if pattern is not None and not pattern.fullmatch(value):
            raise self.error(key, f"{value!r} is not of the right form")
        return value

    def time(self, key: str) -> str:
        """A time as the snapshot service has it: ``20251120T081500Z``."""
        text = self.text(key, _STAMP)
        try:
            year = datetime.strptime(text, STAMP).year
        except ValueError:
            raise self.error(key, f"{text!r} is no time") from None
        if not _YEARS[0] <= year <= _YEARS[1]:
            raise self.error(key, f"{text!r} is no time that an archive can be of")
        return text

    def texts(self, key: str, pattern: re.Pattern[str] | None = None) -> list[str]:
        items = self._list(key)
        return [self._text(f"{key}[{number}]", item, pattern) for number, item in enumerate(items)]

    def table(self, key: str) -> _Table:
        value = self.value.get(key)
        if not isinstance(value, dict):
            raise self.error(key, "a table is wanted")
        return _Table(value, self.file, self._place(key))

    def tables(self, key: str) -> list[_Table]:
        items = self._list(key)
        if not all(isinstance(item, dict) for item in items):
            raise self.error(key, "an array of tables is wanted")
        return [_Table(item, self.file, f"{self._place(key)}[{number}]") for number, item in enumerate(items)]

    def _list(self, key: str) -> list[Any]:
        value = self.value.get(key)
        if value is None:
            raise self.error(key, "the field is missing")
        if not isinstance(value, list):
            raise self.error(key, "an array is wanted")
        return value
