"""A hash of what bears on a project's dependencies, and of nothing else: how an outdated lock is told from an edit."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from paddlewheel.image.model import canonical_json
from paddlewheel.net.urls import without_userinfo
from paddlewheel.project.model import LockKind, Project
from paddlewheel.project.tomlfile import load

_FORMAT: Final = 1
"""Raise it when what is hashed changes."""

_PROJECT_KEYS: Final = ("dependencies", "optional-dependencies", "requires-python")

_UV_KEYS_WITHOUT_EFFECT: Final = frozenset(
    {
        *("package", "managed", "build-backend", "add-bounds", "publish-url", "check-url", "trusted-publishing"),
        *("cache-dir", "cache-keys", "no-cache", "offline", "preview", "required-version", "link-mode"),
        *("concurrent-builds", "concurrent-downloads", "concurrent-installs", "compile-bytecode"),
        *("python-downloads", "python-preference", "python-install-mirror", "pypy-install-mirror"),
        *("native-tls", "system-certs", "allow-insecure-host", "keyring-provider", "http-proxy", "https-proxy"),
        *("reinstall", "reinstall-package", "upgrade", "upgrade-package"),
    }
)
"""Keys of [tool.uv] that cannot change what is resolved. A key that nobody here knows counts, to be safe."""


def dependency_fingerprint(project: Project) -> str:
    """SHA-256 (hex) of what the project's packages follow from: declarations, sources, indexes, constraints, locks.

    Equal for edits elsewhere in pyproject.toml, and for comments and layout of requirement files. The Python and the
    platform that packages are resolved for are no part of it. Raise `ProjectError` or `LockFormatError`.
    """
    path = project.root / "pyproject.toml"
    pyproject = load(path) if path.is_file() else {}
    return hashlib.sha256(canonical_json(_parts(project, pyproject))).hexdigest()


def _parts(project: Project, pyproject: Mapping[str, Any]) -> dict[str, Any]:
    table = pyproject.get("project", {})
    parts: dict[str, Any] = {
        "format": _FORMAT,
        "kind": project.lock.kind.value,
        "requires-python": table.get("requires-python"),
        "uv": _uv(pyproject),
    }
    match project.lock.kind:
        case LockKind.REQUIREMENTS:
            from paddlewheel.project.requirements import read

            parts["requirements"] = read(project.lock.path).normalised()
        case LockKind.PYPROJECT:
            parts["declared"] = _declared(project.root, pyproject)
        case LockKind.UV:
            parts["declared"] = _declared(project.root, pyproject)
            parts["lock"] = _file_hash(project.lock.path)
        case LockKind.PYLOCK:
            parts["lock"] = _file_hash(project.lock.path)
    return {key: _jsonable(value) for key, value in parts.items()}


def _declared(root: Path, pyproject: Mapping[str, Any]) -> dict[str, Any]:
    table = pyproject.get("project", {})
    declared = {key: table[key] for key in _PROJECT_KEYS if key in table}
    declared["dependency-groups"] = pyproject.get("dependency-groups")
    # An extra may refer to the project itself: `all = ["shop[web,sql]"]`.
    declared["name"] = table.get("name")
    dynamic = sorted({"dependencies", "optional-dependencies"} & set(table.get("dynamic", ())))
    if dynamic:
        declared["dynamic"] = dynamic
        declared["build-system"] = pyproject.get("build-system")
        declared["files"] = _dynamic_files(root, pyproject)
    return declared


def _dynamic_files(root: Path, pyproject: Mapping[str, Any]) -> dict[str, str | None]:
    """Hashes of the files that a build back end takes dynamic dependencies from, as far as one can know."""
    dynamic = _inner(pyproject, "tool", "setuptools", "dynamic")
    names = {"setup.py", "setup.cfg"}
    for entry in (_inner(dynamic, "dependencies"), *_inner(dynamic, "optional-dependencies").values()):
        files = entry.get("file") if isinstance(entry, dict) else None
        names.update(name for name in ([files] if isinstance(files, str) else files or ()) if isinstance(name, str))
    return {name: _file_hash(root / name) for name in sorted(names)}


def _inner(table: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    """A table inside; empty where a key is missing or no table: to judge other tools' tables is not our business."""
    for key in keys:
        value = table.get(key)
        table = value if isinstance(value, dict) else {}
    return table


def _uv(pyproject: Mapping[str, Any]) -> dict[str, Any]:
    uv = _inner(pyproject, "tool", "uv")
    return {key: value for key, value in uv.items() if key not in _UV_KEYS_WITHOUT_EFFECT}


def _file_hash(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None


def _jsonable(value: Any) -> Any:
    """TOML's dates as text. A password in a URL bears on nothing, and a hash of it could be searched for."""
    if isinstance(value, str):
        return without_userinfo(value)
    if isinstance(value, dict):
        return {key: _jsonable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_jsonable(item) for item in value]
    return value if value is None or isinstance(value, int | float | bool) else str(value)
