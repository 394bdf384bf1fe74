"""Where a wheel's files go in a virtual environment: the work of an installer, as a list of pieces.

Nothing is written: each file becomes a `Piece` with a path in the image, and what an installer makes itself
(scripts, INSTALLER, RECORD) becomes a piece with its bytes. The result is what `uv pip install` leaves, byte for
byte, but for INSTALLER's content and REQUESTED, which is not written (docs/architecture.md, "Installed files").

Sources: the binary distribution format specification, "Installing a wheel"; the entry points and the recording
installed projects specifications; the layout of `venv` (sysconfig scheme ``venv``) on POSIX.
"""

from __future__ import annotations

import csv
import io
import posixpath
import re
from collections.abc import Iterator
from configparser import ConfigParser
from configparser import Error as ConfigError
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from isal.isal_zlib import crc32

from paddlewheel.engines.embedded.members import Container, Member, Piece
from paddlewheel.engines.embedded.wheel import Wheel, record_hash
from paddlewheel.errors import WheelError

INSTALLER: Final = b"paddlewheel"
FILE_MODE: Final = 0o644
PROGRAM_MODE: Final = 0o755

_SCRIPT: Final = """\
#!{interpreter}
# -*- coding: utf-8 -*-
import sys
from {module} import {first}
if __name__ == "__main__":
    if sys.argv[0].endswith("-script.pyw"):
        sys.argv[0] = sys.argv[0][:-11]
    elif sys.argv[0].endswith(".exe"):
        sys.argv[0] = sys.argv[0][:-4]
    sys.exit({function}())
"""
_REFERENCE: Final = re.compile(r"^\s*(?P<module>[\w.]+)\s*:\s*(?P<function>[\w.]+)\s*(?:\[[^\]]*\])?\s*$")
_SCRIPT_NAME: Final = re.compile(r"[^/\\\0\s][^/\\\0]*")
_INTERPRETER: Final = re.compile(r"(?:python|pypy)w?(?:\d+(?:\.\d+)?t?)?w?")
"""Names below bin/ that no package may take; uv refuses the same."""
_VERSIONED_PIP: Final = re.compile(r"pip3\.\d+")


@dataclass(frozen=True)
class Venv:
    """The environment that wheels are installed into. `prefix` is absolute: ``/opt/venv``."""

    prefix: str
    python: tuple[int, int]

    @cached_property
    def root(self) -> str:
        return self.prefix.lstrip("/")

    @cached_property
    def site_packages(self) -> str:
        return f"{self.root}/lib/python{self.python[0]}.{self.python[1]}/site-packages"

    @property
    def interpreter(self) -> str:
        return f"{self.prefix}/bin/python"

    def scheme(self, key: str, name: str) -> str | None:
        """The folder for a ``.data/<key>`` folder of the distribution `name`."""
        short = f"python{self.python[0]}.{self.python[1]}"
        return {
            "purelib": self.site_packages,
            "platlib": self.site_packages,
            "data": self.root,
            "scripts": f"{self.root}/bin",
            "headers": f"{self.root}/include/site/{short}/{name}",
        }.get(key)


def install(wheel: Wheel, container: Container, venv: Venv, number: int = 0) -> list[Piece]:
    """The pieces of an installed wheel, sorted by path. `number` is the container's place in its layer."""
    pieces: dict[str, Piece] = {}
    rows: list[tuple[str, str, str]] = []
    own = f"{wheel.dist_info}/RECORD"

    def put(piece: Piece, row_hash: str, row_size: str, recorded: str = "") -> None:
        if piece.path in pieces:
            raise WheelError(f"{wheel.filename}: two of its files install as {piece.path}")
        pieces[piece.path] = piece
        rows.append((_relative(recorded or piece.path, venv), row_hash, row_size))

    def put_data(path: str, data: bytes, mode: int = FILE_MODE) -> None:
        put(Piece(path, mode, len(data), crc32(data), data=data), _hash(data), str(len(data)))

    for name, member in wheel.members.items():
        if name == own:
            continue
        recorded, key = _destination(wheel, name, venv)
        path = _behind_lib64(recorded, venv)
        row = wheel.record.get(name)
        rewritten = _rewritten(container, member, venv) if key == "scripts" else None
        if rewritten is not None:
            put_data(path, rewritten, PROGRAM_MODE)
            continue
        mode = PROGRAM_MODE if key == "scripts" or name in wheel.executables else FILE_MODE
        piece = Piece(path, mode, member.size, member.crc, member=member, container=number)
        size = str(row.size) if row and row.size is not None else ""
        # RECORD keeps the name that the wheel uses, as uv's does.
        put(piece, row.hash if row else "", size, recorded)
    for script, data in _scripts(wheel, container, venv):
        path = f"{venv.root}/bin/{script}"
        if path in pieces:
            # An entry point takes the place of a script of the same name, as in other installers.
            del pieces[path]
            rows[:] = [row for row in rows if row[0] != _relative(path, venv)]
        put_data(path, data, PROGRAM_MODE)
    installer = f"{venv.site_packages}/{wheel.dist_info}/INSTALLER"
    pieces.pop(installer, None)
    rows[:] = [row for row in rows if row[0] != f"{wheel.dist_info}/INSTALLER"]
    put_data(installer, INSTALLER)
    rows.append((own, "", ""))
    record = _record_text(rows)
    path = f"{venv.site_packages}/{own}"
    mode = PROGRAM_MODE if own in wheel.executables else FILE_MODE
    pieces[path] = Piece(path, mode, len(record), crc32(record), data=record)
    return [pieces[path] for path in sorted(pieces)]


