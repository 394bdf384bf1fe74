"""Writing archives: an OCI layout in a tar, and what `docker load` reads. The same image gives the same bytes.

The OCI archive also holds `manifest.json`, so that `docker load` takes it as well (Docker writes both since
version 25). Source for it: Docker's image specification 1.2, "Combined Image JSON + Filesystem Changeset Format".
Layers stay compressed in both; Docker 1.10 and later, containerd and Podman look at their first bytes.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from paddlewheel.errors import DeliveryError
from paddlewheel.image.beside import file_beside
from paddlewheel.image.blobs import Advance, Blobs, copy_blob, delivery_errors, reserve, write_all
from paddlewheel.image.layout import LAYOUT_FILE, index_entry, index_json
from paddlewheel.image.model import Descriptor, Image, canonical_json
from paddlewheel.image.tar import BLOCK, TRAILER, Entry, header, padding
from paddlewheel.progress import Reporter

MANIFEST_JSON: Final = "manifest.json"


@dataclass(frozen=True, slots=True)
class Member:
    """A file of an archive: bytes at hand, or a blob. None: a folder."""

    path: str
    content: bytes | Descriptor | None

    @property
    def size(self) -> int:
        if isinstance(self.content, Descriptor):
            return self.content.size
        return len(self.content or b"")


def oci_members(image: Image, *, ref_name: str, image_name: str) -> list[Member]:
    """The members of an OCI archive. `image_name` is a full reference, or empty."""
    blobs: dict[str, bytes | Descriptor] = {
        _blob_path(image.digest): image.manifest_bytes,
        _blob_path(image.config_descriptor.digest): image.config_bytes,
    }
    layers = [_blob_path(layer.digest) for layer in image.layers]
    for path, layer in zip(layers, image.layers, strict=True):
        blobs.setdefault(path, layer.descriptor)
    config = _blob_path(image.config_descriptor.digest)
    return [
        Member("oci-layout", LAYOUT_FILE),
        Member("index.json", index_json([index_entry(image, ref_name, image_name)])),
        Member(MANIFEST_JSON, _manifest_json(config, layers, image_name)),
        Member("blobs", None),
        Member("blobs/sha256", None),
        *(Member(path, content) for path, content in blobs.items()),
    ]


def docker_members(image: Image, *, image_name: str) -> list[Member]:
    """The members of an archive for `docker load`. `image_name` is a full reference, or empty."""
    config = f"{_hex(image.config_descriptor.digest)}.json"
    layers = [f"{_hex(layer.digest)}.tar.gz" for layer in image.layers]
    unique = dict(zip(layers, (layer.descriptor for layer in image.layers), strict=True))
    return [
        Member(MANIFEST_JSON, _manifest_json(config, layers, image_name)),
        Member(config, image.config_bytes),
        *(Member(path, descriptor) for path, descriptor in unique.items()),
    ]


def total_size(members: Sequence[Member]) -> int:
    """Bytes of all contents, without headers."""
    return sum(member.size for member in members)


def write_members(target: int, members: Sequence[Member], blobs: Blobs, advance: Advance) -> None:
    """Write a tar to the file descriptor `target`: a file, or a pipe. Raise `OSError` or `ImageError`."""
    for member in members:
        folder = member.content is None
        entry = Entry(member.path, kind="dir" if folder else "file", mode=0o755 if folder else 0o644, size=member.size)
        if isinstance(member.content, Descriptor):
            write_all(target, header(entry))
            copy_blob(blobs, member.content, target, advance)
            write_all(target, padding(member.size))
        else:
            write_all(target, header(entry) + (member.content or b"") + padding(member.size))
            advance(member.size)
    write_all(target, TRAILER)


def check_archive_place(file: Path) -> None:
    """Raise `DeliveryError` when `file` cannot be an archive. Touches nothing."""
    if file.is_dir():
        raise DeliveryError(f"{file} is a folder", hint=f"name a file in it, or write oci:{file} for a layout")
    folder = next((parent for parent in file.absolute().parents if parent.exists()), Path("/"))
    if not folder.is_dir():
        raise DeliveryError(f"{file} cannot be written: {folder} is no folder", hint="choose another place with -o")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise DeliveryError(
            f"{file} cannot be written: no permission for {folder}", hint="choose another place with -o"
        )


def write_archive(file: Path, members: Sequence[Member], blobs: Blobs, reporter: Reporter) -> None:
    """Write an archive whole or not at all, in place of the file that was there. Raise `DeliveryError`."""
    check_archive_place(file)
    with delivery_errors(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        with file_beside(file) as (temporary, handle):
            reserve(handle, total_size(members) + len(members) * 2 * BLOCK)
            with reporter.task(f"Writing {file.name}", total_size(members), unit="B") as task:
                write_members(handle, members, blobs, task.advance)
            temporary.rename(file)


def _manifest_json(config: str, layers: list[str], image_name: str) -> bytes:
    names = [image_name] if image_name else []
    return canonical_json([{"Config": config, "Layers": layers, "RepoTags": names}])


def _blob_path(digest: str) -> str:
    return f"blobs/sha256/{_hex(digest)}"


def _hex(digest: str) -> str:
    return digest.partition(":")[2]
