"""OCI values: platform, descriptor, layer, config, image. Immutable; an edit returns another value.

Sources: the OCI image specification 1.1 (image-spec: descriptor.md, manifest.md, config.md, image-index.md)
and Docker's image specification 1.3 for `Healthcheck`. What is read may use either family of media types;
what is written uses OCI's.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

from paddlewheel.errors import ImageError

OCI_INDEX: Final = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
OCI_LAYER: Final = "application/vnd.oci.image.layer.v1.tar"
OCI_LAYER_GZIP: Final = "application/vnd.oci.image.layer.v1.tar+gzip"
OCI_LAYER_ZSTD: Final = "application/vnd.oci.image.layer.v1.tar+zstd"
DOCKER_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG: Final = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER: Final = "application/vnd.docker.image.rootfs.diff.tar"
DOCKER_LAYER_GZIP: Final = "application/vnd.docker.image.rootfs.diff.tar.gzip"

OCI_NAMES: Final = {
    DOCKER_INDEX: OCI_INDEX,
    DOCKER_MANIFEST: OCI_MANIFEST,
    DOCKER_CONFIG: OCI_CONFIG,
    DOCKER_LAYER: OCI_LAYER,
    DOCKER_LAYER_GZIP: OCI_LAYER_GZIP,
}
"""Docker's media types, and OCI's for the same bytes."""

MAX_LAYERS: Final = 127
"""What Docker's overlay2 driver mounts at most."""

LAYER_KEY: Final = "dev.paddlewheel.layer.key"
"""Annotation on a layer's descriptor: the key that the layer was built under."""

LAYER_TITLE: Final = "dev.paddlewheel.layer.title"
"""Annotation on a layer's descriptor: what is in it, for people."""

Json = dict[str, Any]

_HEX: Final = frozenset("0123456789abcdef")
_OTHER_DIGEST: Final = re.compile(r"[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+")


def sha256_digest(data: bytes) -> str:
    """The digest of `data` as OCI writes it: ``sha256:`` and 64 lower-case hex digits."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def is_digest(text: object) -> bool:
    """Whether `text` is a sha256 digest as OCI writes it, or one by another algorithm."""
    if not isinstance(text, str):
        return False
    algorithm, _, encoded = text.partition(":")
    if algorithm == "sha256":
        return len(encoded) == 64 and not set(encoded) - _HEX
    return _OTHER_DIGEST.fullmatch(text) is not None


def canonical_json(value: Any) -> bytes:
    """`value` as JSON with sorted keys and no spaces, in UTF-8: equal values give equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


