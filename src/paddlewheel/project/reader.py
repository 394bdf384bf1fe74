"""A folder, read into a `Project`. Looks at nothing outside of it, and at neither network nor machine."""

from __future__ import annotations

import os
from pathlib import Path

from paddlewheel.errors import ProjectError
from paddlewheel.project.metadata import Metadata, read_metadata
from paddlewheel.project.model import LockSource, Project, Settings
from paddlewheel.project.python_version import read_pin
from paddlewheel.project.settings import read_settings, settings_file
from paddlewheel.project.sources import Folder, detect, nothing_found
from paddlewheel.project.start_hints import read_hints
from paddlewheel.project.tomlfile import load


def read(root: str | Path, *, lock_override: str | None = None) -> Project:
    """Read the folder `root`; `lock_override` is a lock's file name that counts more than the setting `lock`.

    Raise `ProjectError`, `SettingsError` (the settings are wrong) or `LockFormatError` (broken requirements).
    """
    folder = _open(Path(root))
    pyproject = folder.pyproject or {}
    settings = read_settings(folder.root, pyproject)
    metadata = read_metadata(pyproject, folder.root.name)
    return Project(
        root=folder.root,
        name=metadata.name,
        is_named=metadata.is_named,
        version=metadata.version,
        version_is_dynamic=metadata.version_is_dynamic,
        requires_python=metadata.requires_python,
        # A pin that the settings overrule need not make sense.
        python_pin=read_pin(folder.root) if settings.python is None else None,
        description=metadata.description,
        license_expression=metadata.license_expression,
        authors=metadata.authors,
        urls=metadata.urls,
        lock=_lock(folder, settings, lock_override),
        build_requires=metadata.build_requires,
        start=read_hints(folder.root, name=metadata.name, scripts=metadata.scripts, is_package=_is_package(metadata)),
        settings=settings,
        settings_file=settings_file(folder.root, folder.pyproject),
    )


def _is_package(metadata: Metadata) -> bool:
    return metadata.build_requires is not None


def _lock(folder: Folder, settings: Settings, override: str | None) -> LockSource:
    if override is not None:
        source = detect(folder, override, said_by="the command line")
    else:
        source = detect(folder, settings.lock)
    if source is None:
        raise nothing_found(folder)
    return source


def _open(root: Path) -> Folder:
    """Raise `ProjectError` for what is no folder that can be read."""
    try:
        path = root.expanduser().resolve()
        names = frozenset(entry.name for entry in path.iterdir())
        # A folder that may be listed and not entered fails here, and not at its first file.
        os.stat(f"{path}/.")  # noqa: PTH116  pathlib drops the dot
    except FileNotFoundError as error:
        raise ProjectError(f"{root} does not exist", hint="give the folder of a Python project") from error
    except NotADirectoryError as error:
        raise ProjectError(f"{root} is a file", hint=f"give the folder that it is in: {root.parent}") from error
    except (OSError, RuntimeError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ProjectError(f"{root} cannot be read: {reason}", hint="give a folder that you may read") from error
    pyproject = path / "pyproject.toml"
    return Folder(path, names, load(pyproject) if "pyproject.toml" in names else None)
