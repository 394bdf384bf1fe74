"""`[tool.paddlewheel]` of pyproject.toml, or paddlewheel.toml, to `Settings`. docs/settings.md says what each means.

settings.schema.json states the same rules for editors; a test holds the two, the page and the dataclass together.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from paddlewheel.errors import SettingsError
from paddlewheel.project import fields, health
from paddlewheel.project.fields import At
from paddlewheel.project.model import Settings
from paddlewheel.project.tomlfile import kind_of, load, nearest

OWN_FILE: Final = "paddlewheel.toml"
PAGE: Final = "docs/settings.md"

PARSERS: Final[dict[str, Callable[[Any, At], Any]]] = {
    "name": fields.image_name,
    "base": fields.base,
    "python": fields.python,
    "lock": fields.relative_path,
    "packages": fields.debian_packages,
    "mirror": fields.mirror,
    "allow-expired": fields.boolean,
    "entrypoint": fields.command,
    "cmd": fields.command,
    "env": fields.environment,
    "workdir": fields.absolute_path,
    "user": fields.user,
    "expose": fields.ports,
    "volumes": fields.volumes,
    "labels": fields.labels,
    "stop-signal": fields.stop_signal,
    "healthcheck": health.healthcheck,
    "timezone": fields.timezone,
    "files": fields.patterns,
    "bytecode": fields.boolean,
    "layers": fields.layers,
}
"""One parser for each key, in the order of the documentation."""


def read_settings(root: Path, pyproject: Mapping[str, Any]) -> Settings:
    """The settings of the folder `root`, whose pyproject.toml holds `pyproject`. Raise `SettingsError`."""
    tool = pyproject.get("tool", {})
    inner = tool.get("paddlewheel") if isinstance(tool, dict) else None
    own = root / OWN_FILE
    outer = load(own, SettingsError) if own.exists() else None
    if inner and outer:
        raise SettingsError(
            f"settings stand in two places: [tool.paddlewheel] of pyproject.toml and {OWN_FILE}",
            hint="keep one of the two, so that nobody has to know which one wins",
        )
    if outer:
        return parse(outer, At(OWN_FILE))
    return parse(inner, At("pyproject.toml", "tool.paddlewheel")) if inner is not None else Settings()


def settings_file(root: Path, pyproject: Mapping[str, Any] | None) -> str:
    """The file of `root` that a setting is to be written into. `pyproject`: None where there is none."""
    if pyproject is None:
        return OWN_FILE
    tool = pyproject.get("tool")
    inner = tool.get("paddlewheel") if isinstance(tool, dict) else None
    return OWN_FILE if not inner and (root / OWN_FILE).exists() else "pyproject.toml"


def parse(table: Any, at: At) -> Settings:
    """`table` as `Settings`; `at` is where it stands. Raise `SettingsError` naming file, key path and what is wrong."""
    if not isinstance(table, dict):
        raise at.error(f"a table was expected, found {kind_of(table)}")
    for key in table:
        if key not in PARSERS:
            raise _unknown(key, table[key], at)
    values = {key.replace("-", "_"): PARSERS[key](value, at.key(key)) for key, value in table.items()}
    check = values.get("healthcheck")
    if isinstance(check, health.HttpCheck):
        values["healthcheck"] = check.resolve(values.get("expose", ()))
    return dataclasses.replace(Settings(), **values)


def _unknown(key: str, value: Any, at: At) -> SettingsError:
    if key == "tool" and at.file == OWN_FILE and isinstance(value, dict):
        return at.key(key).error(
            "in this file the settings stand at the top level", hint="remove the header [tool.paddlewheel]"
        )
    close = nearest(key, PARSERS)
    hint = f"did you mean `{close}`?" if close else f"the settings are: {', '.join(PARSERS)}"
    return at.key(key).error("no such setting", hint=f"{hint}\n{PAGE} lists them all")
