"""`pylock.paddlewheel.toml`: the lock that paddlewheel keeps for a project which has no complete one of its own.

A named lock of PEP 751 with a table of its own::

    [tool.paddlewheel]
    format = 1                    # of this table
    inputs = "sha256:..."         # of everything in the project that bears on dependencies
    uv = "0.9.1"                  # what resolved it
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from packaging.pylock import Pylock
from packaging.version import Version

from paddlewheel.cache import Cache, write_atomically
from paddlewheel.errors import LockFormatError, LockOutdatedError, StorageError
from paddlewheel.lock.model import PYTHON_LOCK, PythonLock
from paddlewheel.lock.pylock_file import format_table, parse_pylock, read_pylock, to_table
from paddlewheel.lock.resolve import resolve
from paddlewheel.lock.source_tree import static_source
from paddlewheel.lock.uv import Uv
from paddlewheel.progress import Reporter
from paddlewheel.project.fingerprint import dependency_fingerprint
from paddlewheel.project.model import Project

FORMAT: Final = 1


def kept_lock(
    project: Project,
    *,
    target_python: tuple[int, int],
    cache: Cache,
    offline: bool,
    reporter: Reporter,
    locked: bool,
    upgrade: bool,
) -> PythonLock:
    """The kept lock, made or made again where needed. uv is not started when nothing changed.

    Raise `LockOutdatedError` instead of making it when `locked`.
    """
    path = project.root / PYTHON_LOCK
    inputs = dependency_fingerprint(project)
    old, warnings = _read(path)
    reason = _reason(project, old, inputs, target_python)
    if old is not None and reason is None and not upgrade:
        return PythonLock(pylock=old, path=path, locker=_locker(old), warnings=warnings)
    if locked and reason is not None:
        raise LockOutdatedError(
            f"{PYTHON_LOCK} {reason}, and --locked forbids to {'make' if old is None else 'change'} it",
            hint=f"run `paddlewheel lock` and commit {PYTHON_LOCK}",
        )
    uv = Uv.find(offline=offline)
    with reporter.task(f"Resolving {project.lock.path.name} with {uv.label}"):
        table = _resolved(project, uv, cache, target_python, old, upgrade)
    table = _signed(table, inputs, uv.version)
    pylock, _ = parse_pylock(table, PYTHON_LOCK)
    note = _note(project, uv, old, pylock, reason)
    if old is None or _content(pylock) != _content(old):
        _write(path, pylock, project.lock.path.name)
    return PythonLock(pylock=pylock, path=path, locker=uv.label, notes=(note,), warnings=warnings)


def _read(path: Path) -> tuple[Pylock | None, tuple[str, ...]]:
    if not path.exists():
        return None, ()
    try:
        return read_pylock(path)
    except LockFormatError as error:
        error.hint = f"delete {path.name} to have it made anew, or take it from version control again"
        raise


def _own(pylock: Pylock) -> Mapping[str, Any]:
    table = (pylock.tool or {}).get("paddlewheel")
    return table if isinstance(table, Mapping) else {}


def _content(pylock: Pylock) -> dict[str, Any]:
    """What makes a difference: a newer uv that finds the same is no reason to write the file again."""
    return {**to_table(pylock), "tool": {key: value for key, value in _own(pylock).items() if key != "uv"}}


def _locker(pylock: Pylock) -> str:
    return f"uv {_own(pylock).get('uv', 'of an unknown version')}"


def _reason(project: Project, old: Pylock | None, inputs: str, target: tuple[int, int]) -> str | None:
    """Why the lock has to be made (completing "the lock ..."), or None when it fits."""
    if old is None:
        return "is missing"
    own = _own(old)
    if own.get("format") != FORMAT:
        if isinstance(own.get("format"), int) and own["format"] > FORMAT:
            raise LockFormatError(
                f"{PYTHON_LOCK}: tool.paddlewheel.format is {own['format']}; this paddlewheel knows {FORMAT}",
                hint=f"upgrade paddlewheel, or delete {PYTHON_LOCK} to have it made anew",
            )
        return f"is not of format {FORMAT}"
    if own.get("inputs") != f"sha256:{inputs}":
        return f"does not fit {project.lock.path.name} any more"
    if old.requires_python and not old.requires_python.contains("{}.{}.99".format(*target)):
        return f"is for Python {old.requires_python}, not {target[0]}.{target[1]}"
    return None


def _resolved(
    project: Project, uv: Uv, cache: Cache, target: tuple[int, int], old: Pylock | None, upgrade: bool
) -> dict[str, Any]:
    previous = None if old is None else format_table(to_table(old))
    with static_source(project, cache) as source:
        return resolve(uv, cache, source, target_python=target, home=project.root, previous=previous, upgrade=upgrade)


def _signed(table: Mapping[str, Any], inputs: str, uv_version: str) -> dict[str, Any]:
    own = {"format": FORMAT, "inputs": f"sha256:{inputs}", "uv": uv_version}
    return {**table, "created-by": "paddlewheel", "tool": {"paddlewheel": own}}


def _write(path: Path, pylock: Pylock, source: str) -> None:
    header = f"Made by paddlewheel from {source}. Commit it; `paddlewheel lock --upgrade` takes newer versions."
    try:
        write_atomically(path, format_table(to_table(pylock), header=header).encode())
    except OSError as error:
        raise StorageError(
            f"{path} cannot be written: {error.strerror}",
            hint="make the project's folder writable, or commit the lock from a machine where it is",
        ) from error


def _note(project: Project, uv: Uv, old: Pylock | None, new: Pylock, reason: str | None) -> str:
    source = project.lock.path.name
    if old is None:
        return f"{PYTHON_LOCK} made from {source} with {uv.label}: {_count(new)}; commit it"
    changes = differences(old, new)
    what = ", ".join(changes) if changes else "the same versions"
    return f"{PYTHON_LOCK} made again with {uv.label}, " + (f"as it {reason}: {what}" if reason else f"newest: {what}")


def _count(pylock: Pylock) -> str:
    number = len({package.name for package in pylock.packages})
    return f"{number} package{'' if number == 1 else 's'}, for all platforms" if number else "no packages"


def differences(old: Pylock, new: Pylock) -> list[str]:
    """What changed, for people: ``flask 3.0.0 -> 3.1.3``, ``+ idna 3.7``, ``- six 1.17.0``."""
    before, after = _versions(old), _versions(new)
    lines = []
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name), after.get(name)
        if was is None:
            lines.append(f"+ {name} {now}")
        elif now is None:
            lines.append(f"- {name} {was}")
        elif was != now:
            lines.append(f"{name} {was} -> {now}")
    return lines


def _versions(pylock: Pylock) -> dict[str, str]:
    found: dict[str, set[Version]] = {}
    for package in pylock.packages:
        found.setdefault(package.name, set()).update([package.version] if package.version else [])
    return {name: " and ".join(map(str, sorted(versions))) for name, versions in found.items()}
