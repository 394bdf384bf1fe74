"""Docker, Podman, Buildah and Skopeo: which there are, and whether Docker's daemon answers. None is needed to build."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from typing import Final

from paddlewheel.checks.machine.probe import Probe, State

PURPOSE: Final = {
    "docker": "for docker-daemon: outputs",
    "podman": "for containers-storage: outputs",
    "buildah": "not needed",
    "skopeo": "not needed; copies archives to registries",
}
NAMES: Final = tuple(PURPOSE)
PATIENCE: Final = 10.0
"""Seconds until an engine counts as one that does not answer."""


def engine(name: str) -> Iterator[Probe]:
    """One engine."""
    place = shutil.which(name)
    if place is None:
        yield Probe(name, State.OK, f"not installed ({PURPOSE[name]})")
        return
    said = _ask([name, "--version"])
    version = re.search(r"\d+(\.\d+)+", said.stdout) if said else None
    if said is None or said.returncode or version is None:
        yield Probe(name, State.WARN, f"{place} does not tell its version", "see what `" + name + " --version` says")
        return
    if name != "docker":
        yield Probe(name, State.OK, f"{version[0]} ({place})")
        return
    yield _daemon(version[0])


def _daemon(client: str) -> Probe:
    said = _ask(["docker", "version", "--format", "{{.Server.Version}}"])
    if said is not None and said.returncode == 0 and said.stdout.strip():
        return Probe("docker", State.OK, f"{client}; the daemon answers ({said.stdout.strip()})")
    why = (
        "it did not answer in time" if said is None else (said.stderr.strip().splitlines() or ["it gave no reason"])[-1]
    )
    hint = "start it (`sudo systemctl start docker`), or join the group docker; archives need no daemon"
    return Probe("docker", State.WARN, f"{client}, but the daemon does not answer: {why}", hint)


def _ask(command: Sequence[str]) -> subprocess.CompletedProcess[str] | None:
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
