"""Which file states a folder's Python dependencies: one reader per lock format, behind one protocol, in one table.

The order of `READERS` is the order of precedence: the more a file says, the sooner it is taken. The setting `lock`,
or the command line, names another.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from paddlewheel.errors import ProjectError
from paddlewheel.project.model import LockKind, LockSource

OWN_LOCK: Final = "pylock.paddlewheel.toml"
"""What paddlewheel keeps itself; never a source."""

_COMPILE: Final = "--universal --python-version 3.11 --generate-hashes --output-file=requirements.txt"
"""For every machine, from the oldest Python of a suite on: else markers are decided by the Python that uv finds."""

FOREIGN: Final[dict[str, str]] = {
    "poetry.lock": "run `poetry export --format=requirements.txt --output=requirements.txt`",
    "pdm.lock": "run `pdm export --format=pylock --output=pylock.toml`",
    "Pipfile.lock": "run `pipenv requirements --hash > requirements.txt`",
    "Pipfile": "run `pipenv lock && pipenv requirements --hash > requirements.txt`",
    "conda-lock.yml": "list the Python packages in a requirements.txt, the others under `packages` in the settings",
    "environment.yml": "list the Python packages in a requirements.txt, the others under `packages` in the settings",
    "environment.yaml": "list the Python packages in a requirements.txt, the others under `packages` in the settings",
    "setup.cfg": f"run `uv pip compile setup.cfg {_COMPILE}`, which wants a setup.py or a pyproject.toml beside it",
    "setup.py": f"run `uv pip compile setup.py {_COMPILE}`",
}
"""What is recognised and not read, and how to make of it what is."""

_DECLARATIONS: Final = ("setup.cfg", "setup.py", "Pipfile")

_FROM_PYPROJECT: Final = (LockKind.PYLOCK, LockKind.UV)
"""Locks that are made from the pyproject.toml beside them: the two say the same, and nobody has to choose."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A project's folder as the readers see it: its names, and its pyproject.toml (None: it has none)."""

    root: Path
    names: frozenset[str]
    pyproject: Mapping[str, Any] | None


class Reader(Protocol):
    """One lock format."""

    def default(self, folder: Folder) -> str | None:
        """The name of the file that is taken when nobody says otherwise; None: there is none."""
        ...

    def accepts(self, name: str) -> bool:
        """Whether a file of this name, which a person asked for, is of this format."""
        ...

    def complete(self, folder: Folder, path: Path) -> bool:
        """Whether `path` is a lock by itself. Raise `LockFormatError` or `ProjectError` where it cannot be one."""
        ...


class PylockReader:
    """PEP 751."""

    def default(self, folder: Folder) -> str | None:
        return "pylock.toml" if "pylock.toml" in folder.names else None

    def accepts(self, name: str) -> bool:
        return name == "pylock.toml" or re.fullmatch(r"pylock\.[^./]+\.toml", name) is not None

    def complete(self, folder: Folder, path: Path) -> bool:
        return True


class UvReader:
    """uv.lock, which needs the pyproject.toml that it was made from."""

    def default(self, folder: Folder) -> str | None:
        return "uv.lock" if "uv.lock" in folder.names else None

    def accepts(self, name: str) -> bool:
        return name == "uv.lock"

    def complete(self, folder: Folder, path: Path) -> bool:
        if folder.pyproject is None:
            raise ProjectError(
                "uv.lock has no pyproject.toml beside it, without which uv cannot read it",
                hint="add the pyproject.toml, or keep a pylock.toml: `uv export --format pylock.toml -o pylock.toml`",
            )
        return True


class RequirementsReader:
    """requirements.txt; requirements.in is only the declaration that the .txt was made from."""

    def default(self, folder: Folder) -> str | None:
        return next((name for name in ("requirements.txt", "requirements.in") if name in folder.names), None)

    def accepts(self, name: str) -> bool:
        return name.endswith((".txt", ".in"))

    def complete(self, folder: Folder, path: Path) -> bool:
        from paddlewheel.project.requirements import read

        return path.suffix == ".txt" and read(path).complete


class PyprojectReader:
    """The dependencies of [project]."""

    def default(self, folder: Folder) -> str | None:
        return "pyproject.toml" if folder.pyproject and "project" in folder.pyproject else None

    def accepts(self, name: str) -> bool:
        return name == "pyproject.toml"

    def complete(self, folder: Folder, path: Path) -> bool:
        if self.default(folder) is None:
            raise ProjectError(
                "pyproject.toml has no [project] table that could state dependencies",
                hint="add [project] with name, version and dependencies",
            )
        return False


READERS: Final[dict[LockKind, Reader]] = {
    LockKind.PYLOCK: PylockReader(),
    LockKind.UV: UvReader(),
    LockKind.REQUIREMENTS: RequirementsReader(),
    LockKind.PYPROJECT: PyprojectReader(),
}


