"""Reading images: an OCI layout in a folder or in a tar, and what `docker save` writes.

`open_source` gives a `Source`, which lists the images, opens one as an `Image`, and is its `Blobs`. Media types of
OCI and of Docker are both read. Sources: OCI image specification 1.1, image-layout.md and image-index.md; Docker's
image specification 1.2 for `manifest.json`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

from paddlewheel.errors import ImageError, UsageError
from paddlewheel.image.blobs import Blobs, read_checked
from paddlewheel.image.files import SMALL, Files, blob_path, parse_json, read_json
from paddlewheel.image.layout import IMAGE_NAME, REF_NAME
from paddlewheel.image.model import DOCKER_INDEX, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, Descriptor, Image, Platform
from paddlewheel.image.reference import parse_reference


@dataclass(frozen=True, slots=True)
class Listed:
    """An image that a source holds. `names`: all that it goes by there."""

    names: tuple[str, ...]
    descriptor: Descriptor


class Source(Blobs, Protocol):
    """A place with images."""

    def images(self) -> list[Listed]:
        """What is there. Raise `ImageError`."""
        ...

    def image(self, name: str = "", platform: Platform | None = None) -> Image:
        """Open one: the only one, or that of `name`; of several platforms this one, or the machine's own.

        Raise `ImageError` that lists what there is.
        """
        ...


def open_source(files: Files) -> Source:
    """A layout, or an archive by `docker save`. Raise `ImageError` when it is neither."""
    from paddlewheel.image.saved import SavedImages

    if files.size("oci-layout") is not None:
        return Layout(files)
    if files.size("manifest.json") is not None:
        return SavedImages(files)
    raise ImageError(
        f"{files.label} is no OCI layout and no Docker archive: it has neither oci-layout nor manifest.json"
    )


class Layout:
    """An OCI image layout."""

    def __init__(self, files: Files) -> None:
        self._files = files
        version = read_json(files, "oci-layout").get("imageLayoutVersion")
        if not isinstance(version, str) or version.partition(".")[0] != "1":
            raise ImageError(f"{files.label}: oci-layout: version {version!r} is not supported; 1.0.0 is")

    def has(self, digest: str, size: int | None = None) -> bool:
        found = self._files.size(blob_path(digest))
        return found is not None and size in (None, found)

    def open(self, digest: str) -> BinaryIO:
        file = self._files.open(blob_path(digest))
        if file is None:
            raise ImageError(f"{self._files.label}: blob {digest} is missing")
        return file

    def images(self) -> list[Listed]:
        listed = []
        for number, value in enumerate(_list(read_json(self._files, "index.json"), "manifests", self._files.label)):
            descriptor = Descriptor.from_json(value, f"{self._files.label}: index.json: manifests[{number}]")
            names = (descriptor.annotations.get(key) for key in (REF_NAME, IMAGE_NAME))
            listed.append(Listed(tuple(dict.fromkeys(name for name in names if name)), descriptor))
        return listed

    def image(self, name: str = "", platform: Platform | None = None) -> Image:
        found = choose_name(self.images(), name, self._files.label)
        return self._open(choose_platform([one.descriptor for one in found], platform, self._files.label), platform)

    def _open(self, descriptor: Descriptor, platform: Platform | None, depth: int = 0) -> Image:
        data = read_checked(self, descriptor, limit=SMALL)
        where = f"{self._files.label}: {descriptor.digest}"
        value = parse_json(data, where)
        kind = value.get("mediaType") or descriptor.media_type
        if kind in (OCI_INDEX, DOCKER_INDEX):
            if depth > 8:
                raise ImageError(f"{where}: indexes nested too deep")
            children = [
                Descriptor.from_json(child, f"{where}: manifests[{number}]")
                for number, child in enumerate(_list(value, "manifests", where))
            ]
            return self._open(choose_platform(children, platform, where), platform, depth + 1)
        if kind not in (OCI_MANIFEST, DOCKER_MANIFEST):
            raise ImageError(f"{where}: media type {kind!r} is no image's")
        config = Descriptor.from_json(value.get("config"), f"{where}: config")
        image = Image(data, read_checked(self, config, limit=SMALL))
        _ = image.layers  # raises where manifest and config disagree
        return image


def choose_name(listed: list[Listed], name: str, label: str) -> list[Listed]:
    """The entries that go by `name`; without one, all, if they share their names."""
    if not listed:
        raise ImageError(f"{label} holds no image")
    if name:
        found = [one for one in listed if name in one.names] or [one for one in listed if _same(name, one.names)]
        if found:
            return found
    elif len({one.names for one in listed}) == 1:
        return listed
    known = ", ".join(sorted({one.names[0] if one.names else one.descriptor.digest for one in listed}))
    if name:
        raise ImageError(f"{label} holds no image {name!r}", hint=f"it holds: {known}")
    raise ImageError(f"{label} holds several images", hint=f"name one with :NAME after the path: {known}")


def _same(name: str, names: tuple[str, ...]) -> bool:
    def full(text: str) -> str | None:
        try:
            return parse_reference(text).tagged().full
        except UsageError:
            return None

    wanted = full(name)
    return wanted is not None and wanted in [full(one) for one in names]


def choose_platform(found: list[Descriptor], platform: Platform | None, label: str) -> Descriptor:
    """The entry for `platform`, or for this machine where None; a lone entry serves when none is asked for."""
    # BuildKit lists attestations beside images, as for an unknown platform.
    images = [one for one in found if one.platform is None or one.platform.os != "unknown"]
    wanted = platform or Platform.of_this_machine()
    for one in images:
        if one.platform is not None and _fits(one.platform, wanted):
            return one
    if len(images) == 1 and (platform is None or images[0].platform is None):
        return images[0]
    known = ", ".join(sorted({str(one.platform) for one in images if one.platform})) or "none that says its platform"
    raise ImageError(f"{label}: no image for {wanted}", hint=f"there is: {known}")


def _fits(have: Platform, want: Platform) -> bool:
    variants = {"arm64": "v8"}
    default = variants.get(want.architecture, "")
    return (have.os, have.architecture) == (want.os, want.architecture) and (
        not want.variant or (have.variant or default) == want.variant
    )


def _list(value: dict[str, Any], key: str, where: str) -> list[Any]:
    found = value.get(key)
    if not isinstance(found, list):
        raise ImageError(f"{where}: {key}: a list was expected")
    return found