@dataclass(frozen=True, slots=True)
class Platform:
    """An operating system and a machine, by Go's names: ``linux/amd64``, ``linux/arm64/v8``."""

    os: str
    architecture: str
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)

    @classmethod
    def parse(cls, text: str) -> Platform:
        parts = text.split("/")
        if not 2 <= len(parts) <= 3 or not all(parts):
            raise ImageError(f"{text!r} is no platform", hint="write it as linux/amd64 or linux/arm64")
        return cls(*parts)

    @classmethod
    def of_this_machine(cls) -> Platform:
        machine = os.uname().machine
        return cls("linux", {"x86_64": "amd64", "aarch64": "arm64", "i686": "386"}.get(machine, machine))


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """A reference to a blob: its media type, digest and size in bytes."""

    media_type: str
    digest: str
    size: int
    annotations: Mapping[str, str] = field(default_factory=dict)
    platform: Platform | None = None

    def to_json(self) -> Json:
        out: Json = {"mediaType": self.media_type, "digest": self.digest, "size": self.size}
        if self.annotations:
            out["annotations"] = dict(self.annotations)
        if self.platform:
            out["platform"] = {"os": self.platform.os, "architecture": self.platform.architecture} | (
                {"variant": self.platform.variant} if self.platform.variant else {}
            )
        return out

    def in_oci_terms(self) -> Descriptor:
        """With OCI's media type in place of Docker's for the same bytes."""
        media_type = OCI_NAMES.get(self.media_type)
        return self if media_type is None else replace(self, media_type=media_type)

    @classmethod
    def from_json(cls, value: Any, where: str = "descriptor") -> Descriptor:
        """Raise `ImageError`, naming `where`, when a field is missing or of the wrong type."""
        try:
            platform = value.get("platform")
            digest, size, media_type = value["digest"], value["size"], value["mediaType"]
            if not (isinstance(digest, str) and type(size) is int and isinstance(media_type, str)):
                raise TypeError("digest, size or mediaType")
            if not is_digest(digest) or size < 0:
                raise ValueError(f"{digest}, {size} bytes")
            return cls(
                media_type=media_type,
                digest=digest,
                size=size,
                annotations=dict(value.get("annotations") or {}),
                platform=Platform(platform["os"], platform["architecture"], platform.get("variant") or "")
                if platform
                else None,
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ImageError(f"{where}: no valid OCI descriptor ({error!r})") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One layer: its blob, the digest of its uncompressed tar (`diff_id`), and its line of history."""

    descriptor: Descriptor
    diff_id: str
    created_by: str = ""
    comment: str = ""

    @property
    def digest(self) -> str:
        return self.descriptor.digest

    @property
    def size(self) -> int:
        """Bytes of the compressed blob."""
        return self.descriptor.size


@dataclass(frozen=True, slots=True, kw_only=True)
class Healthcheck:
    """Docker's HEALTHCHECK. Times in seconds. OCI engines ignore it."""

    test: tuple[str, ...]
    interval: float | None = None
    timeout: float | None = None
    start_period: float | None = None
    retries: int | None = None

    def to_json(self) -> Json:
        def nanoseconds(value: float | None) -> int | None:
            return None if value is None else round(value * 1e9)

        fields = {
            "Test": list(self.test),
            "Interval": nanoseconds(self.interval),
            "Timeout": nanoseconds(self.timeout),
            "StartPeriod": nanoseconds(self.start_period),
            "Retries": self.retries,
        }
        return {key: value for key, value in fields.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunConfig:
    """How an image starts: the `config` object of the OCI config, with Docker's `Healthcheck`."""

    user: str = ""
    exposed_ports: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    working_dir: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    stop_signal: str = ""
    healthcheck: Healthcheck | None = None

    def to_json(self) -> Json:
        fields: Json = {
            "User": self.user,
            "ExposedPorts": {port: {} for port in self.exposed_ports},
            "Env": [f"{key}={value}" for key, value in self.env],
            "Entrypoint": list(self.entrypoint),
            "Cmd": list(self.cmd),
            "Volumes": {path: {} for path in self.volumes},
            "WorkingDir": self.working_dir,
            "Labels": dict(self.labels),
            "StopSignal": self.stop_signal,
            "Healthcheck": self.healthcheck.to_json() if self.healthcheck else None,
        }
        return {key: value for key, value in fields.items() if value}

    @classmethod
    def from_json(cls, value: Json) -> RunConfig:
        """Raise `ImageError` when a field has the wrong type."""
        try:
            return cls._from_json(value)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ImageError(f"config: a field of the wrong type ({error!r})") from error

    @classmethod
    def _from_json(cls, value: Json) -> RunConfig:
        health = value.get("Healthcheck") or {}

        def seconds(key: str) -> float | None:
            return health[key] / 1e9 if health.get(key) else None

        return cls(
            user=value.get("User") or "",
            exposed_ports=tuple(value.get("ExposedPorts") or ()),
            env=tuple((key, text) for key, _, text in (item.partition("=") for item in value.get("Env") or ())),
            entrypoint=tuple(value.get("Entrypoint") or ()),
            cmd=tuple(value.get("Cmd") or ()),
            volumes=tuple(value.get("Volumes") or ()),
            working_dir=value.get("WorkingDir") or "",
            labels=dict(value.get("Labels") or {}),
            stop_signal=value.get("StopSignal") or "",
            healthcheck=Healthcheck(
                test=tuple(health["Test"]),
                interval=seconds("Interval"),
                timeout=seconds("Timeout"),
                start_period=seconds("StartPeriod"),
                retries=health.get("Retries"),
            )
            if health.get("Test")
            else None,
        )


@dataclass(frozen=True)
class Image:
    """A manifest and a config, kept as the exact bytes that their digests are of. Layers are references."""

    manifest_bytes: bytes
    config_bytes: bytes

    @classmethod
    def create(
        cls,
        *,
        platform: Platform,
        run: RunConfig,
        layers: Sequence[Layer],
        created: str,
        annotations: Mapping[str, str] | None = None,
    ) -> Image:
        """Compose an image. `created` is an RFC 3339 time and stands in the config and in each history line.

        Raise `ImageError` for more than 127 layers.
        """
        if len(layers) > MAX_LAYERS:
            raise ImageError(f"{len(layers)} layers; an image may have {MAX_LAYERS} at most")
        config: Json = {
            "architecture": platform.architecture,
            "os": platform.os,
            "created": created,
            "config": run.to_json(),
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
            "history": [
                {"created": created, "created_by": layer.created_by}
                | ({"comment": layer.comment} if layer.comment else {})
                for layer in layers
            ],
        }
        if platform.variant:
            config["variant"] = platform.variant
        config_bytes = canonical_json(config)
        manifest: Json = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": Descriptor(
                media_type=OCI_CONFIG, digest=sha256_digest(config_bytes), size=len(config_bytes)
            ).to_json(),
            "layers": [layer.descriptor.in_oci_terms().to_json() for layer in layers],
        }
        if annotations:
            manifest["annotations"] = dict(annotations)
        return cls(canonical_json(manifest), config_bytes)

    @cached_property
    def digest(self) -> str:
        return sha256_digest(self.manifest_bytes)

    @cached_property
    def manifest(self) -> Json:
        return _object(self.manifest_bytes, "manifest")

    @cached_property
    def config(self) -> Json:
        return _object(self.config_bytes, "config")

    @cached_property
    def descriptor(self) -> Descriptor:
        """The descriptor of the manifest, with its platform."""
        return Descriptor(
            media_type=self.manifest.get("mediaType", OCI_MANIFEST),
            digest=self.digest,
            size=len(self.manifest_bytes),
            platform=self.platform,
        )

    @cached_property
    def config_descriptor(self) -> Descriptor:
        return Descriptor.from_json(self.manifest.get("config"), "manifest: config")

    @cached_property
    def platform(self) -> Platform:
        names = [
            self.config.get(key) or default for key, default in (("os", "linux"), ("architecture", ""), ("variant", ""))
        ]
        if not all(isinstance(name, str) for name in names):
            raise ImageError("config: os, architecture and variant must be strings")
        return Platform(*names)

    @cached_property
    def run(self) -> RunConfig:
        return RunConfig.from_json(self.config.get("config") or {})

    @cached_property
    def annotations(self) -> Mapping[str, str]:
        return dict(self.manifest.get("annotations") or {})

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """The layers, lowest first. Raise `ImageError` when manifest and config disagree on their number."""
        descriptors = _list(self.manifest.get("layers"), "manifest: layers")
        rootfs = self.config.get("rootfs")
        diff_ids = _list(rootfs.get("diff_ids") if isinstance(rootfs, dict) else None, "config: rootfs: diff_ids")
        if len(descriptors) != len(diff_ids):
            raise ImageError(f"manifest has {len(descriptors)} layers, config has {len(diff_ids)} DiffIDs")
        if not all(is_digest(diff_id) for diff_id in diff_ids):
            raise ImageError("config: rootfs: diff_ids: no digest")
        lines = _list(self.config.get("history"), "config: history")
        history = [line for line in lines if isinstance(line, dict) and not line.get("empty_layer")]
        if len(history) != len(diff_ids):
            history = [{}] * len(diff_ids)
        return tuple(
            Layer(
                descriptor=Descriptor.from_json(descriptor, f"manifest: layers[{number}]"),
                diff_id=diff_id,
                created_by=line.get("created_by", ""),
                comment=line.get("comment", ""),
            )
            for number, (descriptor, diff_id, line) in enumerate(zip(descriptors, diff_ids, history, strict=True))
        )

    def with_run(self, run: RunConfig) -> Image:
        """The same layers with another run configuration."""
        return Image.create(
            platform=self.platform,
            run=run,
            layers=self.layers,
            created=self.config.get("created", ""),
            annotations=self.annotations,
        )

    def with_labels(self, labels: Mapping[str, str]) -> Image:
        """The same image with `labels` added to, or replacing, its own."""
        return self.with_run(replace(self.run, labels={**self.run.labels, **labels}))


def _list(value: Any, where: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise ImageError(f"{where}: a list was expected")
    return value


def _object(data: bytes, what: str) -> Json:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ImageError(f"{what}: no JSON ({error})") from error
    if not isinstance(value, dict):
        raise ImageError(f"{what}: a JSON object was expected")
    return value
