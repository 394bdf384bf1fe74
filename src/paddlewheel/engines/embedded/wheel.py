"""Reading a wheel: its members, checked, without unpacking it.

Sources: the binary distribution format specification (PEP 427 and its successors), APPNOTE.TXT 6.3 for zip. The
central directory is read by the standard library's `zipfile`; what a wheel must not do is refused here.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import stat
import struct
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from paddlewheel.engines.embedded.members import DEFLATED, STORED, Container, Member
from paddlewheel.errors import WheelError
from paddlewheel.image.layer import Data

_LOCAL_HEADER: Final = struct.Struct("<4s5H3L2H")
_ENCRYPTED: Final = 0x1
_SIGNATURES: Final = ("RECORD.jws", "RECORD.p7s")
_NO_NAMES: Final = frozenset({"", ".", ".."})
_STRONG: Final = ("sha256", "sha384", "sha512")


class RecordRow(NamedTuple):
    """A line of RECORD: path, ``sha256=...`` or empty, size or None."""

    path: str
    hash: str
    size: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """A wheel's index. `members` are its files by name, in the zip's order; `dist_info` has no slash."""

    filename: str
    dist_info: str
    data_dir: str
    members: Mapping[str, Member]
    executables: frozenset[str]
    record: Mapping[str, RecordRow]

    @property
    def name(self) -> str:
        """The distribution's name as the file name has it."""
        return self.filename.split("-", 1)[0]


