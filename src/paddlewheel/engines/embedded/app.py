"""The app's own layers, for a project that is copied and not installed: files as they are, root-owned, read-only."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from isal.isal_zlib import crc32

from paddlewheel.cache import Cache
from paddlewheel.engines.embedded.bytecode import Compiler, Source, compile_sources, pyc_name
from paddlewheel.engines.embedded.install import FILE_MODE, PROGRAM_MODE
from paddlewheel.engines.embedded.members import Piece, changed
from paddlewheel.errors import ProjectError
from paddlewheel.image.tar import Entry
from paddlewheel.project.model import AppFile

_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class ReadFile:
    """An app file, hashed: its place in the image and its content's SHA-256 (hex)."""

    piece: Piece
    sha256: str


def read_files(root: Path, files: Iterable[AppFile], target: str) -> tuple[list[ReadFile], list[Entry]]:
    """Hash the files below `root` that go to `target`. Return them, and the links as entries."""
    read, links = [], []
    folder = target.strip("/")
    for file in files:
        path = f"{folder}/{file.path}" if folder else file.path
        if file.target is not None:
            links.append(Entry(path, kind="symlink", mode=0o777, target=file.target))
        else:
            read.append(_read(root / file.path, path, file))
    return read, links


def _read(source: Path, path: str, file: AppFile) -> ReadFile:
    digest, crc, size = hashlib.sha256(), 0, 0
    try:
        with source.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
                crc = crc32(chunk, crc)
                size += len(chunk)
    except OSError as error:
        raise ProjectError(
            f"{source} cannot be read: {error.strerror}",
            hint="mend its permissions, or leave it out by .dockerignore",
        ) from error
    mode = PROGRAM_MODE if file.executable else FILE_MODE
    return ReadFile(Piece(path, mode, size, crc, file=source), digest.hexdigest())


def content_key(files: Sequence[ReadFile], links: Sequence[Entry]) -> str:
    """What an app layer's key is made of: every path, mode, content and link."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.piece.path}\0{file.piece.mode:o}\0{file.sha256}\n".encode())
    for link in links:
        digest.update(f"{link.path}\0{link.target}\n".encode())
    return digest.hexdigest()


def compiled_pieces(
    files: Sequence[ReadFile], compiler: Compiler, cache: Cache, executor: Executor
) -> tuple[list[Piece], list[ReadFile]]:
    """The .pyc files for the modules among `files`, from the cache where the same source was compiled before.

    And the modules that do not compile.
    """
    present = {file.piece.path for file in files}
    places = {file.piece.path: _cached(file, compiler, cache) for file in files if file.piece.path.endswith(".py")}
    compiled = {path: cache.checked(place) for path, place in places.items()}
    missing: list[Source] = [
        (file.piece.path, f"/{file.piece.path}", partial(_source, file))
        for file in files
        if file.piece.path in places and compiled[file.piece.path] is None
    ]
    fresh = dict(pair for batch in compile_sources(compiler, missing, executor, each=True) for pair in batch)
    for path, _, _ in missing:
        # No bytes at all say that the source does not compile.
        compiled[path] = fresh.get(path, b"")
        cache.put_checked(places[path], fresh.get(path, b""))
    pieces = []
    for path, pyc in compiled.items():
        target = pyc_name(path, compiler.tag)
        if pyc and target not in present:
            pieces.append(Piece(target, FILE_MODE, len(pyc), crc32(pyc), data=pyc))
    return pieces, [file for file in files if compiled.get(file.piece.path) == b""]


def _source(file: ReadFile) -> bytes:
    """The module's text, which must be what was hashed: its bytecode is kept under that hash."""
    path = file.piece.file or Path()
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != file.sha256:
        raise changed(path)
    return data


def _cached(file: ReadFile, compiler: Compiler, cache: Cache) -> Path:
    # The path is part of the key because it is part of the code: tracebacks show it.
    key = hashlib.sha256(f"{compiler.identity}\0{file.piece.path}\0{file.sha256}".encode()).hexdigest()
    return cache.root / "bytecode" / key[:2] / key
