"""Two virtual environments of the same wheels, ours and uv's, and what tells them apart."""

from __future__ import annotations

import csv
import hashlib
import re
import stat
import subprocess
import tarfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import uv
from packaging.utils import parse_wheel_filename

from paddlewheel.engines.embedded.install import Venv
from paddlewheel.engines.embedded.splice import WheelFile, splice
from paddlewheel.image.store import Store
from tests.support.tarfiles import extract

PREFIX = "/opt/venv"

_OMITTED = re.compile(r"\.dist-info/(REQUESTED|uv_cache\.json),")
"""uv marks what was asked for by name; and what came from a folder, which wheels from an index do not."""

NOT_INSTALLED = {".gitignore", ".lock", "CACHEDIR.TAG", "pyvenv.cfg"}
"""What `uv venv` puts into an environment beside packages."""


def our_venv(folder: Path, wheels: Sequence[WheelFile], python: tuple[int, int] = (3, 11)) -> Path:
    """Splice `wheels` into a layer, unpack it with tarfile, and return the environment in it."""
    store = Store(folder / "store")
    made = splice(wheels, Venv(PREFIX, python), store)
    root = folder / "root"
    with tarfile.open(store.path(made.layer.digest), "r:gz") as archive:
        extract(archive, root)
    return root / PREFIX.lstrip("/")


def uv_venv(folder: Path, wheels: Iterable[Path], python: str = "3.11") -> Path:
    """Install `wheels` with uv, without their dependencies."""
    venv = folder / "venv"
    binary = uv.find_uv_bin()
    quiet = ["--quiet", "--no-config", "--offline"]
    subprocess.run([binary, "venv", *quiet, "--no-project", "--python", python, str(venv)], check=True)
    # By name and from a folder: by path, uv would write a direct_url.json.
    names = [f"{parse_wheel_filename(wheel.name)[0]}=={parse_wheel_filename(wheel.name)[1]}" for wheel in wheels]
    links = [part for folder in sorted({wheel.parent for wheel in wheels}) for part in ("--find-links", str(folder))]
    subprocess.run(
        [
            *(binary, "pip", "install", *quiet, "--no-deps", "--no-index", *links),
            *("--python", str(venv / "bin/python"), *names),
        ],
        check=True,
    )
    return venv


def differences(ours: Path, theirs: Path) -> list[str]:
    """What differs beyond the table in docs/architecture.md, "Installed files". One line each."""
    left, right = _listing(ours, PREFIX), _listing(theirs, str(theirs))
    found = [f"{path}: only in ours" for path in sorted(set(left) - set(right))]
    found += [f"{path}: only in uv's" for path in sorted(set(right) - set(left)) if not _is_empty(theirs / path)]
    found += [
        f"{path}: {left[path]} / {right[path]}" for path in sorted(set(left) & set(right)) if left[path] != right[path]
    ]
    return found


def _is_empty(path: Path) -> bool:
    """Whether it is a folder without a file below it, which the zip names and RECORD cannot."""
    return path.is_dir() and not any(found.is_file() for found in path.rglob("*"))


def _listing(venv: Path, prefix: str) -> dict[str, str]:
    """Path -> mode and content of what packages have put into an environment."""
    listing = {}
    for path in sorted(venv.rglob("*")):
        name = path.relative_to(venv).as_posix()
        if path.is_symlink() or _is_the_environments_own(name) or path.name == "REQUESTED":
            continue
        mode = stat.S_IMODE(path.stat().st_mode)
        if path.is_dir():
            listing[name] = f"folder {mode:o}"
            continue
        listing[name] = f"{mode:o} {hashlib.sha256(_content(path, prefix)).hexdigest()[:16]}"
    return listing


def _content(path: Path, prefix: str) -> bytes:
    """A file's bytes, made comparable: what the prefix, INSTALLER and REQUESTED change in them is taken out."""
    data = path.read_bytes()
    if path.parent.name.endswith(".dist-info") and path.name == "INSTALLER":
        return b""
    if path.parent.name.endswith(".dist-info") and path.name == "RECORD":
        lines = [line for line in data.decode().splitlines() if not _OMITTED.search(line)]
        return "\n".join(_line(line) for line in lines if _is_there(line, path.parent.parent)).encode()
    if path.parent.name == "bin":
        return data.replace(prefix.encode(), b"PREFIX")
    return data


def _is_there(line: str, site_packages: Path) -> bool:
    """uv's RECORD keeps the lines of scripts that gave way to an entry point, and lists no signatures."""
    (path, *_), *_ = csv.reader([line])
    return (site_packages / path).exists() and not path.endswith((".dist-info/RECORD.jws", ".dist-info/RECORD.p7s"))


def _line(line: str) -> str:
    """A line of RECORD; those of scripts carry the hash of a text with the prefix in it."""
    path, _, rest = line.partition(",")
    return path if "/INSTALLER" in path or path.startswith("../../../bin/") else f"{path},{rest}"


def _is_the_environments_own(name: str) -> bool:
    if name in {*NOT_INSTALLED, "bin"} or name.endswith((".pyc", "__pycache__", "uv_cache.json")):
        return True
    return name.startswith(("bin/activate", "bin/deactivate", "bin/pydoc.bat"))
