"""What is probably wrong with the files of a copied app, though an image can be made of them."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Sequence
from contextlib import suppress
from difflib import get_close_matches
from typing import Any, Final

from paddlewheel.cache import Cache
from paddlewheel.engines.embedded.app import ReadFile
from paddlewheel.engines.embedded.bytecode import Compiler, syntax_fault
from paddlewheel.image.model import RunConfig
from paddlewheel.progress import Reporter
from paddlewheel.project.model import AppFile

_KIND: Final = "uncompiled"
_SHOWN: Final = 5


def keep_uncompiled(broken: Sequence[ReadFile], target: str, key: str, compiler: Compiler, cache: Cache) -> None:
    """Remember under a layer's key which of its modules do not compile, and why: for builds that take it as it is."""
    if broken:
        modules = []
        for file in broken[:_SHOWN]:
            name = file.piece.path.removeprefix(target.strip("/") + "/")
            modules.append([name, syntax_fault(compiler, _read(file))])
        cache.put_record(_KIND, key, {"modules": modules, "number": len(broken)})


def _read(file: ReadFile) -> bytes:
    # A file that went away meanwhile is told of where the layer is written.
    with suppress(OSError):
        return file.piece.file.read_bytes() if file.piece.file else b""
    return b""


def warn_uncompiled(key: str, python: str, cache: Cache, reporter: Reporter) -> None:
    """Name the modules of the layer `key` that do not compile with the image's Python, of version X.Y."""
    record: dict[str, Any] | None = cache.record(_KIND, key)
    if record is None:
        return
    for name, fault in record["modules"]:
        why = f" ({fault})" if fault else ""
        reporter.warn(f"{name} does not compile with the image's Python {python}{why}")
    more = record["number"] - len(record["modules"])
    if more:
        reporter.warn(f"nor do {more} more modules of the app")


def warn_missing_script(run: RunConfig, groups: Sequence[Collection[AppFile]], target: str, reporter: Reporter) -> None:
    """Warn when the image starts Python with a script that should be among the files copied to `target` and is not."""
    words = (*(run.entrypoint or ()), *(run.cmd or ()))
    if len(words) < 2 or not posixpath.basename(words[0]).startswith("python") or not words[1].endswith(".py"):
        return
    path = posixpath.normpath(posixpath.join(run.working_dir or "/", words[1]))
    name = posixpath.relpath(path, target)
    files = [file for group in groups for file in group]
    below_link = any(file.target is not None and name.startswith(file.path + "/") for file in files)
    names = {file.path for file in files}
    if name.startswith("../") or name in names or below_link:
        return
    near = get_close_matches(name, sorted(one for one in names if one.endswith(".py")), n=1)
    question = f"; did you mean {near[0]}?" if near else ""
    reporter.warn(f"the image starts {words[1]}, which is not among the files that are copied to {target}{question}")
