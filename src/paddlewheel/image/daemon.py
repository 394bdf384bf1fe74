"""Loading an image into Docker, through `docker load`, or into Podman's storage, through Podman or Skopeo.

The programs themselves find their daemon or storage: DOCKER_HOST, contexts and storage.conf count as always.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from paddlewheel.errors import DeliveryError, ToolMissingError
from paddlewheel.image.archive import Member, docker_members, oci_members, total_size, write_archive, write_members
from paddlewheel.image.blobs import Blobs
from paddlewheel.image.model import Image
from paddlewheel.image.reference import LOCALHOST, parse_reference
from paddlewheel.progress import Reporter, Silent

_NO_ENGINE: Final = "write an archive instead: -o oci-archive:FILE"


@dataclass(frozen=True, slots=True)
class DockerDaemon:
    """``docker-daemon:NAME``. An empty `name` stands for the image's own."""

    name: str

    def describe(self) -> str:
        return f"Docker, as {parse_reference(self.name).tagged().familiar}" if self.name else "Docker"

    def check(self) -> None:
        """Raise `ToolMissingError` when there is no client, or no daemon answers it."""
        _need("docker", "install Docker (Debian: apt-get install docker.io), or " + _NO_ENGINE)
        _docker_answers()

    def write(self, image: Image, blobs: Blobs, name: str, reporter: Reporter) -> None:
        """Stream an archive into `docker load`. Raise `DeliveryError` or `ToolMissingError`."""
        _need("docker", "install Docker (Debian: apt-get install docker.io), or " + _NO_ENGINE)
        members = docker_members(image, image_name=parse_reference(self.name or name).tagged().full)
        failure = _stream(["docker", "load", "-q"], members, blobs, reporter, "Loading into Docker")
        if failure is not None:
            _docker_answers()
            raise DeliveryError(f"`docker load` failed: {failure}")


@dataclass(frozen=True, slots=True)
class ContainersStorage:
    """``containers-storage:NAME``, the storage that Podman, Buildah and CRI-O share."""

    name: str

    def describe(self) -> str:
        return f"Podman, as {_podman_name(self.name)}" if self.name else "Podman"

    def check(self) -> None:
        """Raise `ToolMissingError` when neither Podman nor Skopeo is installed."""
        _podman_or_skopeo()

    def write(self, image: Image, blobs: Blobs, name: str, reporter: Reporter) -> None:
        """Stream an archive into `podman load`, else let Skopeo copy it. Raise as `DockerDaemon.write`."""
        tool = _podman_or_skopeo()
        full = _podman_name(self.name or name)
        # Of an OCI archive Podman keeps the manifest, and with it the image's digest.
        members = oci_members(image, ref_name=full, image_name=full)
        if tool == "podman":
            failure = _stream(["podman", "load", "-q"], members, blobs, reporter, "Loading into Podman")
        else:
            failure = _copy_with_skopeo(members, blobs, full, reporter)
        if failure is not None:
            raise DeliveryError(f"{tool} could not load the image: {failure}")


def _podman_name(name: str) -> str:
    """Podman keeps what it builds itself under localhost/, and looks there first for a name without a host."""
    return parse_reference(name, domain=LOCALHOST).tagged().full


def _podman_or_skopeo() -> str:
    for tool in ("podman", "skopeo"):
        if shutil.which(tool):
            return tool
    raise ToolMissingError(
        "neither Podman nor Skopeo is installed",
        hint="install one (Debian: apt-get install podman), or " + _NO_ENGINE,
    )


def _stream(command: list[str], members: Sequence[Member], blobs: Blobs, reporter: Reporter, title: str) -> str | None:
    """Write an archive to the standard input of `command`. Return what it said when it failed."""
    with tempfile.TemporaryFile() as said:
        with (
            reporter.task(title, total_size(members), unit="B") as task,
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=said, stderr=said) as loader,
        ):
            try:
                # A loader that gave up says why in `said`.
                with contextlib.suppress(BrokenPipeError):
                    write_members(_pipe(loader), members, blobs, task.advance)
            except BaseException:
                # Of an archive cut short nothing is loaded.
                loader.kill()
                raise
        return _last_words(said) if loader.returncode else None


def _copy_with_skopeo(members: Sequence[Member], blobs: Blobs, full: str, reporter: Reporter) -> str | None:
    """As `_stream`, for Skopeo, which cannot read an archive from a pipe."""
    with tempfile.TemporaryDirectory(prefix="paddlewheel-") as folder, tempfile.TemporaryFile() as said:
        archive = Path(folder) / "image.tar"
        write_archive(archive, members, blobs, Silent())
        with reporter.task("Loading with Skopeo"):
            done = subprocess.run(
                ["skopeo", "copy", "-q", f"oci-archive:{archive}", f"containers-storage:{full}"],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                check=False,
            )
        return _last_words(said) if done.returncode else None


def _pipe(process: subprocess.Popen[bytes]) -> int:
    if process.stdin is None:
        raise ValueError("no pipe")
    return process.stdin.fileno()


def _need(program: str, hint: str) -> None:
    if shutil.which(program) is None:
        raise ToolMissingError(f"{program} is not installed, or not on PATH", hint=hint)


def _docker_answers() -> None:
    """Raise `ToolMissingError` when the program is there and its daemon does not answer."""
    asked = subprocess.run(
        ["docker", "version", "--format", "{{.Server.Version}}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if asked.returncode:
        said = asked.stderr.decode(errors="replace").strip().splitlines()
        raise ToolMissingError(
            f"the Docker daemon does not answer: {said[-1] if said else 'no reason given'}",
            hint="start it, check DOCKER_HOST and your permission for its socket, or " + _NO_ENGINE,
        )


def _last_words(said: IO[bytes]) -> str:
    said.seek(0)
    lines = said.read().decode(errors="replace").strip().splitlines()
    return " ".join(line.strip() for line in lines[-3:]) or "it gave no reason"
