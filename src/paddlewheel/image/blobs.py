"""Where an image's blobs are: the `Blobs` protocol, and the fast ways to copy one.

`Store` satisfies it, and so do an opened layout or archive (`source`).
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol

from paddlewheel.errors import DeliveryError, ImageError
from paddlewheel.image.model import Descriptor, Image, sha256_digest
from paddlewheel.progress import Reporter

if TYPE_CHECKING:
    from paddlewheel.image.store import Store

_PIECE: Final = 8 << 20
_KEEP_SIZE: Final = 1
"""FALLOC_FL_KEEP_SIZE of fallocate(2)."""
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)
_NOT_THIS_WAY: Final = frozenset(
    {errno.ENOSYS, errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP, errno.EBADF, errno.EPERM, errno.ETXTBSY}
)

Advance = Callable[[int], object]
"""Told how many bytes were just dealt with."""


class Blobs(Protocol):
    """Blobs by digest, for reading."""

    def has(self, digest: str, size: int | None = None) -> bool:
        """Whether the blob is here and, when `size` is given, has that many bytes."""
        ...

    def open(self, digest: str) -> BinaryIO:
        """The blob as a file, at its start; the caller closes it. Raise `ImageError` when it is missing."""
        ...


def copy_blob(blobs: Blobs, descriptor: Descriptor, target: int, advance: Advance) -> None:
    """Append a blob to the open file, pipe or socket `target`. Raise `ImageError` when its size is another."""
    with blobs.open(descriptor.digest) as source:
        copied = copy_bytes(source, target, descriptor.size, advance)
        if copied != descriptor.size or source.seek(0, os.SEEK_END) != descriptor.size:
            raise ImageError(f"blob {descriptor.digest} is not {descriptor.size} bytes long, as its descriptor says")


def copy_bytes(source: BinaryIO, target: int, size: int, advance: Advance) -> int:
    """Copy `size` bytes from the start of `source` to the file descriptor `target`; return how many there were.

    The kernel copies where it can: by reference on file systems that share blocks, else within the page cache.
    """
    ways: list[Callable[[BinaryIO, int, int, int], int]] = [_in_kernel, _by_sendfile, _by_hand]
    try:
        source.fileno()
    except (OSError, io.UnsupportedOperation):
        ways = [_by_hand]
    offset = 0
    while offset < size:
        try:
            count = ways[0](source, target, offset, min(size - offset, _PIECE))
        except OSError as error:
            if len(ways) == 1 or error.errno not in _NOT_THIS_WAY:
                raise
            count = 0
        if count:
            offset += count
            advance(count)
        elif len(ways) > 1:
            # Some file systems answer 0 where they mean that they cannot.
            ways.pop(0)
        else:
            break
    return offset


def _in_kernel(source: BinaryIO, target: int, offset: int, count: int) -> int:
    return os.copy_file_range(source.fileno(), target, count, offset)


def _by_sendfile(source: BinaryIO, target: int, offset: int, count: int) -> int:
    return os.sendfile(target, source.fileno(), offset, count)


def _by_hand(source: BinaryIO, target: int, offset: int, count: int) -> int:
    source.seek(offset)
    data = source.read(min(count, 1 << 20))
    write_all(target, data)
    return len(data)


def reserve(target: int, size: int) -> None:
    """Have the file system set aside `size` bytes for an open file, where it can, without changing the file's length.

    ext4 puts off finding room for what is written until it goes to the disk, but does it at once when the file
    replaces another by rename, which takes longer than the copying did. Raise `OSError` when the disk is too full.
    """
    import ctypes

    fallocate = getattr(ctypes.CDLL(None, use_errno=True), "fallocate", None)
    if fallocate is None or ctypes.sizeof(ctypes.c_long) < 8:
        return
    if fallocate(target, _KEEP_SIZE, ctypes.c_long(0), ctypes.c_long(size)) and ctypes.get_errno() in _FULL:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def write_all(target: int, data: bytes | memoryview) -> None:
    """Write all of `data`, however little a pipe takes at a time."""
    view = memoryview(data)
    while view:
        view = view[os.write(target, view) :]


def take(image: Image, blobs: Blobs, store: Store, reporter: Reporter) -> None:
    """Copy an image's blobs into `store`, checking each digest. What is there already is not read."""
    store.put(image.manifest_bytes)
    store.put(image.config_bytes)
    wanted = {layer.digest: layer.descriptor for layer in image.layers}
    missing = [found for found in wanted.values() if not store.has(found.digest, found.size)]
    with reporter.task("Reading layers", sum(found.size for found in missing), unit="B") as task:
        for descriptor in missing:
            with blobs.open(descriptor.digest) as source, store.create() as (file, temporary):
                digest = hashlib.sha256()
                while data := source.read(1 << 20):
                    digest.update(data)
                    file.write(data)
                    task.advance(len(data))
                if (found := "sha256:" + digest.hexdigest()) != descriptor.digest:
                    raise ImageError(f"blob {descriptor.digest} has the digest {found}")
                file.flush()
                store.commit(temporary, descriptor.digest)


def read_checked(blobs: Blobs, descriptor: Descriptor, *, limit: int) -> bytes:
    """A small blob's bytes, checked against its descriptor. Raise `ImageError`."""
    if descriptor.size > limit:
        raise ImageError(f"blob {descriptor.digest} is {descriptor.size} bytes long; {limit} are accepted at most")
    with blobs.open(descriptor.digest) as source:
        data = source.read(descriptor.size + 1)
    if len(data) != descriptor.size or sha256_digest(data) != descriptor.digest:
        raise ImageError(f"blob {descriptor.digest} does not have the size or the digest that its descriptor says")
    return data


@contextmanager
def delivery_errors(place: Path | str) -> Iterator[None]:
    """Turn what the system says about an output's place into `DeliveryError`."""
    try:
        yield
    except OSError as error:
        hint = "choose another place with -o"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            hint = "free some space there, or choose another place with -o"
        raise DeliveryError(f"{place} could not be written: {error.strerror or error}", hint=hint) from error
