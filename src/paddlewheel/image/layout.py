"""Writing an OCI image layout: a folder with `oci-layout`, `index.json` and the blobs.

Source: OCI image specification 1.1, image-layout.md. `index.json` appears last, by rename, so that a reader sees
the old state or the new one. Blobs that are there already stay. Several images share a folder, each under its
`org.opencontainers.image.ref.name`. Reading is `source`.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from paddlewheel.errors import DeliveryError, ImageError
from paddlewheel.image.beside import folder_beside
from paddlewheel.image.blobs import Blobs, copy_blob, delivery_errors
from paddlewheel.image.model import DOCKER_INDEX, OCI_INDEX, Descriptor, Image, Json, canonical_json
from paddlewheel.progress import Reporter, Task

REF_NAME: Final = "org.opencontainers.image.ref.name"
IMAGE_NAME: Final = "io.containerd.image.name"
"""What containerd and Podman name an image by when they import it; a full reference."""

WRITTEN: Final = "dev.paddlewheel.entry"
"""Annotation on an entry of index.json that this module wrote, whose blobs it may therefore remove."""

LAYOUT_FILE: Final = canonical_json({"imageLayoutVersion": "1.0.0"})
_TEMPORARY: Final = ".paddlewheel-"


def index_entry(image: Image, ref_name: str, image_name: str) -> Json:
    """The entry of index.json for `image`."""
    names = {REF_NAME: ref_name, IMAGE_NAME: image_name}
    entry = image.descriptor.to_json()
    return {**entry, "annotations": {key: name for key, name in names.items() if name}}


def index_json(entries: list[Json]) -> bytes:
    """The bytes of index.json."""
    return canonical_json({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries})


def check_layout_place(folder: Path) -> None:
    """Raise `DeliveryError` when `folder` cannot become, or is no, layout. Touches nothing."""
    try:
        names = sorted(found.name for found in folder.iterdir())
    except FileNotFoundError:
        return
    except NotADirectoryError as error:
        raise DeliveryError(f"{folder} is a file", hint="name a folder, or use oci-archive: for a file") from error
    except OSError as error:
        raise DeliveryError(
            f"{folder} cannot be read: {error.strerror}", hint="choose another folder with -o"
        ) from error
    if names and "oci-layout" not in names:
        raise DeliveryError(
            f"{folder} is no OCI layout, and is not empty: it holds {', '.join(names[:3])}",
            hint="name a new or an empty folder",
        )


def write_layout(
    folder: Path, image: Image, blobs: Blobs, *, ref_name: str, image_name: str, reporter: Reporter
) -> None:
    """Add `image` to the layout in `folder` as `ref_name`, in place of the one that had this name before.

    Makes the folder where it is missing. Raise `DeliveryError`; what was there before is then as it was.
    """
    check_layout_place(folder)
    with delivery_errors(folder):
        if not folder.exists() and _create(folder, image, blobs, ref_name, image_name, reporter):
            return
        with _locked(folder):
            _fill(folder, image, blobs, ref_name, image_name, reporter)


def _create(folder: Path, image: Image, blobs: Blobs, ref_name: str, image_name: str, reporter: Reporter) -> bool:
    """Write a new layout beside `folder`, then rename it. False when another process was faster."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder_beside(folder) as temporary:
        _fill(temporary, image, blobs, ref_name, image_name, reporter)
        try:
            temporary.rename(folder)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            return False
    return True


def _fill(folder: Path, image: Image, blobs: Blobs, ref_name: str, image_name: str, reporter: Reporter) -> None:
    """Blobs first, then index.json, then the removal of what only the replaced entry needed."""
    place = folder / "blobs" / "sha256"
    place.mkdir(parents=True, exist_ok=True)
    for left in place.glob(f"{_TEMPORARY}*"):
        left.unlink(missing_ok=True)
    if not (folder / "oci-layout").exists():
        _write_file(folder / "oci-layout", LAYOUT_FILE)
    before = _entries(folder)
    kept: list[Json] = []
    replaced: list[Json] = []
    for entry in before:
        (replaced if _name(entry) == ref_name else kept).append(entry)
    new: list[Path] = []
    try:
        _write_blobs(place, image, blobs, new, reporter)
        entry = index_entry(image, ref_name, image_name)
        entry["annotations"][WRITTEN] = "1"
        _write_file(folder / "index.json", index_json([*kept, entry]))
    except BaseException:
        # A Ctrl-C may arrive when index.json has just been replaced and names the new blobs.
        if all(found.get("digest") != image.digest for found in _entries(folder)):
            for path in new:
                path.unlink(missing_ok=True)
        raise
    _remove_unused(place, [entry for entry in replaced if WRITTEN in (entry.get("annotations") or {})], [*kept, entry])


