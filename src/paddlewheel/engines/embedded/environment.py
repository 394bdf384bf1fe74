"""The layer between base and wheels: an empty virtual environment, writable folders, the time zone."""

from __future__ import annotations

from isal.isal_zlib import crc32

from paddlewheel.cache import Cache
from paddlewheel.debian.compose import Composed
from paddlewheel.debian.system_files import timezone_entries
from paddlewheel.engines.embedded.install import FILE_MODE, Venv
from paddlewheel.engines.embedded.kept import KeptLayer, keep_layer, kept_layer, layer_key
from paddlewheel.engines.embedded.members import Piece
from paddlewheel.engines.embedded.places import Places, nearest
from paddlewheel.engines.embedded.splice import write_layer
from paddlewheel.errors import SettingsError
from paddlewheel.image.tar import Entry
from paddlewheel.plan.model import MakeDirectories, PythonTarget


def environment_layer(
    cache: Cache,
    venv: Venv,
    python: PythonTarget,
    base: Composed,
    *,
    workdir: str,
    directories: MakeDirectories | None,
    timezone: str | None,
) -> KeptLayer:
    """Make the layer, or take it from the cache.

    Raise `DebianError` for a time zone that the base has not, `SettingsError` for a folder that is a file there.
    """
    folders = _folders(Places.of(base), venv, workdir, directories)
    key = layer_key(
        "environment",
        prefix=venv.prefix,
        python=python.executable,
        version=python.full_version,
        folders=[[entry.path, entry.mode, entry.uid, entry.gid] for entry in folders],
        timezone=timezone,
    )
    kept = kept_layer(cache, key)
    if kept:
        return kept
    entries = [*_links(venv, python), Entry(venv.site_packages, kind="dir", mode=0o755), *folders]
    pieces = [_configuration(venv, python)]
    for entry, data in timezone_entries(timezone, base.files) if timezone else ():
        if entry.kind == "file":
            pieces.append(Piece(entry.path, entry.mode, entry.size, crc32(data), data=data))
        else:
            entries.append(entry)
    layer = write_layer(cache.store, pieces, [], entries=entries)
    return keep_layer(cache, key, layer, title="virtual environment")


def _folders(places: Places, venv: Venv, workdir: str, directories: MakeDirectories | None) -> list[Entry]:
    """Volumes and the working directory, with the folders above them, sorted by path."""
    owned: dict[str, Entry] = {}
    owner = (directories.uid, directories.gid) if directories else (0, 0)
    for text in directories.paths if directories else ():
        path = places.resolve(text, "volumes")
        if not path or f"{path}/".startswith(f"{venv.root}/") or f"{venv.root}/".startswith(f"{path}/"):
            raise SettingsError(
                f"volumes: {text} would hide the packages in {venv.prefix}", hint="name a folder apart, as /data"
            )
        owned[path] = places.folder(path, owner)
    folders = dict(owned)
    work = places.resolve(workdir, "workdir")
    if work and work not in owned and work not in places.directories:
        above = nearest(work, owned)
        folders[work] = Entry(
            work, kind="dir", mode=0o755, uid=above.uid if above else 0, gid=above.gid if above else 0
        )
    folders = {**places.parents(folders, owned), **folders}
    return [folders[path] for path in sorted(folders)]


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
