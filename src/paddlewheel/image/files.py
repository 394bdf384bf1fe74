"""Files by relative path, in a folder or in a tar: what layouts and archives are read from."""

from __future__ import annotations

import io
import json
import os
import tarfile
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Final, Protocol

from paddlewheel.errors import ImageError

SMALL: Final = 16 << 20
"""Bytes that a manifest, an index or a config may have at most."""


class Files(Protocol):
    """Files by relative path: a folder, or a tar."""

    label: str

    def open(self, path: str) -> BinaryIO | None:
        """The file, or None when there is none of this name."""
        ...

    def size(self, path: str) -> int | None: ...


class Folder:
    """The files below a folder."""

    def __init__(self, root: Path) -> None:
        self.label = str(root)
        self._root = root

    def open(self, path: str) -> BinaryIO | None:
        try:
            return (self._root / path).open("rb")
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return None
        except OSError as error:
            raise ImageError(f"{self.label}: {path} cannot be read: {error.strerror}") from error

    def size(self, path: str) -> int | None:
        try:
            return (self._root / path).stat().st_size
        except OSError:
            return None


class Archive:
    """The files in an uncompressed tar, by their place in it. Links between them are followed."""

    def __init__(self, file: Path) -> None:
        self.label = str(file)
        self._file = file
        self._places: dict[str, tuple[int, int]] = {}
        links: dict[str, str] = {}
        try:
            with tarfile.open(file, "r:") as tar:
                for member in tar:
                    name = _normal(member.name)
                    if member.isreg():
                        self._places[name] = (member.offset_data, member.size)
                    elif member.issym():
                        links[name] = _normal(str(PurePosixPath(name).parent / member.linkname))
                    elif member.islnk():
                        links[name] = _normal(member.linkname)
        except (tarfile.TarError, EOFError) as error:
            raise self._no_tar(error) from error
        except OSError as error:
            raise ImageError(f"{file} cannot be read: {error.strerror or error}") from error
        size = file.stat().st_size
        for name, (start, length) in self._places.items():
            if start + length > size:
                raise ImageError(f"{file} ends within {name}", hint="fetch or write the archive again")
        for name, target in links.items():
            if target in self._places:
                self._places.setdefault(name, self._places[target])

    def _no_tar(self, error: Exception) -> ImageError:
        with self._file.open("rb") as file:
            magic = file.read(4)
        if magic[:2] == b"\x1f\x8b" or magic == b"\x28\xb5\x2f\xfd":
            return ImageError(f"{self.label} is a compressed archive", hint="decompress it first: gunzip, zstd -d")
        return ImageError(
            f"{self.label} is no tar archive: {error}",
            hint="name a file that `paddlewheel build` or `docker save` wrote",
        )

    def open(self, path: str) -> BinaryIO | None:
        place = self._places.get(path)
        return None if place is None else io.BufferedReader(_Section(self._file, *place), 1 << 20)

    def size(self, path: str) -> int | None:
        place = self._places.get(path)
        return None if place is None else place[1]


class _Section(io.RawIOBase):
    """A part of a file, as a file."""

    def __init__(self, file: Path, start: int, size: int) -> None:
        self._handle = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
        self._start = start
        self._size = size
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._position = max(0, offset + (0, self._position, self._size)[whence])
        return self._position

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)[: max(0, self._size - self._position)]
        count = os.preadv(self._handle, [view], self._start + self._position)
        self._position += count
        return count

    def close(self) -> None:
        if not self.closed:
            os.close(self._handle)
        super().close()


def blob_path(digest: str) -> str:
    """Where a layout keeps a blob. Raise `ImageError` for what is no digest, which could lead elsewhere."""
    algorithm, _, hexes = digest.partition(":")
    if algorithm not in ("sha256", "sha512") or not hexes or set(hexes) - set("0123456789abcdef"):
        raise ImageError(f"{digest!r} is no digest")
    return f"blobs/{algorithm}/{hexes}"


def read_json(files: Files, path: str) -> Any:
    """A JSON object from a source's file. Raise `ImageError`."""
    where = f"{files.label}: {path}"
    return parse_json(read_small(files, path), where)


def read_small(files: Files, path: str) -> bytes:
    """A small file of a source, whole. Raise `ImageError` when it is missing or large."""
    file = files.open(path)
    if file is None:
        raise ImageError(f"{files.label}: {path} is missing")
    with file:
        data = file.read(SMALL + 1)
    if len(data) > SMALL:
        raise ImageError(f"{files.label}: {path} is larger than {SMALL} bytes")
    return data


def parse_json(data: bytes, where: str) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ImageError(f"{where}: no JSON ({error})") from error
    if not isinstance(value, dict):
        raise ImageError(f"{where}: a JSON object was expected")
    return value


def _normal(name: str) -> str:
    """A tar's name without ``./`` and inner ``..``; one that leads outside becomes one that nothing asks for."""
    return os.path.normpath(name).lstrip("/")