def _write_blobs(place: Path, image: Image, blobs: Blobs, new: list[Path], reporter: Reporter) -> None:
    for data, descriptor in (
        (image.config_bytes, image.config_descriptor),
        (image.manifest_bytes, image.descriptor),
    ):
        path = place / _hex(descriptor)
        if not _has(path, descriptor.size):
            new.append(path)
            _write_file(path, data)
    wanted = {layer.digest: layer.descriptor for layer in image.layers}
    missing = [found for found in wanted.values() if not _has(place / _hex(found), found.size)]
    with reporter.task("Writing layers", sum(found.size for found in missing), unit="B") as task:
        for descriptor in missing:
            new.append(place / _hex(descriptor))
            _copy(place / _hex(descriptor), blobs, descriptor, task)


def _copy(path: Path, blobs: Blobs, descriptor: Descriptor, task: Task) -> None:
    """A copy, never a hard link: whoever edits the layout must not reach the cache."""
    with _temporary(path) as (temporary, handle):
        copy_blob(blobs, descriptor, handle, task.advance)
        temporary.rename(path)


def _write_file(path: Path, data: bytes) -> None:
    with _temporary(path) as (temporary, handle):
        with os.fdopen(os.dup(handle), "wb") as file:
            file.write(data)
        temporary.rename(path)


@contextmanager
def _temporary(path: Path) -> Iterator[tuple[Path, int]]:
    temporary = path.with_name(f"{_TEMPORARY}{os.urandom(6).hex()}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        yield temporary, handle
    finally:
        os.close(handle)
        temporary.unlink(missing_ok=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Two builds that write to one layout take turns, or one of the two entries would be lost."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _entries(folder: Path) -> list[Json]:
    """What index.json lists. Raise `DeliveryError` when it cannot be understood: it is not ours to throw away."""
    path = folder / "index.json"
    try:
        value: Any = json.loads(path.read_bytes())
        entries = value.get("manifests") or []
        if not all(isinstance(entry, dict) and isinstance(entry.get("annotations") or {}, dict) for entry in entries):
            raise ValueError("an entry is no object")
    except FileNotFoundError:
        return []
    except (ValueError, AttributeError, TypeError) as error:
        raise DeliveryError(f"{path} is no OCI index: {error}", hint="name a new or an empty folder") from error
    return list(entries)


def _name(entry: Json) -> str:
    return str((entry.get("annotations") or {}).get(REF_NAME, ""))


def _remove_unused(place: Path, replaced: list[Json], kept: list[Json]) -> None:
    """Remove blobs of `replaced` that no entry of `kept` needs. When anything is unclear, remove nothing."""
    if not replaced:
        return
    try:
        needed = {path for entry in kept for path in _reach(place, entry)}
        unused = {path for entry in replaced for path in _reach(place, entry)} - needed
    except (OSError, ImageError):
        return
    for path in unused:
        path.unlink(missing_ok=True)


def _reach(place: Path, entry: Json) -> Iterator[Path]:
    """The blobs that an entry of an index leads to. Raise `ImageError` for what cannot be followed."""
    descriptor = Descriptor.from_json(entry)
    path = place / _hex(descriptor)
    yield path
    if descriptor.size > 16 << 20:
        raise ImageError(f"{path}: too large for a manifest")
    try:
        value = json.loads(path.read_bytes())
        children = value.get("manifests") if descriptor.media_type in (OCI_INDEX, DOCKER_INDEX) else None
        if children is not None:
            for child in children:
                yield from _reach(place, child)
            return
        for blob in [value["config"], *value["layers"]]:
            yield place / _hex(Descriptor.from_json(blob))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ImageError(f"{path} is no manifest") from error


def _hex(descriptor: Descriptor) -> str:
    algorithm, _, hexes = descriptor.digest.partition(":")
    if algorithm != "sha256":
        raise ImageError(f"{descriptor.digest} is no sha256 digest")
    return hexes


def _has(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except OSError:
        return False
