"""Wheels to one layer: install them as pieces, put the pieces in order, copy their streams into the blob."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from paddlewheel.engines.embedded.install import FILE_MODE, Venv, install
from paddlewheel.engines.embedded.members import Container, Piece, write_piece
from paddlewheel.engines.embedded.pack import read_pack
from paddlewheel.engines.embedded.wheel import read_wheel
from paddlewheel.errors import CollisionError, WheelError
from paddlewheel.image.layer import LayerWriter, WrittenLayer
from paddlewheel.image.store import Store
from paddlewheel.image.tar import Entry

DIRECTORY_MODE = 0o755
_LEVEL: Final = 6
"""Of what a layer of wheels holds beside their streams. That is little, and most of it hashes (RECORD)."""

FileList = dict[str, tuple[int, int]]
"""Path in the image -> (size, CRC-32): enough to see whether two wheels disagree about a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelFile:
    """A wheel on disk, ready to become part of a layer. `pack`: its byte-compiled modules, if wanted."""

    path: Path
    filename: str
    pack: Path | None = None
    vouched: bool = True
    """Its hash stood in a lock and was checked; otherwise RECORD's hashes are checked."""
    splice: bool = True
    """Its deflate streams may be copied; False for a wheel that was built on this machine."""


@dataclass(frozen=True, slots=True)
class SplicedLayer:
    """A layer in the store, and the files that its wheels brought."""

    layer: WrittenLayer
    files: FileList


def splice(wheels: Sequence[WheelFile], venv: Venv, store: Store) -> SplicedLayer:
    """Write one layer that holds `wheels`, installed into `venv`. Raise `WheelError` or `CollisionError`.

    Memory stays bounded whatever a wheel weighs: its index, and pieces of at most a few MiB.
    """
    with ExitStack() as stack:
        containers: list[Container] = []
        pieces: dict[str, Piece] = {}
        owners: dict[str, str] = {}
        compiled: set[str] = set()
        for wheel in wheels:
            container = stack.enter_context(Container(wheel.path, wheel.filename))
            containers.append(container)
            index = read_wheel(container, wheel.path, wheel.filename, vouched=wheel.vouched)
            for piece in install(index, container, venv, len(containers) - 1):
                _put(pieces, owners, piece, wheel.filename)
            if wheel.pack is not None:
                pack = stack.enter_context(Container(wheel.pack, f"bytecode of {wheel.filename}"))
                containers.append(pack)
                for member in read_pack(pack):
                    path = f"{venv.root}/{member.name}"
                    # A wheel that brings its own .pyc keeps it; one that has a file __pycache__ has room for none.
                    if path not in pieces and path.rpartition("/")[0] not in pieces:
                        pieces[path] = Piece(
                            path,
                            FILE_MODE,
                            member.size,
                            member.crc,
                            member=member,
                            container=len(containers) - 1,
                        )
                        owners[path] = wheel.filename
                        compiled.add(path)
        _check_folders(owners)
        splices = _splices(wheels)
        written = write_layer(store, pieces.values(), containers, splices, level=_LEVEL)
    # Bytecode follows from its source, which is what two wheels are told to disagree about.
    files = {path: (piece.size, piece.crc) for path, piece in pieces.items() if path not in compiled}
    return SplicedLayer(written, files)


def _splices(wheels: Sequence[WheelFile]) -> list[bool]:
    """For each container, whether its streams may be copied. A pack's always may: libdeflate made them."""
    flags = []
    for wheel in wheels:
        flags.append(wheel.splice)
        if wheel.pack is not None:
            flags.append(True)
    return flags


def write_layer(
    store: Store,
    pieces: Iterable[Piece],
    containers: list[Container],
    splices: Sequence[bool] = (),
    *,
    entries: Iterable[Entry] = (),
    level: int = 9,
) -> WrittenLayer:
    """Write pieces, their folders, and further `entries` (links, folders) to a layer in `store`, by path."""
    things: dict[str, Piece | Entry] = {entry.path: entry for entry in entries}
    for piece in pieces:
        things[piece.path] = piece
    for path in list(things):
        _add_folders(things, path)
    with store.create() as (sink, temporary):
        writer = LayerWriter(sink, level=level)
        for path in sorted(things):
            thing = things[path]
            if isinstance(thing, Entry):
                writer.add(thing)
            else:
                write_piece(writer, thing, containers, splice=not splices or splices[thing.container])
        written = writer.close()
        store.commit(temporary, written.digest)
    return written


def _add_folders(things: dict[str, Piece | Entry], path: str) -> None:
    parent, _, _ = path.rpartition("/")
    while parent and parent not in things:
        things[parent] = Entry(parent, kind="dir", mode=DIRECTORY_MODE)
        parent, _, _ = parent.rpartition("/")


def _put(pieces: dict[str, Piece], owners: dict[str, str], piece: Piece, filename: str) -> None:
    other = pieces.get(piece.path)
    if other is not None and (other.size, other.crc) != (piece.size, piece.crc):
        raise collision(piece.path, owners[piece.path], filename)
    pieces[piece.path] = piece
    owners[piece.path] = filename


def _check_folders(owners: Mapping[str, str]) -> None:
    """Raise for a path that is a file and, for another file, a folder. `owners`: the wheel of each path."""
    found = file_and_folder(owners)
    if found is None:
        return
    path, below = found
    if owners[path] == owners[below]:
        raise WheelError(f"{owners[path]}: /{path} would be both a file and a folder, for /{below}")
    raise folder_collision(path, below, owners[path], owners[below])


def file_and_folder(paths: Iterable[str]) -> tuple[str, str] | None:
    """Two of `paths`, the one a file where the other needs a folder; None where there are none."""
    files = set(paths)
    folders: set[str] = set()
    for path in files:
        parent = path.rpartition("/")[0]
        # Most files have a neighbour that was looked at before, and nothing above it is new.
        while parent and parent not in folders:
            folders.add(parent)
            parent = parent.rpartition("/")[0]
    both = files & folders
    if not both:
        return None
    path = min(both)
    return path, min(below for below in files if below.startswith(f"{path}/"))


def folder_collision(path: str, below: str, one: str, other: str) -> CollisionError:
    """The error for `path`, a file of `one` and a folder of `other`, which has `below` in it."""
    return CollisionError(
        f"{one} installs the file /{path}, which is a folder for {other}: it installs /{below}",
        hint="no installer can do both; remove one of the two packages from the project, "
        "or ask their authors to rename it",
    )


def collision(path: str, one: str, other: str) -> CollisionError:
    """The error for two wheels that want different bytes at `path`."""
    return CollisionError(
        f"{one} and {other} both install /{path}, with different content",
        hint="an installer would keep whichever came last; remove one of the two packages from the project, "
        "or ask their authors to rename the file",
    )
