"""Where an image can go to and come from, by the names of containers-transports(5).

::

    oci:DIR[:REF]             a folder, an OCI image layout
    oci-archive:FILE[:REF]    the same in a tar
    docker-archive:FILE[:REF] what `docker load` reads
    docker-daemon:NAME        Docker, through its command
    containers-storage:NAME   Podman's storage, through Podman or Skopeo

`parse_destination` for -o; `open_image` for what `run` and `load` are given. A path ends at its first colon.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from paddlewheel.errors import ImageError, UsageError
from paddlewheel.image.archive import check_archive_place, docker_members, oci_members, write_archive
from paddlewheel.image.blobs import Blobs
from paddlewheel.image.layout import check_layout_place, write_layout
from paddlewheel.image.model import Image, Platform
from paddlewheel.image.reference import parse_reference
from paddlewheel.progress import Reporter

if TYPE_CHECKING:
    from paddlewheel.image.source import Source

# OCI image specification 1.1, annotations.md, `org.opencontainers.image.ref.name`.
_REF: Final = re.compile(
    r"[A-Za-z0-9]+(?:(?:[-._:@+]|--)[A-Za-z0-9]+)*(?:/[A-Za-z0-9]+(?:(?:[-._:@+]|--)[A-Za-z0-9]+)*)*"
)


class Destination(Protocol):
    """A place that takes an image."""

    def describe(self) -> str:
        """In words, for people."""
        ...

    def check(self) -> None:
        """Raise now what `write` would surely raise: worth asking before a long build. Touches nothing."""
        ...

    def write(self, image: Image, blobs: Blobs, name: str, reporter: Reporter) -> None:
        """Put `image` there. `name` is the image's own, as ``shop:1.2``. Raise `DeliveryError`."""
        ...


@dataclass(frozen=True, slots=True)
class OciFolder:
    """``oci:DIR[:REF]``. Without `ref` the entry is named by the image."""

    path: Path
    ref: str

    def describe(self) -> str:
        return f"OCI layout {self.path}" + (f" as {self.ref}" if self.ref else "")

    def check(self) -> None:
        check_layout_place(self.path)

    def write(self, image: Image, blobs: Blobs, name: str, reporter: Reporter) -> None:
        reference = parse_reference(name).tagged()
        write_layout(
            self.path,
            image,
            blobs,
            ref_name=self.ref or reference.familiar,
            image_name=reference.full,
            reporter=reporter,
        )


@dataclass(frozen=True, slots=True)
class OciArchive:
    """``oci-archive:FILE[:REF]``."""

    path: Path
    ref: str

    def describe(self) -> str:
        return f"OCI archive {self.path}" + (f" as {self.ref}" if self.ref else "")

    def check(self) -> None:
        check_archive_place(self.path)

    def write(self, image: Image, blobs: Blobs, name: str, reporter: Reporter) -> None:
        reference = parse_reference(name).tagged()
        members = oci_members(image, ref_name=self.ref or reference.familiar, image_name=reference.full)
        write_archive(self.path, members, blobs, reporter)


@dataclass(frozen=True, slots=True)
class DockerArchive:
    """``docker-archive:FILE[:NAME]``. Without `ref` the archive bears the image's own name."""

    path: Path
    ref: str

    def describe(self) -> str:
        return f"Docker archive {self.path}" + (f" as {self.ref}" if self.ref else "")

    def check(self) -> None:
        check_archive_place(self.path)

    def write(self, image: Image, blobs: Blobs, name: str, reporter: Reporter) -> None:
        members = docker_members(image, image_name=parse_reference(self.ref or name).tagged().full)
        write_archive(self.path, members, blobs, reporter)


def _oci_folder(rest: str) -> Destination:
    return OciFolder(*_path_and_ref("oci", "DIR", rest))


def _oci_archive(rest: str) -> Destination:
    return OciArchive(*_path_and_ref("oci-archive", "FILE", rest))


def _docker_archive(rest: str) -> Destination:
    path, ref = _path_and_ref("docker-archive", "FILE", rest)
    if ref:
        _without_digest(ref)
    return DockerArchive(path, ref)


def _docker_daemon(rest: str) -> Destination:
    from paddlewheel.image.daemon import DockerDaemon

    if rest:
        _without_digest(rest)
    return DockerDaemon(rest)


