"""What a folder's files say about how the project starts: Procfile, manage.py, applications, `__main__.py`, scripts.

Bounded in the number, depth and size of the files that are read, and none of them is run.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from paddlewheel.errors import ProjectError
from paddlewheel.project.applications import Application, Kind, find, worth_parsing
from paddlewheel.project.model import StartHints
from paddlewheel.project.tomlfile import read_text
from paddlewheel.project.withheld import VENV_MARK, rule_for

MAX_FILES: Final = 400
MAX_BYTES: Final = 512 << 10
MAX_DEPTH: Final = 4

_SKIPPED_FOLDERS: Final = frozenset(
    {
        "tests",
        "test",
        "testing",
        "docs",
        "doc",
        "examples",
        "example",
        "benchmarks",
        "migrations",
        "static",
        "templates",
    }
)
_SKIPPED_FILES: Final = frozenset({"setup.py", "conftest.py", "noxfile.py", "tasks.py", "fabfile.py", "manage.py"})
_MAIN_FILES: Final = ("main.py", "app.py", "run.py", "server.py")
_MODULES: Final = ("asgi", "wsgi", "main", "app", "application", "server", "api", "web", "run")
_VARIABLES: Final = ("app", "application", "api", "server")
_PROCESS: Final = re.compile(r"([A-Za-z0-9_-]+)\s*:\s*(\S.*)")
_IMPORTS_SRC: Final = re.compile(rb"^\s*(?:from|import)\s+src\b", re.MULTILINE)
_ASKS_FOR_MAIN: Final = re.compile(rb"^if\s+__name__\s*==\s*['\"]__main__['\"]", re.MULTILINE)
_SETTINGS_MODULE: Final = re.compile(r"DJANGO_SETTINGS_MODULE['\"]\s*[,\]]\s*=?\s*['\"]([\w.]+)")


@dataclass(frozen=True, slots=True)
class Found:
    """An application with the module that it is in."""

    module: str
    application: Application

    @property
    def reference(self) -> str:
        return f"{self.module}:{self.application.variable}{'()' if self.application.factory else ''}"

    @property
    def rank(self) -> tuple[int, int, int, int]:
        """The smaller, the likelier it is what is meant to be served."""
        name = self.module.rpartition(".")[2]
        return (
            int(self.application.factory),
            _MODULES.index(name) if name in _MODULES else len(_MODULES),
            _VARIABLES.index(self.application.variable) if self.application.variable in _VARIABLES else len(_VARIABLES),
            self.module.count("."),
        )


def read_hints(root: Path, *, name: str, scripts: Mapping[str, str], is_package: bool) -> StartHints:
    """Read what `StartHints` holds. `name` is the project's; only what its wheel would hold counts for a package.

    Raise `ProjectError` for a Procfile that cannot be understood.
    """
    source_root = _source_root(root, is_package)
    modules = list(_modules(root / source_root, name, is_package))
    found = _resolve([Found(module, one) for module, path in modules for one in _applications(path)])
    manage = root / "manage.py"
    settings_module = _SETTINGS_MODULE.search(_read(manage).decode("utf-8", "replace"))
    framework, chosen, tied = choose(found, settings_module[1].partition(".")[0] if settings_module else None)
    mains = [module.removesuffix(".__main__") for module, path in modules if path.name == "__main__.py"]
    main_module, other_mains = _main_module(mains, name)
    return StartHints(
        procfile=read_procfile(root),
        scripts=dict(scripts),
        manage_py=manage.is_file(),
        wsgi=chosen.get("wsgi"),
        asgi=chosen.get("asgi"),
        framework=framework,
        main_module=main_module,
        main_file=None if is_package else _main_file(root),
        source_root=source_root,
        root_scripts=() if is_package else tuple(_root_scripts(root)),
        candidates=(*tied, *(f"python -m {module}" for module in other_mains)),
        programs=() if chosen or main_module else _programs(modules),
    )


def read_procfile(root: Path) -> dict[str, str]:
    """Process type -> command line. Raise `ProjectError` with the line that is neither, a comment nor empty."""
    path = root / "Procfile"
    if not path.is_file():
        return {}
    processes = {}
    for number, line in enumerate(read_text(path).removeprefix("\ufeff").splitlines(), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        match = _PROCESS.fullmatch(text)
        if match is None:
            raise ProjectError(f"Procfile:{number}: {text!r} is no process", hint="write `web: gunicorn shop.wsgi`")
        processes[match[1]] = match[2]
    return processes


def choose(found: list[Found], preferred: str | None) -> tuple[str | None, dict[Kind, str], list[str]]:
    """The framework, its best application of each kind, and the references that tie for the best (then none is taken).

    `preferred` is the package of Django's settings, which decides between several.
    """
    usable = [one for one in found if one.application.framework and one.application.callable_bare]
    if not usable:
        return None, {}, []
    best = min(one.rank for one in usable)
    # Django's wsgi.py and asgi.py are two doors of one house, not rivals.
    framework = next(one.application.framework for one in usable if one.rank == best)
    chosen: dict[Kind, str] = {}
    for kind in ("wsgi", "asgi"):
        of_kind = [one for one in usable if (one.application.kind, one.application.framework) == (kind, framework)]
        if not of_kind:
            continue
        lowest = min(one.rank for one in of_kind)
        tied = [one for one in of_kind if one.rank == lowest]
        tied = [one for one in tied if one.module.partition(".")[0] == preferred] or tied
        rivals = [one for one in usable if one.rank == lowest and one.application.framework != framework]
        if len({one.reference for one in tied}) + len(rivals) > 1:
            return framework, {}, sorted({one.reference for one in (*tied, *rivals)})
        chosen[kind] = tied[0].reference
    return framework, chosen, []


def _resolve(found: list[Found]) -> list[Found]:
    """Give applications made by another module's factory that factory's framework."""
    made_by = {one.application.variable: one.application for one in found if one.application.factory}
    out = []
    for one in found:
        maker = made_by.get(one.application.calls or "")
        if maker is not None:
            one = Found(one.module, Application(one.application.variable, maker.framework, maker.kind))
        out.append(one)
    return out


def _applications(path: Path) -> list[Application]:
    source = _read(path)
    return find(source) if source and worth_parsing(source) else []


def _programs(modules: list[tuple[str, Path]]) -> tuple[str, ...]:
    return tuple(islice((module for module, path in modules if _ASKS_FOR_MAIN.search(_read(path))), 3))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes() if path.stat().st_size <= MAX_BYTES else b""
    except OSError:
        return b""


def _source_root(root: Path, is_package: bool) -> str:
    """``src`` where modules are imported from there."""
    source = root / "src"
    if not source.is_dir() or (source / "__init__.py").exists():
        return ""
    if is_package:
        return "src"
    own = [path for path in root.glob("*.py") if path.name not in _SKIPPED_FILES]
    if own:
        return ""
    # `from src.db import ...` says that the root is on the path, and src a package without __init__.py.
    return "" if any(_IMPORTS_SRC.search(_read(path)) for _, path in _modules(source, "", False)) else "src"


def _modules(base: Path, name: str, is_package: bool) -> Iterator[tuple[str, Path]]:
    """Modules below `base` with their dotted names, the shallow ones first, at most `MAX_FILES`."""
    seen = 0
    level: list[tuple[str, Path]] = [("", base)]
    for depth in range(MAX_DEPTH + 1):
        deeper: list[tuple[str, Path]] = []
        for prefix, folder in level:
            for entry in _sorted_entries(folder):
                path = folder / entry.name
                if entry.is_dir(follow_symlinks=False):
                    if _is_source_folder(entry, must_be_package=is_package):
                        deeper.append((f"{prefix}{entry.name}.", path))
                elif _is_module(entry) and not (is_package and depth == 0 and not _is_own_module(entry.name, name)):
                    stem = entry.name.removesuffix(".py")
                    yield (prefix.removesuffix(".") if stem == "__init__" else f"{prefix}{stem}"), path
                    seen += 1
                    if seen == MAX_FILES:
                        return
        level = deeper


def _sorted_entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []


def _is_source_folder(entry: os.DirEntry[str], *, must_be_package: bool) -> bool:
    if entry.name in _SKIPPED_FOLDERS or not entry.name.isidentifier() or rule_for(entry.name, entry.name):
        return False
    # os.path answers False for a folder that may not be entered, where Path raises.
    if os.path.exists(f"{entry.path}/{VENV_MARK}"):  # noqa: PTH110
        return False
    return not must_be_package or os.path.exists(f"{entry.path}/__init__.py")  # noqa: PTH110


def _is_module(entry: os.DirEntry[str]) -> bool:
    stem = entry.name.removesuffix(".py")
    return (
        stem != entry.name
        and stem.isidentifier()
        and entry.name not in _SKIPPED_FILES
        and not stem.startswith("test_")
        and not stem.endswith("_test")
        and entry.is_file()
    )


def _is_own_module(file_name: str, project: str) -> bool:
    """Whether a lone module in the root is the package itself: a wheel holds no other."""
    return file_name.removesuffix(".py").replace("_", "-").lower() == project


def _main_module(mains: list[str], name: str) -> tuple[str | None, list[str]]:
    """The module to start, and those among which none is the obvious one."""
    top = [module for module in mains if "." not in module]
    if len(top) > 1:
        own = [module for module in top if module.replace("_", "-").lower() == name]
        return (own[0], []) if own else (None, top)
    return (top[0] if top else None), []


def _main_file(root: Path) -> str | None:
    named = next((name for name in _MAIN_FILES if (root / name).is_file()), None)
    if named:
        return named
    scripts = _root_scripts(root)
    return scripts[0] if len(scripts) == 1 else None


def _root_scripts(root: Path) -> list[str]:
    names = [path.name for path in root.glob("*.py")]
    return sorted(name for name in names if name not in _SKIPPED_FILES and name[:5] != "test_")