def read_wheel(container: Container, path: Path, filename: str, *, vouched: bool = True) -> Wheel:
    """Read and check the index of the wheel at `path`. Raise `WheelError` for anything that breaks the format.

    `vouched` False: nothing but the wheel itself speaks for its bytes, so RECORD's hashes are checked as well.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, struct.error, UnicodeDecodeError) as error:
        raise WheelError(f"{filename} is no zip file ({error})", hint="the lock may name the wrong file") from error
    members, executables = _members(container, infos, filename)
    dist_info = _dist_info(members, filename)
    record = _record(container, members, dist_info, filename)
    wheel = Wheel(
        filename=filename,
        dist_info=dist_info,
        data_dir=dist_info.removesuffix(".dist-info") + ".data",
        members=members,
        executables=executables,
        record=record,
    )
    _check_wheel_version(container, wheel)
    _check_record(wheel)
    if not vouched:
        _check_hashes(container, wheel)
    return wheel


def _members(
    container: Container, infos: list[zipfile.ZipInfo], filename: str
) -> tuple[dict[str, Member], frozenset[str]]:
    members: dict[str, Member] = {}
    executables = set()
    end = container.size
    # From the last to the first, so that each entry knows where the next begins: overlapping entries are how a small
    # zip unpacks to petabytes.
    for info in sorted(infos, key=lambda info: info.header_offset, reverse=True):
        name = info.filename
        _check_name(name, filename)
        if name in members:
            raise WheelError(f"{filename}: {name!r} is in it twice")
        mode = info.external_attr >> 16
        if stat.S_ISLNK(mode):
            raise WheelError(f"{filename}: {name!r} is a symbolic link, which a wheel cannot hold")
        if info.flag_bits & _ENCRYPTED or info.compress_type not in (STORED, DEFLATED):
            raise WheelError(
                f"{filename}: {name!r} is encrypted or compressed by method {info.compress_type}",
                hint="wheels are stored or deflated; ask the package's authors for one that is",
            )
        offset = _data_offset(container, info, filename)
        if offset + info.compress_size > end:
            raise WheelError(f"{filename}: {name!r} overlaps what comes after it")
        end = info.header_offset
        if name.endswith("/"):
            continue
        members[name] = Member(name, info.compress_type, info.CRC, info.file_size, info.compress_size, offset)
        if mode & 0o111:
            executables.add(name)
    _check_prefixes(members, filename)
    return dict(sorted(members.items())), frozenset(executables)


def _check_name(name: str, filename: str) -> None:
    parts = name.removesuffix("/").split("/")
    if not name or "\\" in name or "\0" in name or not _NO_NAMES.isdisjoint(parts):
        raise WheelError(f"{filename}: {name!r} is no relative path inside the wheel")


def _check_prefixes(members: Mapping[str, Member], filename: str) -> None:
    folders: set[str] = set()
    for name in members:
        parent, _, _ = name.rpartition("/")
        while parent and parent not in folders:
            if parent in members:
                raise WheelError(f"{filename}: {parent!r} is both a file and a folder")
            folders.add(parent)
            parent, _, _ = parent.rpartition("/")


def _data_offset(container: Container, info: zipfile.ZipInfo, filename: str) -> int:
    """Where the data begins, from the local header, which must name the same file as the central directory."""
    # One read for header and name; a name that is not the one in the directory may make it too short.
    name = info.orig_filename
    expected = name.encode("utf-8" if name.isascii() or info.flag_bits & 0x800 else "cp437")
    header = container.pread(_LOCAL_HEADER.size + len(expected), info.header_offset)
    signature, _, _, method, _, _, _, _, _, name_length, extra_length = _LOCAL_HEADER.unpack_from(header)
    if signature != b"PK\x03\x04" or method != info.compress_type:
        raise WheelError(f"{filename}: the local header of {info.filename!r} does not fit the central directory")
    if name_length != len(expected) or header[_LOCAL_HEADER.size :] != expected:
        raise WheelError(f"{filename}: {info.filename!r} has another name in its local header")
    return int(info.header_offset + _LOCAL_HEADER.size + name_length + extra_length)


def _dist_info(members: Mapping[str, Member], filename: str) -> str:
    """The one .dist-info folder, whose name must be that of the file."""
    found = sorted({name.partition("/")[0] for name in members if name.partition("/")[0].endswith(".dist-info")})
    name, version, _, _ = parse_wheel_filename(filename)
    fitting = [folder for folder in found if _same_release(folder.removesuffix(".dist-info"), name, version)]
    if len(fitting) != 1:
        raise WheelError(f"{filename}: one {name}-{version}.dist-info folder was expected, there is {found or 'none'}")
    for needed in ("WHEEL", "METADATA", "RECORD"):
        if f"{fitting[0]}/{needed}" not in members:
            raise WheelError(f"{filename}: {fitting[0]}/{needed} is missing")
    return fitting[0]


def _same_release(stem: str, name: str, version: Version) -> bool:
    left, _, right = stem.rpartition("-")
    try:
        return canonicalize_name(left) == name and Version(right.replace("_", "+", 1)) == version
    except InvalidVersion:
        return False


def _check_wheel_version(container: Container, wheel: Wheel) -> None:
    text = container.read(wheel.members[f"{wheel.dist_info}/WHEEL"]).decode("utf-8", "replace")
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip().lower() == "wheel-version":
            if value.strip().split(".")[0] != "1":
                raise WheelError(
                    f"{wheel.filename}: Wheel-Version {value.strip()} is newer than what paddlewheel knows (1.x)",
                    hint="update paddlewheel",
                )
            return
    raise WheelError(f"{wheel.filename}: {wheel.dist_info}/WHEEL names no Wheel-Version")


def _record(container: Container, members: Mapping[str, Member], dist_info: str, filename: str) -> dict[str, RecordRow]:
    where = f"{dist_info}/RECORD"
    try:
        text = container.read(members[where]).decode("utf-8")
        rows = list(csv.reader(io.StringIO(text, newline="")))
    except (UnicodeDecodeError, csv.Error) as error:
        raise WheelError(f"{filename}: {where} cannot be read ({error})") from error
    record: dict[str, RecordRow] = {}
    for number, row in enumerate(rows, 1):
        if not row:
            continue
        if len(row) < 3 or (row[2] and not row[2].isdecimal()):
            raise WheelError(f"{filename}: {where}, line {number}: path,hash,size was expected")
        # Some old tools wrote Windows' separators or a leading "./".
        path = row[0].replace("\\", "/").removeprefix("./")
        record[path] = RecordRow(path, row[1], int(row[2]) if row[2] else None)
    return record


def _check_record(wheel: Wheel) -> None:
    """RECORD and the members must be the same list, with the same sizes."""
    own = f"{wheel.dist_info}/RECORD"
    for path, row in wheel.record.items():
        member = wheel.members.get(path)
        if member is None:
            if path.endswith("/") or path.rpartition("/")[2] in _SIGNATURES:
                continue
            raise WheelError(f"{wheel.filename}: RECORD lists {path!r}, which is not in the wheel")
        if row.size is not None and row.size != member.size and path != own:
            raise WheelError(f"{wheel.filename}: RECORD gives {path!r} {row.size} bytes, it has {member.size}")
    for name in wheel.members:
        if name not in wheel.record and name != own and name.removeprefix(f"{wheel.dist_info}/") not in _SIGNATURES:
            raise WheelError(f"{wheel.filename}: {name!r} is in the wheel but not in RECORD")


def _check_hashes(container: Container, wheel: Wheel) -> None:
    for name, member in wheel.members.items():
        if name == f"{wheel.dist_info}/RECORD" or name.removeprefix(f"{wheel.dist_info}/") in _SIGNATURES:
            continue
        algorithm, _, expected = wheel.record[name].hash.partition("=")
        if algorithm not in _STRONG:
            raise WheelError(f"{wheel.filename}: RECORD has no sha256 or stronger hash for {name!r}")
        if record_hash(algorithm, (inflated for _, inflated in container.pieces(member))) != expected.rstrip("="):
            raise WheelError(f"{wheel.filename}: {name!r} does not have the hash that RECORD gives for it")


def record_hash(algorithm: str, chunks: Iterator[Data]) -> str:
    """A hash as RECORD writes it: URL-safe base64 without padding."""
    digest = hashlib.new(algorithm)
    for chunk in chunks:
        digest.update(chunk)
    return base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()
