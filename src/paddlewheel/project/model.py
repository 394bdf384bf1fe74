"""What the user wrote, parsed once: `Settings`, `LockSource`, `StartHints`, `Project`. Frozen values, no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from paddlewheel.image.model import Healthcheck

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet


class LockKind(StrEnum):
    """What a folder states its Python dependencies in. The value is the name of the file, as users know it."""

    PYLOCK = "pylock.toml"
    UV = "uv.lock"
    REQUIREMENTS = "requirements.txt"
    PYPROJECT = "pyproject.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`[tool.paddlewheel]` of pyproject.toml, or paddlewheel.toml. None or empty: not set; docs/settings.md."""

    name: str | None = None
    """The image's name, without a tag."""
    base: str | None = None
    """`distroless`, or `distroless:SUITE`."""
    python: str | None = None
    """The minor version of Python wanted, as ``3.13``."""
    lock: str | None = None
    """Which lock counts when there are several: a file name in the folder."""
    packages: tuple[str, ...] = ()
    """Debian packages that the image needs at run time."""
    mirror: str | None = None
    """URL of a Debian mirror, ending before ``/dists``."""
    allow_expired: bool = False
    """Accept an InRelease past its Valid-Until."""
    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    workdir: str | None = None
    user: str | None = None
    expose: tuple[str, ...] = ()
    """Ports, as ``8000/tcp``."""
    volumes: tuple[str, ...] = ()
    """Absolute paths of directories that the image's user may write."""
    labels: Mapping[str, str] = field(default_factory=dict)
    stop_signal: str | None = None
    healthcheck: Healthcheck | None = None
    timezone: str | None = None
    """An IANA zone, as ``Europe/Paris``."""
    files: tuple[str, ...] | None = None
    """Patterns of app files, in layers' order, what changes most last; None: all, by .dockerignore."""
    bytecode: bool = True
    layers: int = 60
    """How many layers the image may have at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockSource:
    """The file that states the project's Python dependencies, and whether it is a complete lock by itself."""

    kind: LockKind
    path: Path
    complete: bool
    """Versions and hashes for everything. When False, paddlewheel keeps pylock.paddlewheel.toml beside it."""
    others: tuple[str, ...] = ()
    """Names of other files in the folder that could have been it."""
    reason: str = ""
    """Why this one, in words; empty when it is the only one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartHints:
    """What the project's files say about how it starts. `plan.start` chooses, with the lock's packages at hand."""

    procfile: Mapping[str, str] = field(default_factory=dict)
    """Process type -> command line, from a Procfile, in the file's order."""
    scripts: Mapping[str, str] = field(default_factory=dict)
    """Console script -> object reference, from [project.scripts]."""
    manage_py: bool = False
    """Django's manage.py is in the root."""
    wsgi: str | None = None
    """``package.module:variable`` of a WSGI application found in the source: Django's wsgi.py, a Flask app.
    ``package.module:function()`` where a function makes it."""
    asgi: str | None = None
    """The same for ASGI: Django's asgi.py, FastAPI, Starlette, Litestar."""
    framework: str | None = None
    """``django``, ``flask``, ``fastapi``, ... for messages."""
    main_module: str | None = None
    """A package with ``__main__.py`` (``python -m NAME``), or ``__main__`` for one in the root."""
    main_file: str | None = None
    """A lone main.py, app.py or like script in the root."""
    source_root: str = ""
    """The folder that the modules named here are imported from, relative: empty for the root, or ``src``."""
    candidates: tuple[str, ...] = ()
    """Applications or modules among which none is the obvious one; `wsgi`, `asgi` and `main_module` leave them out."""
    root_scripts: tuple[str, ...] = ()
    """Names of the modules in the root that could be scripts, sorted, for messages. Empty for what is installed."""
    programs: tuple[str, ...] = ()
    """Modules that ask whether they are ``__main__``, the shallow ones first: at most three, for messages. Empty where
    an application or a `main_module` was found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A folder, read. Nothing here depends on the network, the cache or the machine."""

    root: Path
    name: str
    """Normalised by PEP 503."""
    is_named: bool = False
    """The project states its name. Otherwise it is the folder's, which must not show in the image: its digest would
    depend on where the project lies."""
    version: str
    """PEP 440; ``0`` where the project has none."""
    version_is_dynamic: bool = False
    requires_python: SpecifierSet | None = None
    python_pin: str | None = None
    """First line of .python-version, when it names a CPython version."""
    description: str | None = None
    license_expression: str | None = None
    authors: tuple[str, ...] = ()
    """As ``Ann <ann@example.org>``."""
    urls: Mapping[str, str] = field(default_factory=dict)
    lock: LockSource
    build_requires: tuple[str, ...] | None = None
    """[build-system].requires; None where the project has no build system and its files are copied to /app."""
    start: StartHints = field(default_factory=StartHints)
    settings: Settings = field(default_factory=Settings)
    settings_file: str = "pyproject.toml"
    """Where settings stand, or belong when there are none: paddlewheel.toml or pyproject.toml."""

    @property
    def is_package(self) -> bool:
        """Whether the app is built as a wheel and installed, not copied."""
        return self.build_requires is not None


@dataclass(frozen=True, slots=True)
class AppFile:
    """A file or symlink of the project's folder that goes into the image. `path` is relative, with ``/``."""

    path: str
    size: int
    executable: bool
    target: str | None = None
    """The text of a symlink."""