def _containers_storage(rest: str) -> Destination:
    from paddlewheel.image.daemon import ContainersStorage

    if rest:
        _without_digest(rest)
    return ContainersStorage(rest)


TRANSPORTS: Final[dict[str, Callable[[str], Destination]]] = {
    "oci": _oci_folder,
    "oci-archive": _oci_archive,
    "docker-archive": _docker_archive,
    "docker-daemon": _docker_daemon,
    "containers-storage": _containers_storage,
}


def parse_destination(text: str) -> Destination:
    """Read what -o says. Raise `UsageError`."""
    transport, colon, rest = text.partition(":")
    make = TRANSPORTS.get(transport)
    if make is None or not colon:
        raise _unknown(text, transport if colon else "", list(TRANSPORTS))
    return make(rest)


def open_image(text: str, platform: Platform | None = None) -> tuple[Image, Blobs]:
    """Open an image to read: ``oci:``, ``oci-archive:``, ``docker-archive:``, or the path of any of these.

    Of several platforms `platform` is taken, else this machine's. Raise `ImageError` or `UsageError`.
    """
    from paddlewheel.image.files import Archive, Folder
    from paddlewheel.image.source import open_source

    transport, colon, rest = text.partition(":")
    if colon and transport in ("oci", "oci-archive", "docker-archive"):
        path, ref = _path_and_ref(transport, "DIR" if transport == "oci" else "FILE", rest)
        source = _open(transport, path)
    elif Path(text).exists():
        path, ref = Path(text), ""
        source = open_source(Folder(path) if path.is_dir() else Archive(path))
    else:
        if colon and "/" not in transport:
            raise _unknown(text, transport, ["oci", "oci-archive", "docker-archive"])
        raise ImageError(f"{text} does not exist")
    return source.image(ref, platform), source


def _open(transport: str, path: Path) -> Source:
    from paddlewheel.image.files import Archive, Folder
    from paddlewheel.image.saved import SavedImages
    from paddlewheel.image.source import Layout

    if not path.exists():
        raise ImageError(f"{path} does not exist", hint=_instead(transport, path))
    if transport == "oci":
        if not path.is_dir():
            raise ImageError(f"{path} is no folder", hint=f"for a file: oci-archive:{path}")
        return Layout(Folder(path))
    if path.is_dir():
        raise ImageError(f"{path} is a folder", hint=f"for a folder: oci:{path}")
    return Layout(Archive(path)) if transport == "oci-archive" else SavedImages(Archive(path))


def _instead(transport: str, path: Path) -> str:
    """What to do about a file that is not there: one of its kind beside it, or in ``dist``, may have been meant."""
    if transport == "oci":
        return "give the folder of an OCI layout, with index.json in it"
    from difflib import get_close_matches

    there = {file.name: file for folder in (path.parent / "dist", path.parent) for file in sorted(folder.glob("*.tar"))}
    near = get_close_matches(path.name, there, n=1, cutoff=0.0)
    if near:
        return f"did you mean {transport}:{there[near[0]]}?"
    return f"`paddlewheel build -o {transport}:{path}` makes it"


def _path_and_ref(transport: str, what: str, rest: str) -> tuple[Path, str]:
    path, colon, ref = rest.partition(":")
    if not path:
        raise UsageError(f"{transport}: names no {what}", hint=f"write it as {transport}:{what}")
    if colon and not _REF.fullmatch(ref):
        raise UsageError(f"{ref!r} is no name for an image in {path}", hint=f"write it as {transport}:{what}:shop:1.2")
    return Path(path), ref


def _without_digest(name: str) -> None:
    if parse_reference(name).digest:
        raise UsageError(f"{name!r} has a digest, which follows from the image", hint="name it without @sha256:...")


def _unknown(text: str, transport: str, known: list[str]) -> UsageError:
    listed = ", ".join(f"{one}:" for one in known)
    if not transport:
        return UsageError(
            f"{text!r} does not say what kind of output it is",
            hint=f"write oci-archive:{text}, say; there are: {listed}",
        )
    from difflib import get_close_matches

    near = get_close_matches(transport, known, n=1, cutoff=0.5)
    return UsageError(
        f"{transport}: is no kind of image place that is known",
        hint=(f"did you mean {near[0]}:? " if near else "") + f"There are: {listed}",
    )