def detect(folder: Folder, wanted: str | None = None, *, said_by: str = "the setting `lock`") -> LockSource | None:
    """The file that counts: `wanted`, else the first by precedence; None: nothing here can be read.

    Raise `ProjectError` when `wanted` is not there or of no known format, `LockFormatError` for broken requirements.
    """
    present = {name: kind for kind, reader in READERS.items() if (name := reader.default(folder)) is not None}
    if wanted is not None:
        kind, name = _kind_of(wanted, folder, list(present)), wanted
        others = tuple(other for other in present if other != wanted)
        reason = f"{wanted} counts, as {said_by} says"
    elif present:
        name, kind = next(iter(present.items()))
        others = tuple(present)[1:]
        reason = _reason(name, others, folder)
    else:
        return None
    path = folder.root / name
    complete = READERS[kind].complete(folder, path)
    return LockSource(kind=kind, path=path, complete=complete, others=others, reason=reason)


def nothing_found(folder: Folder) -> ProjectError:
    """The error for a folder without anything that `detect` can read; names what is there and the way out."""
    foreign = [name for name in FOREIGN if name in folder.names]
    if foreign:
        if foreign == ["setup.cfg"] or foreign == ["setup.py"]:
            foreign_text = f"only {foreign[0]} states"
        else:
            foreign_text = f"{' and '.join(foreign)} state{'' if len(foreign) > 1 else 's'}"
        return ProjectError(
            f"{folder.root}: {foreign_text} the dependencies, which paddlewheel does not read", hint=FOREIGN[foreign[0]]
        )
    named = sorted(name for name in folder.names if READERS[LockKind.PYLOCK].accepts(name) and name != OWN_LOCK)
    if named:
        return ProjectError(
            f"{folder.root}: {', '.join(named)} must be asked for by name", hint=f'set lock = "{named[0]}"'
        )
    hint = _misnamed(folder)
    hint += f"add one of {', '.join(LockKind)}; an empty requirements.txt says that there are no dependencies"
    inner = [name for name in sorted(folder.names) if _is_project(folder.root / name)]
    if inner:
        hint += f"\nor name a project inside: {', '.join(inner[:5])}"
    if not folder.names:
        return ProjectError(f"{folder.root} is empty", hint=hint)
    if folder.pyproject is not None:
        return ProjectError(f"{folder.root}: pyproject.toml has no [project] table, and no lock is there", hint=hint)
    return ProjectError(f"{folder.root}: nothing here states Python dependencies", hint=hint)


def _misnamed(folder: Folder) -> str:
    """A line about a file whose name is nearly one that is read, or empty."""
    known = [*LockKind, "requirements.in"]
    # os.path answers False for a file in a folder that may not be entered, where Path raises.
    files = [name for name in sorted(folder.names - {OWN_LOCK}) if os.path.isfile(folder.root / name)]  # noqa: PTH113
    for name in files:
        from difflib import get_close_matches

        near = get_close_matches(name.lower(), known, n=1, cutoff=0.85)
        if name in known or not near:
            continue
        if "requirements" in name and READERS[LockKind.REQUIREMENTS].accepts(name):
            return f'set lock = "{name}" if {name} states what the image needs\n'
        return f"rename {name} to {near[0]}, if that is what it is\n"
    return ""


def _is_project(folder: Path) -> bool:
    # os.path answers False for a folder that may not be entered, where Path raises.
    return any(os.path.isfile(folder / kind) for kind in LockKind)  # noqa: PTH113


def _kind_of(wanted: str, folder: Folder, present: list[str]) -> LockKind:
    kind = next((kind for kind, reader in READERS.items() if reader.accepts(Path(wanted).name)), None)
    there = sorted({*present, *(name for name in folder.names if READERS[LockKind.PYLOCK].accepts(name))} - {OWN_LOCK})
    hint = f"there is {', '.join(there)}" if there else "no lock is there; leave the setting away"
    if wanted in FOREIGN or Path(wanted).name == OWN_LOCK:
        hint = FOREIGN.get(wanted, "it is kept by paddlewheel and made from another file; " + hint)
        raise ProjectError(
            f"lock: {wanted} is not a file that paddlewheel reads the project's packages from", hint=hint
        )
    if kind is None:
        formats = ", ".join(LockKind)
        raise ProjectError(f"lock: {wanted} is of no known format ({formats})", hint=hint)
    if not (folder.root / wanted).is_file():
        raise ProjectError(f"lock: {wanted} is not in {folder.root}", hint=hint)
    return kind


def _reason(name: str, others: tuple[str, ...], folder: Folder) -> str:
    """Why `name`, in words; empty when it is the only one, or a lock beside the pyproject.toml that it locks."""
    foreign = next((other for other in FOREIGN if other in folder.names and other not in _DECLARATIONS), None)
    if name in ("pyproject.toml", "requirements.in") and foreign:
        return f"{name} counts and {foreign} is not read; to keep its versions, {FOREIGN[foreign]}"
    if name in _FROM_PYPROJECT:
        others = tuple(other for other in others if other != LockKind.PYPROJECT)
    if not others:
        return ""
    shown = others[0] if len(others) == 1 else f"{', '.join(others[:-1])} and {others[-1]}"
    return f"{name} counts before {shown}; the setting `lock` chooses another"
