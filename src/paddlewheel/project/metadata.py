"""What pyproject.toml says of the project: `[project]` (PEP 621, PEP 639) and `[build-system]` (PEP 517, 518). Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidName, canonicalize_name
from packaging.version import InvalidVersion, Version

from paddlewheel.errors import ProjectError
from paddlewheel.project.tomlfile import kind_of

Table = Mapping[str, Any]

NO_VERSION: Final = "0"
LEGACY_BACKEND: Final = ("setuptools>=40.8.0",)
"""What PEP 517 says a source tree without a build system is built with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """The fields of `Project` that come from pyproject.toml."""

    name: str
    is_named: bool = False
    version: str = NO_VERSION
    version_is_dynamic: bool = False
    requires_python: SpecifierSet | None = None
    description: str | None = None
    license_expression: str | None = None
    authors: tuple[str, ...] = ()
    urls: dict[str, str] = field(default_factory=dict)
    scripts: dict[str, str] = field(default_factory=dict)
    build_requires: tuple[str, ...] | None = None


def read_metadata(pyproject: Table, folder_name: str) -> Metadata:
    """Raise `ProjectError`, naming the field, for what has the wrong type or breaks its format."""
    build_requires = _build_requires(pyproject)
    project = _table(pyproject, "project")
    if not project:
        poetry = _table(_table(pyproject, "tool"), "poetry", "tool.")
        return Metadata(
            name=_name(poetry, "tool.poetry.", folder_name),
            is_named="name" in poetry,
            version=_version(poetry, "tool.poetry.") or NO_VERSION,
            description=_string(poetry, "description", "tool.poetry."),
            scripts=_strings(poetry, "scripts", "tool.poetry.") if poetry.get("scripts") else {},
            build_requires=build_requires,
        )
    if "name" not in project:
        raise _fault("project.name", "missing", 'every [project] table has one: name = "shop"')
    dynamic = _list(project, "dynamic", "project.")
    version = _version(project, "project.")
    if version is None and "version" not in dynamic and build_requires is not None:
        raise _fault("project.version", "missing", 'write version = "0.1.0", or list "version" under `dynamic`')
    return Metadata(
        name=_name(project, "project.", folder_name),
        is_named=True,
        version=version or NO_VERSION,
        version_is_dynamic=version is None and "version" in dynamic,
        requires_python=_requires_python(project),
        description=_string(project, "description", "project."),
        license_expression=_license(project),
        authors=_authors(project),
        urls=_strings(project, "urls", "project."),
        scripts=_strings(project, "scripts", "project."),
        build_requires=build_requires,
    )


def folder_to_name(text: str) -> str:
    """A distribution name, normalised by PEP 503, from a folder's name."""
    return canonicalize_name(re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("._-")) or "app"


def _build_requires(pyproject: Table) -> tuple[str, ...] | None:
    """None for a project that is not built. uv's own switch, `tool.uv.package`, counts more than [build-system]."""
    uv = _table(_table(pyproject, "tool"), "uv", "tool.")
    package = uv.get("package")
    if package is not None and not isinstance(package, bool):
        raise _fault("tool.uv.package", f"expected true or false, found {kind_of(package)}")
    if "build-system" not in pyproject:
        return LEGACY_BACKEND if package else None
    system = _table(pyproject, "build-system")
    if "requires" not in system:
        raise _fault("build-system.requires", "missing", "PEP 518 wants the list of what the build needs, as hatchling")
    requires = _list(system, "requires", "build-system.")
    return None if package is False else requires


def _name(table: Table, prefix: str, folder_name: str) -> str:
    text = _string(table, "name", prefix)
    if text is None:
        return folder_to_name(folder_name)
    try:
        return canonicalize_name(text, validate=True)
    except InvalidName as error:
        raise _fault(f"{prefix}name", f"{text!r} is no name", "letters, digits, `.`, `_` and `-`") from error


def _version(table: Table, prefix: str) -> str | None:
    text = _string(table, "version", prefix)
    if text is None:
        return None
    try:
        return str(Version(text))
    except InvalidVersion as error:
        raise _fault(f"{prefix}version", f"{text!r} is no version", "PEP 440 has them as 1.2.3 or 2025.1rc1") from error


def _requires_python(project: Table) -> SpecifierSet | None:
    text = _string(project, "requires-python", "project.")
    if text is None:
        return None
    try:
        return SpecifierSet(text)
    except InvalidSpecifier as error:
        raise _fault("project.requires-python", f"{text!r} is no version specifier", 'as in ">=3.11"') from error


def _license(project: Table) -> str | None:
    """The SPDX expression; None where the licence is stated otherwise."""
    value = project.get("license")
    text = value.get("text") if isinstance(value, dict) else value
    if not isinstance(text, str):
        return None
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    try:
        return str(canonicalize_license_expression(text))
    except InvalidLicenseExpression:
        return None


def _authors(project: Table) -> tuple[str, ...]:
    found = []
    authors = project.get("authors", [])
    if not isinstance(authors, list):
        raise _fault("project.authors", f"expected a list of tables, found {kind_of(authors)}")
    for author in authors:
        name, email = (author.get("name"), author.get("email")) if isinstance(author, dict) else (None, None)
        parts = [name if isinstance(name, str) else "", f"<{email}>" if isinstance(email, str) else ""]
        found.append(" ".join(part for part in parts if part))
    return tuple(text for text in found if text)


def _table(parent: Table, key: str, prefix: str = "") -> Table:
    value = parent.get(key, {})
    if not isinstance(value, dict):
        raise _fault(f"{prefix}{key}", f"expected a table, found {kind_of(value)}")
    return value


def _string(table: Table, key: str, prefix: str) -> str | None:
    value = table.get(key)
    if value is not None and not isinstance(value, str):
        raise _fault(f"{prefix}{key}", f"expected a string, found {kind_of(value)}")
    return value


def _strings(table: Table, key: str, prefix: str) -> dict[str, str]:
    values = _table(table, key, prefix)
    for name, value in values.items():
        if not isinstance(value, str):
            raise _fault(f"{prefix}{key}.{name}", f"expected a string, found {kind_of(value)}")
    return dict(values)


def _list(table: Table, key: str, prefix: str) -> tuple[str, ...]:
    values = table.get(key, [])
    if not isinstance(values, list):
        raise _fault(f"{prefix}{key}", f"expected a list of strings, found {kind_of(values)}")
    for index, value in enumerate(values):
        if not isinstance(value, str):
            raise _fault(f"{prefix}{key}[{index}]", f"expected a string, found {kind_of(value)}")
    return tuple(values)


def _fault(field_path: str, message: str, hint: str | None = None) -> ProjectError:
    return ProjectError(f"pyproject.toml: {field_path}: {message}", hint=hint or "correct pyproject.toml")
