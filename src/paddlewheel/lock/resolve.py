"""`uv pip compile`: requirements -> the table of a pylock file, for all platforms and the given Python or newer."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from paddlewheel.cache import Cache
from paddlewheel.errors import ResolutionError
from paddlewheel.lock.uv import Uv, interpreter
from paddlewheel.project.tomlfile import load

_OUTPUT: Final = "pylock.toml"
_PLACES: Final = ("archive", "directory", "vcs", "sdist")


def resolve(
    uv: Uv,
    cache: Cache,
    source: Path,
    *,
    target_python: tuple[int, int],
    home: Path,
    previous: str | None = None,
    options: Sequence[str] = (),
) -> dict[str, Any]:
    """Resolve the requirements in the file `source`. Local paths in the result are relative to the folder `home`.

    `previous`: the text of an older lock, whose versions are kept where they still fit. Nothing is written outside
    the cache. Raise `ResolutionError`, `NetworkError`, `OfflineError`.
    """
    with cache.directory("resolve") as folder:
        output = folder / _OUTPUT
        if previous is not None:
            output.write_text(previous, encoding="utf-8")
        command = ["pip", "compile", "--quiet", "--format", "pylock.toml", "--no-header", "--universal"]
        command += ["--python-version", "{}.{}".format(*target_python), *interpreter(), *options]
        command += ["--output-file", str(output), str(source)]
        uv.check(command, cwd=source.parent, doing=f"resolve {source.name}")
        table = load(output, ResolutionError)
        table.setdefault("packages", [])  # uv leaves it out where there are none; the format wants it
        _rebase(table, folder, home)
    return table


def _rebase(table: dict[str, Any], old: Path, new: Path) -> None:
    """uv writes local paths relative to the folder of its output file."""
    for package in table.get("packages", ()):
        for artifact in (*package.get("wheels", ()), *(package.get(kind) for kind in _PLACES)):
            if artifact and "path" in artifact and not Path(artifact["path"]).is_absolute():
                artifact["path"] = os.path.relpath(os.path.normpath(old / artifact["path"]), new)
