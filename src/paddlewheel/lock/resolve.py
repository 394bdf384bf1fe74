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
    upgrade: bool = False,
    options: Sequence[str] = (),
) -> dict[str, Any]:
    """Resolve the requirements in the file `source`. Local paths in the result are relative to the folder `home`.

    `previous`: the text of an older lock, whose versions are kept where they still fit; not with `upgrade`. Nothing
    is written outside the cache. Raise `ResolutionError` (also for files that no hash is known of), `NetworkError`,
    `OfflineError`.
    """
    with cache.directory("resolve") as folder:
        output = folder / _OUTPUT
        if upgrade and not uv.offline:
            options = [*options, "--upgrade"]  # which also asks the index anew, cached pages or not
        if previous is not None and not upgrade:
            output.write_text(previous, encoding="utf-8")
        command = ["pip", "compile", "--quiet", "--format", "pylock.toml", "--no-header", "--universal"]
        command += ["--python-version", "{}.{}".format(*target_python), *interpreter(), *options]
        command += ["--output-file", str(output), str(source)]
        _run(uv, command, source)
        table = load(output, ResolutionError)
        table.setdefault("packages", [])  # uv leaves it out where there are none; the format wants it
        _rebase(table, folder, home)
    _require_hashes(table)
    return table


def _run(uv: Uv, command: Sequence[str], source: Path) -> None:
    """Before "no solution" is said, the index is asked anew: uv keeps its pages for ten minutes."""
    doing = f"resolve {source.name}"
    try:
        uv.check(command, cwd=source.parent, doing=doing)
    except ResolutionError:
        if uv.offline or "--upgrade" in command:
            raise
        uv.check([*command, "--refresh"], cwd=source.parent, doing=doing)


def _require_hashes(table: dict[str, Any]) -> None:
    """An older uv leaves hashes out that the index does not tell; newer ones download the files and hash them."""
    for package in table["packages"]:
        for artifact in (*package.get("wheels", ()), package.get("sdist"), package.get("archive")):
            if artifact and not artifact.get("hashes"):
                raise ResolutionError(
                    f"the index gives no hash for {package['name']} {package.get('version', '')}".rstrip(),
                    hint="upgrade uv, which then hashes the files itself, or use an index that gives SHA-256 hashes",
                )


def _rebase(table: dict[str, Any], old: Path, new: Path) -> None:
    """uv writes local paths relative to the folder of its output file."""
    for package in table.get("packages", ()):
        for artifact in (*package.get("wheels", ()), *(package.get(kind) for kind in _PLACES)):
            if artifact and "path" in artifact and not Path(artifact["path"]).is_absolute():
                artifact["path"] = os.path.relpath(os.path.normpath(old / artifact["path"]), new)
