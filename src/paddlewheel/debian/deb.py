"""Reading .deb files: an ar archive of a control tar and a data tar.

Source: deb(5). Members are read as a stream; what a tar in a package may not hold is an error that names the package.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, BinaryIO, Final, cast

from paddlewheel.debian.control import parse_paragraph
from paddlewheel.errors import DebianError, IntegrityError, StorageError
from paddlewheel.image.tar import Entry

_MAGIC: Final = b"!<arch>\n"
_HEADER: Final = 60
_ALIASED: Final = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
"""Folders of the root that are links into /usr."""
_CONTROL_LIMIT: Final = 16 << 20


@dataclass(frozen=True, slots=True)
class _Member:
    name: str
    offset: int
    size: int


class DebFile:
    """One .deb on disk. `label` names the package in errors."""

    def __init__(self, path: Path, label: str) -> None:
        self.path = path
        self.label = label

    def check(self, sha256: str) -> None:
        """Raise `IntegrityError` unless the file has this SHA-256."""
        with self.path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != sha256:
            raise IntegrityError(
                f"{self.label}: the .deb has SHA-256 {found}, the lock says {sha256}",
                hint="the file changed in the cache: paddlewheel cache prune --all",
            )

    @cached_property
    def control_files(self) -> dict[str, str]:
        """The files of the control tar, by name: ``control``, ``md5sums``, ``postinst``, ..."""
        found = {}
        with self._tar("control.tar") as tar:
            for member in tar:
                if member.isfile():
                    if member.size > _CONTROL_LIMIT:
                        raise DebianError(f"{self.label}: {member.name} in the control tar is {member.size} bytes long")
                    file = tar.extractfile(member)
                    assert file is not None  # noqa: S101  for a regular file there is one
                    found[member.name.removeprefix("./")] = file.read().decode("utf-8", "replace")
        if "control" not in found:
            raise DebianError(f"{self.label}: the .deb has no control file")
        return found

    @property
    def control(self) -> dict[str, str]:
        return parse_paragraph(self.control_files["control"])

    def entries(self) -> Iterator[tuple[Entry, bytes]]:
        """What the package installs, in its order, behind merged /usr; owners root, times fixed, no setuid bits.

        Folders of the root that are links into /usr are not among it.
        """
        with self._tar("data.tar") as tar:
            for member in tar:
                entry = self._entry(member)
                if entry is None:
                    continue
                if entry.kind != "file":
                    yield entry, b""
                    continue
                file = tar.extractfile(member)
                assert file is not None  # noqa: S101  for a regular file there is one
                data = file.read()
                if len(data) != entry.size:
                    raise DebianError(f"{self.label}: {entry.path} is cut short")
                yield entry, data

    def content(self, path: str) -> bytes:
        """The file at `path`, read anew. Raise `DebianError` where the package has none."""
        for entry, data in self.entries():
            if entry.path == path and entry.kind == "file":
                return data
        raise DebianError(f"{self.label}: a hard link leads to {path}, which is no file of the package")

    def _entry(self, member: tarfile.TarInfo) -> Entry | None:
        path = self._place(member.name)
        if path in ("", *_ALIASED):
            return None
        mode = member.mode & 0o777
        if member.isdir():
            # The sticky bit of /tmp matters; setuid and setgid bits serve nobody in an image without a shell.
            return Entry(path, "dir", mode | (member.mode & 0o1000))
        if member.issym():
            return Entry(path, "symlink", 0o777, target=member.linkname)
        if member.islnk():
            return Entry(path, "hardlink", mode, target=self._place(member.linkname))
        if member.isfile():
            return Entry(path, "file", mode, member.size)
        raise DebianError(f"{self.label}: {path} is a device or a pipe, which no image can hold")

    def _place(self, name: str) -> str:
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if name.startswith("/") or ".." in parts or "\0" in name:
            raise DebianError(f"{self.label}: the path {name!r} leads out of the image")
        if len(parts) > 1 and parts[0] in _ALIASED:
            parts.insert(0, "usr")
        return "/".join(parts)

    @contextmanager
    def _tar(self, stem: str) -> Iterator[tarfile.TarFile]:
        """The tar member whose name begins with `stem`, unpacked as it is read. Format errors become `DebianError`."""
        try:
            with self.path.open("rb") as file:
                member = self._find(file, stem)
                file.seek(member.offset)
                plain = _decompressed(io.BufferedReader(_Slice(file, member.size)), member.name, self.label)
                with tarfile.open(fileobj=plain, mode="r|", encoding="utf-8") as tar:
                    yield tar
        except FileNotFoundError as error:
            raise StorageError(
                f"{self.label} is not in the cache any more",
                hint="build again; do not prune the whole cache while something is built",
            ) from error
        except (tarfile.TarError, lzma.LZMAError, EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DebianError(
                f"{self.label}: {stem} in the .deb is damaged: {error}",
                hint="download it again: paddlewheel cache prune --all",
            ) from error

    def _find(self, file: BinaryIO, stem: str) -> _Member:
        names = []
        for member in self._members(file):
            names.append(member.name)
            if member.name == stem or member.name.startswith(stem + "."):
                return member
        raise DebianError(f"{self.label}: the .deb has no {stem}, only {', '.join(names) or 'nothing'}")

    def _members(self, file: BinaryIO) -> Iterator[_Member]:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise DebianError(f"{self.label}: the file is no .deb (not an ar archive)")
        offset = len(_MAGIC)
        while header := file.read(_HEADER):
            size = header[48:58].strip()
            if len(header) != _HEADER or header[58:] != b"`\n" or not size.isdigit():
                raise DebianError(f"{self.label}: the .deb is cut short or damaged at byte {offset}")
            name = header[:16].decode("ascii", "replace").strip().rstrip("/")
            yield _Member(name, offset + _HEADER, int(size))
            offset += _HEADER + int(size) + int(size) % 2
            file.seek(offset)


class _Slice(io.RawIOBase):
    """The next `left` bytes of a file, as a file. Raise EOFError where there are fewer."""

    def __init__(self, file: BinaryIO, left: int) -> None:
        self._file = file
        self._left = left

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        wanted = min(len(buffer), self._left)
        data = self._file.read(wanted)
        if len(data) < wanted:
            raise EOFError("the file ends early")
        buffer[: len(data)] = data
        self._left -= len(data)
        return len(data)


def _decompressed(file: io.BufferedReader, name: str, label: str) -> IO[bytes]:
    suffix = name.rpartition(".tar")[2]
    if suffix == "":
        return file
    if suffix == ".xz":
        return lzma.LZMAFile(file)
    if suffix == ".gz":
        return cast("IO[bytes]", gzip.GzipFile(fileobj=file))
    if suffix == ".zst":
        try:
            from compression import zstd  # type: ignore[import-not-found, unused-ignore]  # Python 3.14
        except ImportError:
            raise DebianError(
                f"{label}: {name} is compressed with zstd, which this Python cannot read",
                hint="run paddlewheel with Python 3.14 or newer, or use Debian's own archive, which compresses with xz",
            ) from None
        opened: IO[bytes] = zstd.ZstdFile(file)
        return opened
    raise DebianError(f"{label}: {name} is compressed in an unknown way")
