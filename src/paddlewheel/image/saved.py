"""Reading what `docker save` writes: `manifest.json`, configs, and layers that may be plain or compressed tars.

Source: Docker's image specification 1.2, "Combined Image JSON + Filesystem Changeset Format". Such an archive has
no OCI manifest, so one is made. A plain layer's digest is its DiffID, as the config claims it; whoever reads the
layer finds out whether that is true.
"""

from __future__ import annotations

import hashlib
import posixpath
from typing import Any, BinaryIO

from paddlewheel.errors import ImageError
from paddlewheel.image.files import Files, parse_json, read_small
from paddlewheel.image.model import (
    OCI_CONFIG,
    OCI_LAYER,
    OCI_LAYER_GZIP,
    OCI_LAYER_ZSTD,
    OCI_MANIFEST,
    Descriptor,
    Image,
    Platform,
    canonical_json,
    sha256_digest,
)
from paddlewheel.image.source import Listed, choose_name, choose_platform


class SavedImages:
    """An archive that `docker save`, Podman, Skopeo or paddlewheel wrote."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._paths: dict[str, str] = {}
        where = f"{files.label}: manifest.json"
        try:
            value = parse_json(b'{"images":%b}' % read_small(files, "manifest.json"), where)["images"]
            self._images = [
                (tuple(_strings(one.get("RepoTags") or [])), _path(one["Config"]), [_path(x) for x in one["Layers"]])
                for one in value
            ]
        except (KeyError, TypeError, AttributeError) as error:
            raise ImageError(f"{where}: no list of images as Docker writes it ({error!r})") from error

    def has(self, digest: str, size: int | None = None) -> bool:
        path = self._paths.get(digest)
        return path is not None and size in (None, self._files.size(path))

    def open(self, digest: str) -> BinaryIO:
        """A layer or the config of an image that was opened before."""
        return self._file(self._paths[digest]) if digest in self._paths else self._missing(f"blob {digest}")

    def images(self) -> list[Listed]:
        return [Listed(names, self._assemble(config, layers).descriptor) for names, config, layers in self._images]

    def image(self, name: str = "", platform: Platform | None = None) -> Image:
        opened = [(names, self._assemble(config, layers)) for names, config, layers in self._images]
        listed = [Listed(names, image.descriptor) for names, image in opened]
        found = choose_name(listed, name, self._files.label)
        descriptor = choose_platform([one.descriptor for one in found], platform, self._files.label)
        return next(image for _, image in opened if image.descriptor == descriptor)

    def _assemble(self, config_path: str, layer_paths: list[str]) -> Image:
        """An image with a manifest made from what the archive has."""
        config_bytes = read_small(self._files, config_path)
        where = f"{self._files.label}: {config_path}"
        rootfs = parse_json(config_bytes, where).get("rootfs")
        diff_ids = (rootfs.get("diff_ids") or []) if isinstance(rootfs, dict) else []
        if not isinstance(diff_ids, list) or len(diff_ids) != len(layer_paths):
            raise ImageError(f"{where}: its DiffIDs are not as many as the layers in manifest.json")
        layers = [self._layer(path, str(diff_id)) for path, diff_id in zip(layer_paths, diff_ids, strict=True)]
        config = Descriptor(media_type=OCI_CONFIG, digest=sha256_digest(config_bytes), size=len(config_bytes))
        self._paths[config.digest] = config_path
        manifest = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": config.to_json(),
            "layers": [layer.to_json() for layer in layers],
        }
        return Image(canonical_json(manifest), config_bytes)

    def _layer(self, path: str, diff_id: str) -> Descriptor:
        size = self._files.size(path)
        with self._file(path) as file:
            magic = file.read(4)
            file.seek(0)
            media_type = OCI_LAYER
            digest = diff_id
            if magic[:2] == b"\x1f\x8b" or magic == b"\x28\xb5\x2f\xfd":
                media_type = OCI_LAYER_GZIP if magic[:2] == b"\x1f\x8b" else OCI_LAYER_ZSTD
                hasher = hashlib.sha256()
                while data := file.read(1 << 20):
                    hasher.update(data)
                digest = "sha256:" + hasher.hexdigest()
        self._paths[digest] = path
        return Descriptor(media_type=media_type, digest=digest, size=size or 0)

    def _file(self, path: str) -> BinaryIO:
        file = self._files.open(path)
        return self._missing(path) if file is None else file

    def _missing(self, what: str) -> BinaryIO:
        raise ImageError(f"{self._files.label}: {what} is missing")


def _path(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return posixpath.normpath(value)


def _strings(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)]