def _destination(wheel: Wheel, name: str, venv: Venv) -> tuple[str, str]:
    """The path in the image for a member, and the scheme key that it came by."""
    if not name.startswith(wheel.data_dir + "/"):
        return f"{venv.site_packages}/{name}", ""
    key, _, rest = name.removeprefix(wheel.data_dir + "/").partition("/")
    folder = venv.scheme(key, wheel.name)
    if folder is None or not rest:
        raise WheelError(f"{wheel.filename}: {name!r} is for an unknown install scheme {key!r}")
    path = f"{folder}/{rest}"
    if reason := _reserved(path, venv):
        raise WheelError(f"{wheel.filename}: {name!r} would {reason}")
    return path, key


def _reserved(path: str, venv: Venv) -> str | None:
    """What a file at `path` would do to the environment itself; None for one that leaves it in peace."""
    first, slash, rest = path.removeprefix(venv.root + "/").partition("/")
    if first == "pyvenv.cfg" or (not slash and first in ("bin", "lib", "lib64")):
        return f"take the place of the virtual environment's own {first}"
    if first == "bin" and _INTERPRETER.fullmatch(rest.partition("/")[0]):
        return f"take the place of an interpreter: {rest.partition('/')[0]} is a reserved name"
    return None


def _behind_lib64(path: str, venv: Venv) -> str:
    """Where a file for lib64, which is a link to lib, comes to lie."""
    link = f"{venv.root}/lib64/"
    return f"{venv.root}/lib/{path[len(link) :]}" if path.startswith(link) else path


def _rewritten(container: Container, member: Member, venv: Venv) -> bytes | None:
    """A script whose first line asks for the environment's Python, with that line filled in; else None."""
    if not container.read_start(member, 8).startswith(b"#!python"):
        return None
    # What follows on that line is dropped, as by pip and uv.
    _, newline, rest = container.read(member).partition(b"\n")
    return b"#!" + venv.interpreter.encode() + newline + rest


def _scripts(wheel: Wheel, container: Container, venv: Venv) -> Iterator[tuple[str, bytes]]:
    """Name and text of each console and GUI script of entry_points.txt."""
    where = f"{wheel.dist_info}/entry_points.txt"
    member = wheel.members.get(where)
    if member is None:
        return
    parser = ConfigParser(delimiters=("=",), interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(container.read(member).decode("utf-8"))
    except (UnicodeDecodeError, ConfigError) as error:
        raise WheelError(f"{wheel.filename}: {where} cannot be read ({error})") from error
    for section in ("console_scripts", "gui_scripts"):
        items = parser.items(section) if parser.has_section(section) else []
        for name, reference in _with_versioned_pip(items, venv) if section == "console_scripts" else items:
            match = _REFERENCE.match(reference)
            if match is None or not _SCRIPT_NAME.fullmatch(name) or name in (".", ".."):
                raise WheelError(f"{wheel.filename}: {where}: {name} = {reference} is no entry point for a script")
            if _INTERPRETER.fullmatch(name):
                raise WheelError(f"{wheel.filename}: {where}: {name} is a reserved name, that of an interpreter")
            function = match["function"]
            text = _SCRIPT.format(
                interpreter=venv.interpreter,
                module=match["module"],
                first=function.partition(".")[0],
                function=function,
            )
            yield name, text.encode()


def _with_versioned_pip(items: list[tuple[str, str]], venv: Venv) -> list[tuple[str, str]]:
    """A wheel of pip names the ``pip3.X`` of the Python that built it; installers make one for the Python at hand."""
    kept = [(name, reference) for name, reference in items if not _VERSIONED_PIP.fullmatch(name)]
    versioned = f"pip{venv.python[0]}.{venv.python[1]}"
    return kept + [(versioned, reference) for name, reference in kept if name == "pip3"]


def _relative(path: str, venv: Venv) -> str:
    """A path as RECORD has it: relative to site-packages."""
    if path.startswith(venv.site_packages + "/"):
        return path[len(venv.site_packages) + 1 :]
    return posixpath.relpath(path, venv.site_packages)


def _hash(data: bytes) -> str:
    return "sha256=" + record_hash("sha256", iter((data,)))


def _record_text(rows: list[tuple[str, str, str]]) -> bytes:
    out = io.StringIO()
    by_path: list[tuple[str, str, str]] = sorted(rows, key=lambda row: row[0].encode())
    csv.writer(out, lineterminator="\n").writerows(by_path)
    return out.getvalue().encode()
