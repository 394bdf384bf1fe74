"""The layer between base and wheels: an empty virtual environment, writable folders, the time zone."""

from __future__ import annotations

from collections.abc import Sequence

from isal.isal_zlib import crc32

from paddlewheel.cache import Cache
from paddlewheel.debian.system_files import timezone_entries
from paddlewheel.engines.embedded.install import FILE_MODE, Venv
from paddlewheel.engines.embedded.kept import KeptLayer, keep_layer, kept_layer, layer_key
from paddlewheel.engines.embedded.members import Piece
from paddlewheel.engines.embedded.splice import write_layer
from paddlewheel.image.tar import Entry
from paddlewheel.plan.model import MakeDirectories, PythonTarget

_OPEN_MODE = 0o755


def environment_layer(
    cache: Cache,
    venv: Venv,
    python: PythonTarget,
    *,
    workdir: str,
    directories: MakeDirectories | None,
    timezone: str | None,
    base_files: Sequence[str],
) -> KeptLayer:
    """Make the layer, or take it from the cache. `base_files`: paths in the base, among them the time zones.

    Raise `DebianError` for a time zone that is not there.
    """
    key = layer_key(
        "environment",
        prefix=venv.prefix,
        python=python.executable,
        version=python.full_version,
        workdir=workdir,
        directories=[list(directories.paths), directories.uid, directories.gid] if directories else [],
        timezone=timezone,
    )
    kept = kept_layer(cache, key)
    if kept:
        return kept
    entries = [*_links(venv, python), Entry(venv.site_packages, kind="dir", mode=0o755)]
    if workdir.strip("/"):
        entries.append(Entry(workdir.strip("/"), kind="dir", mode=0o755))
    for path in directories.paths if directories else ():
        uid, gid = (directories.uid, directories.gid) if directories else (0, 0)
        entries.append(Entry(path.strip("/"), kind="dir", mode=_OPEN_MODE, uid=uid, gid=gid))
    pieces = [_configuration(venv, python)]
    for entry, data in timezone_entries(timezone, base_files) if timezone else ():
        if entry.kind == "file":
            pieces.append(Piece(entry.path, entry.mode, entry.size, crc32(data), data=data))
        else:
            entries.append(entry)
    layer = write_layer(cache.store, pieces, [], entries=entries)
    return keep_layer(cache, key, layer, title="virtual environment")


def _links(venv: Venv, python: PythonTarget) -> list[Entry]:
    """``python`` leads to the base's interpreter, the other names to ``python``, as `uv venv` has them."""
    binaries = f"{venv.root}/bin"
    names = {"python": python.executable, "python3": "python", f"python{python.short}": "python"}
    links = [Entry(f"{binaries}/{name}", kind="symlink", mode=0o777, target=target) for name, target in names.items()]
    return [*links, Entry(f"{venv.root}/lib64", kind="symlink", mode=0o777, target="lib")]


def _configuration(venv: Venv, python: PythonTarget) -> Piece:
    home = python.executable.rpartition("/")[0]
    return _text(
        f"{venv.root}/pyvenv.cfg",
        f"home = {home}\nimplementation = CPython\nversion_info = {python.full_version}\n"
        "include-system-site-packages = false\n",
    )


def _text(path: str, text: str) -> Piece:
    data = text.encode()
    return Piece(path, FILE_MODE, len(data), crc32(data), data=data)
