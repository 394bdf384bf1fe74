"""Reading a layer: the blob inflated, its tar taken apart, the DiffID computed on the way, in one pass.

ustar, pax and GNU headers are understood. Sources: POSIX.1-2017, pax; the GNU tar manual, "Basic Tar Format".
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final, Literal, cast

from paddlewheel.errors import ImageError
from paddlewheel.image.tar import BLOCK

MemberKind = Literal["file", "dir", "symlink", "hardlink", "special"]

_PIECE: Final = 1 << 18
"""Bytes inflated at a time: a multiple of the block size, so that no header straddles two pieces."""

_EMPTY: Final = bytes(BLOCK)
_MAX_EXTENDED: Final = 1 << 20
_KINDS: Final[dict[bytes, MemberKind]] = {
    b"0": "file",
    b"\0": "file",
    b"7": "file",
    b"1": "hardlink",
    b"2": "symlink",
    b"3": "special",
    b"4": "special",
    b"5": "dir",
    b"6": "special",
}


@dataclass(frozen=True, slots=True)
class Member:
    """A member as the tar has it: `path` is not cleaned. `mtime` in seconds, `size` of the body."""

    path: str
    kind: MemberKind
    mode: int
    size: int
    target: str
    uid: int
    gid: int
    mtime: float


class LayerReader:
    """Iterate over the members; read a member's `body` before the next one, or not at all.

    After the last member `diff_id` is known. Raise `ImageError`, which names `label`, for what is no such tar.
    """

    def __init__(self, blob: BinaryIO, label: str) -> None:
        self._label = label
        self._blob = blob
        self._stream = _inflated(blob, label)
        self._hash = hashlib.sha256()
        self._piece: memoryview = memoryview(b"")
        self._at = 0
        self._body = 0
        self._padding = 0
        self.unpacked = 0

    @property
    def diff_id(self) -> str:
        """The digest of all that was read; of the whole tar when the iteration is over."""
        return "sha256:" + self._hash.hexdigest()

    def __iter__(self) -> Iterator[Member]:
        extended: dict[str, str] = {}
        while True:
            self._skip_body()
            block = self._block()
            if block is None:
                raise self._broken("ends without the two blocks of zeros")
            if block == _EMPTY:
                break
            kind = bytes(block[156:157])
            self._check_sum(block)
            if kind in b"xgLK":
                self._extend(kind, self._number(block[124:136]), extended)
                continue
            member = self._member(block, kind, extended)
            extended.clear()
            yield member
        self._finish()

    def body(self) -> Iterator[memoryview]:
        """The rest of the current member's body, in pieces that are valid until the next one."""
        while self._body:
            if self._at == len(self._piece) and not self._fill():
                raise self._broken("ends within a member")
            view = self._piece[self._at : self._at + self._body]
            self._at += len(view)
            self._body -= len(view)
            yield view

    def _skip_body(self) -> None:
        for _ in self.body():
            pass
        self._body, self._padding = self._padding, 0
        for _ in self.body():
            pass

    def _member(self, block: memoryview, kind: bytes, extended: dict[str, str]) -> Member:
        try:
            size = int(extended["size"]) if "size" in extended else self._number(block[124:136])
            mtime = float(extended["mtime"]) if "mtime" in extended else float(self._number(block[136:148]))
            uid = int(extended["uid"]) if "uid" in extended else self._number(block[108:116])
            gid = int(extended["gid"]) if "gid" in extended else self._number(block[116:124])
        except ValueError as error:
            raise self._broken(f"has a header that is no number ({error})") from error
        if any(key.startswith("GNU.sparse") for key in extended) or kind not in _KINDS:
            raise self._broken(f"has a member of a kind that is not supported ({kind!r})")
        path = extended["path"] if "path" in extended else _name(block)
        found = _KINDS[kind]
        # Before POSIX a folder was a file whose name ends with a slash.
        if found == "file" and path.endswith("/"):
            found = "dir"
        if not (size >= 0 and 0 <= uid < 1 << 32 and 0 <= gid < 1 << 32 and abs(mtime) < 1 << 40):
            raise self._broken(f"has a number out of range in the header of {path!r}")
        if found != "file":
            size = 0
        self._body, self._padding = size, -size % BLOCK
        target = extended["linkpath"] if "linkpath" in extended else _text(block[157:257])
        return Member(path, found, self._number(block[100:108]) & 0o7777, size, target, uid, gid, mtime)

    def _extend(self, kind: bytes, size: int, extended: dict[str, str]) -> None:
        """Read a header that speaks of the next member."""
        if not 0 <= size <= _MAX_EXTENDED:
            raise self._broken(f"has an extended header of {size} bytes")
        self._body, self._padding = size, -size % BLOCK
        data = b"".join(self.body())
        if kind == b"L":
            extended["path"] = data.rstrip(b"\0").decode("utf-8", "surrogateescape")
        elif kind == b"K":
            extended["linkpath"] = data.rstrip(b"\0").decode("utf-8", "surrogateescape")
        elif kind == b"x":
            self._pax(data, extended)

    def _pax(self, data: bytes, extended: dict[str, str]) -> None:
        while data:
            digits, _, _ = data.partition(b" ")
            if not digits.isdigit() or len(digits) > 8 or not len(digits) < int(digits) <= len(data):
                raise self._broken("has a malformed pax header")
            record, data = data[len(digits) + 1 : int(digits) - 1], data[int(digits) :]
            key, _, value = record.partition(b"=")
            extended[key.decode("utf-8", "replace")] = value.decode("utf-8", "surrogateescape")

    def _number(self, field: memoryview) -> int:
        data = bytes(field)
        if data[0] & 0x80:
            # GNU: a binary number, whose first byte says that it is one and carries the sign.
            return int.from_bytes(data, "big", signed=True) + (1 << (8 * len(data) - 1)) if data[0] == 0x80 else -1
        text = data.strip(b"\0 ")
        try:
            return int(text, 8) if text else 0
        except ValueError:
            raise self._broken(f"has a header with {text!r} where a number belongs") from None

    def _check_sum(self, block: memoryview) -> None:
        if self._number(block[148:156]) != sum(block) - sum(block[148:156]) + 8 * 32:
            raise self._broken("has a header whose checksum is wrong")

    def _block(self) -> memoryview | None:
        if self._at == len(self._piece) and not self._fill():
            return None
        block = self._piece[self._at : self._at + BLOCK]
        if len(block) != BLOCK:
            raise self._broken("ends within a block")
        self._at += BLOCK
        return block

    def _fill(self) -> bool:
        try:
            data = self._stream.read(_PIECE)
        except _damages() as error:
            if isinstance(error, OSError) and error.errno:
                raise
            raise self._broken(f"is damaged: {error}") from error
        self._hash.update(data)
        self.unpacked += len(data)
        self._piece = memoryview(data)
        self._at = 0
        return bool(data)

    def _finish(self) -> None:
        """What follows the end of the archive belongs to the DiffID, and may only be zeros."""
        rest = self._piece[self._at :]
        while True:
            if any(rest):
                raise self._broken("goes on after its end")
            if not self._fill():
                return
            rest = self._piece

    def _broken(self, what: str) -> ImageError:
        return ImageError(f"{self._label} {what}", hint="build or fetch the image again")


def _inflated(blob: BinaryIO, label: str) -> BinaryIO:
    """The tar in a blob, by what its first bytes say it is."""
    magic = blob.read(4)
    blob.seek(0)
    if magic[:2] == b"\x1f\x8b":
        from isal.igzip import IGzipFile

        return cast(BinaryIO, IGzipFile(fileobj=blob, mode="rb"))  # type: ignore[no-untyped-call]
    if magic == b"\x28\xb5\x2f\xfd":
        raise ImageError(f"{label} is compressed with zstd, which is not supported", hint="use layers of tar+gzip")
    return blob


def _damages() -> tuple[type[Exception], ...]:
    """What reading a damaged stream raises."""
    from isal.igzip_lib import IsalError

    return (EOFError, zlib.error, OSError, ValueError, cast(type[Exception], IsalError))


def _name(block: memoryview) -> str:
    name = _text(block[:100])
    if bytes(block[257:263]) == b"ustar\0":
        prefix = _text(block[345:500])
        return f"{prefix}/{name}" if prefix else name
    return name


def _text(field: memoryview) -> str:
    return bytes(field).partition(b"\0")[0].decode("utf-8", "surrogateescape")
