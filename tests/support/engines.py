"""Docker and Podman as the tests use them."""

from __future__ import annotations

import io
import re
import socket
import subprocess
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Engine:
    """A container engine with a storage of its own. `environment` makes any program talk to it."""

    name: str
    environment: dict[str, str]

    def __call__(
        self, *arguments: str, check: bool = True, stdin: bytes | None = None, timeout: float = 300
    ) -> subprocess.CompletedProcess[str]:
        """Run the engine's command line client."""
        done = subprocess.run(
            [self.name, *arguments],
            env=self.environment,
            input=stdin,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
        out, err = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        if check and done.returncode:
            raise AssertionError(f"{self.name} {' '.join(arguments)} ended with {done.returncode}\n{out}\n{err}")
        return subprocess.CompletedProcess(done.args, done.returncode, out, err)

    def load(self, archive: Path) -> str:
        """Load a docker-archive (Podman: also an oci-archive). Return the image's name, or its id where it has none."""
        out = self("load", "--input", str(archive)).stdout
        found = re.search(r"Loaded image(?:\(s\)| ID)?: (\S+)", out)
        assert found, out
        return found[1]

    def import_tar(self, data: bytes, name: str) -> None:
        """Make an image of one layer from a tar of a root file system."""
        self("import", "-", name, stdin=data)

    def images(self) -> list[str]:
        """``name:tag`` of every image that has a name."""
        lines = self("images", "--format", "{{.Repository}}:{{.Tag}}").stdout.split()
        return sorted(line for line in lines if not line.startswith("<none>"))

    def run(
        self, image: str, *arguments: str, options: Sequence[str] = (), check: bool = True, timeout: float = 300
    ) -> subprocess.CompletedProcess[str]:
        """Run an image to its end, on the host's network."""
        command = ("run", "--rm", "--network", "host", *options, image, *arguments)
        return self(*command, check=check, timeout=timeout)

    @contextmanager
    def running(self, image: str, *arguments: str, options: Sequence[str] = ()) -> Iterator[str]:
        """Start an image on the host's network; give its container's id; remove it at the end."""
        started = self("run", "--detach", "--network", "host", *options, image, *arguments)
        container = started.stdout.split()[-1]
        try:
            yield container
        finally:
            # Podman would first wait ten seconds for the program to end by itself.
            at_once = ("--time", "0") if self.name == "podman" else ()
            self("rm", "--force", *at_once, container, check=False)

    def logs(self, container: str) -> str:
        done = self("logs", container, check=False)
        return done.stdout + done.stderr

    def remove(self, image: str) -> None:
        self("rmi", "--force", image, check=False)


def busybox_tar() -> bytes:
    """A root file system that holds a static busybox and nothing else."""
    program = Path("/bin/busybox").resolve()
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        entry = tarfile.TarInfo("bin/busybox")
        entry.size = program.stat().st_size
        entry.mode = 0o755
        with program.open("rb") as file:
            tar.addfile(entry, file)
    return out.getvalue()


def free_port() -> int:
    """A TCP port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def http_get(port: int, path: str = "/", *, seconds: float = 30.0) -> str:
    """GET from 127.0.0.1, retried until something answers. Raise the last error after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
                return str(answer.read().decode())
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
