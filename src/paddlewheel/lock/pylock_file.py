"""Pylock files: TOML text -> `packaging.pylock.Pylock`, and back into text that is stable and good to diff.

Format: PEP 751, https://packaging.python.org/en/latest/specifications/pylock-toml/
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, Final

from packaging.pylock import (
    Package,
    PackageArchive,
    PackageSdist,
    PackageWheel,
    Pylock,
    PylockUnsupportedVersionError,
    PylockValidationError,
)
from packaging.version import InvalidVersion, Version

from paddlewheel.errors import LockFormatError
from paddlewheel.net.urls import without_secrets
from paddlewheel.project.tomlfile import load

_READS: Final = "lock versions 1.x"
_NEWEST: Final = Version("1.0")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")

_FIRST: Final = {key: place for place, key in enumerate(("name", "url", "path", "size", "upload-time", "hashes"))}
"""The order of an artifact's fields, for people."""

Artifact = PackageWheel | PackageSdist | PackageArchive


def read_pylock(path: Path) -> tuple[Pylock, tuple[str, ...]]:
    """Read and validate the pylock file at `path`; also sentences of warning about it.

    Raise `LockFormatError`, naming the file and the place in it.
    """
    return parse_pylock(load(path, LockFormatError), path.name)


def parse_pylock(table: Mapping[str, Any], name: str) -> tuple[Pylock, tuple[str, ...]]:
    """`table` as a valid lock in which every artifact has a SHA-256; also warnings. Raise `LockFormatError`."""
    table, warnings = _readable_version(table, name)
    try:
        pylock = Pylock.from_dict(table)
    except PylockUnsupportedVersionError as error:
        raise _too_new(str(table.get("lock-version")), name) from error
    except PylockValidationError as error:
        where = f"{name}: {error.context}" if error.context else name
        message = error.message[:1].lower() + error.message[1:]
        raise LockFormatError(
            f"{where}: {message}", hint=f"make {name} again with the tool that wrote it ({table.get('created-by')})"
        ) from error
    _require_sha256(pylock, name)
    return pylock, warnings


def artifacts(package: Package) -> Iterator[tuple[str, Artifact]]:
    """Every file that `package` may be had as, with its place in the package's table."""
    for number, wheel in enumerate(package.wheels or ()):
        yield f"wheels[{number}]", wheel
    if package.sdist:
        yield "sdist", package.sdist
    if package.archive:
        yield "archive", package.archive


def _readable_version(table: Mapping[str, Any], name: str) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """Look at the version first: a newer format may break every other rule. A newer minor one is read as 1.0."""
    text = table.get("lock-version")
    if not isinstance(text, str):
        return table, ()
    try:
        version = Version(text)
    except InvalidVersion:
        return table, ()
    if version.major > _NEWEST.major:
        raise _too_new(text, name)
    if version > _NEWEST:
        warning = f"{name} has lock version {text}; it is read as {_NEWEST}, and what is new in it is not seen"
        return {**table, "lock-version": str(_NEWEST)}, (warning,)
    return table, ()


def _too_new(version: str, name: str) -> LockFormatError:
    return LockFormatError(
        f"{name}: lock-version {version} is not supported; this paddlewheel reads {_READS}",
        hint="upgrade paddlewheel, or write the lock in an older format",
    )


def _require_sha256(pylock: Pylock, name: str) -> None:
    for index, package in enumerate(pylock.packages):
        for place, artifact in artifacts(package):
            if not _SHA256.fullmatch(artifact.hashes.get("sha256", "")):
                has = ", ".join(sorted(artifact.hashes)) or "none"
                what = f"{package.name} {package.version}" if package.version else package.name
                raise LockFormatError(
                    f"{name}: packages[{index}].{place}: {what} has no valid sha256 hash (hashes given: {has})",
                    hint="lock again from an index that gives SHA-256 hashes; md5 and sha1 do not protect, "
                    "and other hashes are not supported",
                )


def to_table(pylock: Pylock) -> dict[str, Any]:
    """`pylock` as plain TOML values, passwords and secret queries taken out of its URLs."""
    value = _plain(pylock.to_dict())
    assert isinstance(value, dict)  # noqa: S101 - tells the type checker what _plain does with a mapping
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, str):
        return without_secrets(str(value))
    if isinstance(value, Sequence):
        return [_plain(item) for item in value]
    if isinstance(value, bool | int | float | datetime | date | time):
        return value
    return str(value)


def format_table(table: Mapping[str, Any], *, header: str = "") -> str:
    """TOML text of a lock's table, `packages` and `tool` last; one artifact a line. Equal tables give equal text."""
    lines = [f"# {line}" for line in header.splitlines()]
    lines += [f"{_key(key)} = {_value(value)}" for key, value in table.items() if key not in ("packages", "tool")]
    if not table.get("packages"):
        lines.append("packages = []")
    for package in table.get("packages", ()):
        lines += ["", "[[packages]]"]
        lines += [f"{_key(key)} = {_value(value, multiline=key == 'wheels')}" for key, value in package.items()]
    for name, values in table.get("tool", {}).items():
        lines += ["", f"[tool.{_key(name)}]"]
        lines += [f"{_key(key)} = {_value(value)}" for key, value in values.items()]
    return "\n".join(lines) + "\n"


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _string(key)


def _string(text: str) -> str:
    """A basic string, or a literal one around double quotes (markers have them)."""
    if '"' in text and "'" not in text and text.isprintable():
        return f"'{text}'"
    # JSON escapes as TOML does, save for DEL, which TOML forbids bare.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: Any, *, multiline: bool = False) -> str:
    match value:
        case str():
            return _string(value)
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z") if value.tzinfo else value.isoformat()
        case date() | time():
            return value.isoformat()
        case int() | float():
            return repr(value)
        case Mapping():
            ordered = sorted(value.items(), key=lambda item: _FIRST.get(item[0], len(_FIRST)))
            inner = ", ".join(f"{_key(key)} = {_value(item)}" for key, item in ordered)
            return "{ " + inner + " }" if inner else "{}"
        case _ if multiline and len(value) > 1:
            return "[\n" + "".join(f"    {_value(item)},\n" for item in value) + "]"
        case _:
            return "[" + ", ".join(_value(item) for item in value) + "]"
