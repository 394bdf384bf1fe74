"""The project's own wheel, built by its back end in a clean copy of its files and a pinned environment.

The same files give the same wheel: the environment's clock, locale, umask and hash seed are fixed, the copy has one
time and two modes, and every package of the build environment is one of the constraints, by hash.
"""

from __future__ import annotations

import shutil
import sys
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from paddlewheel.cache import Cache
from paddlewheel.errors import BuildBackendError, NativeCodeError, NetworkError, PaddlewheelError, StorageError
from paddlewheel.lock.source_tree import EARLIEST, copy_source
from paddlewheel.lock.uv import Result, Uv, explain, failure, interpreter

_LINES_SHOWN: Final = 30
_TRACEBACK: Final = "Traceback (most recent call last):"
_VERSION_VARIABLES: Final = ("SETUPTOOLS_SCM_PRETEND_VERSION", "PBR_VERSION", "POETRY_DYNAMIC_VERSIONING_BYPASS")
"""What back ends take for the version instead of asking git. uv passes the user's own on as well."""


def build_wheel(
    source_dir: Path,
    out_dir: Path,
    constraints: Iterable[str],
    *,
    cache: Cache,
    epoch: int,
    version_pretend: str | None = None,
    offline: bool = False,
) -> Path:
    """Build the wheel of the project in `source_dir` into `out_dir`; return its path. `source_dir` is not written to.

    `constraints`: requirement lines with hashes for all of the build environment. `epoch`: seconds since 1970; raised
    to 1980, before which a zip knows no time. `version_pretend`: the version, for back ends that ask git for it.

    Raise `BuildBackendError` when the back end fails, `NativeCodeError` for a wheel that is not for every machine,
    `NetworkError`, `OfflineError`, `ToolMissingError`.
    """
    uv = Uv.find(offline=offline)
    with cache.directory("app-wheel") as folder:
        source = copy_source(source_dir, folder, epoch=max(epoch, EARLIEST))
        pins = folder / "constraints.txt"
        pins.write_text("".join(f"{line}\n" for line in constraints), encoding="utf-8")
        made = folder / "out"
        made.mkdir()
        command = ["build", "--wheel", *interpreter(), "--build-constraints", str(pins), "--require-hashes"]
        command += ["--out-dir", str(made), "--force-pep517", str(source)]
        variables = _variables(max(epoch, EARLIEST), version_pretend)
        result = uv.run(command, cwd=source, env=variables, umask=0o022)
        if result.returncode:
            raise _failed(result, source_dir, source)
        wheel = _only(made, source_dir)
        _require_pure(wheel)
        return _delivered(wheel, out_dir)


def _variables(epoch: int, version: str | None) -> Mapping[str, str]:
    fixed = {
        "SOURCE_DATE_EPOCH": str(epoch),
        "LC_ALL": "C.UTF-8",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        # uv shows both outputs of the back end as they come: what is buffered would come after the error.
        "PYTHONUNBUFFERED": "1",
        "GIT_OPTIONAL_LOCKS": "0",
    }
    return fixed if version is None else {**fixed, **dict.fromkeys(_VERSION_VARIABLES, version)}


def _failed(result: Result, project: Path, copy: Path) -> PaddlewheelError:
    """The error for a build that failed, with the end of what the back end said."""
    text, hint = explain(result.stderr, lines=None)
    text = text.replace(str(copy), str(project))
    told = failure(result, "build the project")
    if isinstance(told, NetworkError | StorageError):
        return told
    shown = "\n".join(_end(text.splitlines()))
    return BuildBackendError(f"the project's wheel could not be built:\n{shown}", hint=_advice(text, hint))


def _end(lines: list[str]) -> list[str]:
    """The last lines, and the last traceback where it lies before them."""
    cut = len(lines) - _LINES_SHOWN
    if cut <= 0:
        return lines
    start = max((number for number, line in enumerate(lines[:cut]) if line.startswith(_TRACEBACK)), default=cut)
    traceback = lines[start : min(start + _LINES_SHOWN, cut)]
    between = cut - start - len(traceback)
    return [
        *([f"... ({start} lines before)"] if start else []),
        *traceback,
        *([f"... ({between} lines between)"] if between else []),
        *lines[cut:],
    ]


def _advice(text: str, hint: str | None) -> str:
    lowered = text.lower()
    if "hash" in lowered and ("require" in lowered or "mismatch" in lowered):
        return (
            "the build environment is pinned in paddlewheel.lock and lacks a package, or one has changed: "
            "add what the build asks for to build-system.requires, then run `paddlewheel lock --upgrade`"
        )
    if "unable to detect version" in lowered or "setuptools-scm was unable" in lowered:
        return "the version comes from git: build in a clone with tags, or set SETUPTOOLS_SCM_PRETEND_VERSION=1.2.3"
    if "requires a different python" in lowered or "requires-python" in lowered:
        version = ".".join(map(str, sys.version_info[:2]))
        return f"the build runs under the Python of paddlewheel, {version}: install paddlewheel for one that fits"
    return hint or "make `uv build --wheel` work in the project's folder first"


def _only(folder: Path, project: Path) -> Path:
    found = sorted(folder.glob("*.whl"))
    if len(found) != 1:
        raise BuildBackendError(
            f"the back end of {project.name} said that it succeeded, but made {len(found)} wheels",
            hint="make `uv build --wheel` work in the project's folder first",
        )
    try:
        parse_wheel_filename(found[0].name)
    except InvalidWheelFilename as error:
        raise BuildBackendError(
            f"the back end made {found[0].name}, which is no name of a wheel: {error}",
            hint="upgrade the build back end: change build-system.requires, or run `paddlewheel lock --upgrade`",
        ) from error
    if not zipfile.is_zipfile(found[0]):
        raise BuildBackendError(
            f"the back end made {found[0].name}, which is no zip archive",
            hint="upgrade the build back end: change build-system.requires, or run `paddlewheel lock --upgrade`",
        )
    return found[0]


def _require_pure(wheel: Path) -> None:
    if not all(tag.abi == "none" and tag.platform == "any" for tag in parse_wheel_filename(wheel.name)[-1]):
        raise NativeCodeError(
            f"{wheel.name} holds compiled code, built for this machine and its libraries and not for the image",
            hint="publish the project's wheels for the image's platform (cibuildwheel), and make a project "
            "that depends on them; compiling within the image's own environment is not supported yet",
        )


def _delivered(wheel: Path, out_dir: Path) -> Path:
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
        return Path(shutil.move(wheel, out_dir / wheel.name))
    except OSError as error:
        raise StorageError(f"{out_dir} cannot be written: {error.strerror}", hint="choose another folder") from error
