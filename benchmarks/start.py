"""From the start of a container to its last import: the image in many layers beside the same image in one."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.measure import Pairs, in_pairs
from benchmarks.squash import squashed
from paddlewheel.cache import Cache
from paddlewheel.image.archive import docker_members, write_archive
from paddlewheel.image.model import Image
from paddlewheel.progress import Silent
from paddlewheel.sandbox.image import rootfs_layers, spec_for
from paddlewheel.sandbox.run import capture
from tests.setup import debian, services

PAIRS: Final = 15

IMPORTS: Final = {
    "flask-service": "import flask, gunicorn.app.wsgiapp, app",
    "data-job": "import matplotlib, numpy, pandas, pyarrow.parquet, sklearn.ensemble, sklearn.model_selection",
}
_TOLD: Final = "; import time; print(time.monotonic())"
"""CLOCK_MONOTONIC is the same inside of a container as outside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartResult:
    """Seconds from start to last import: pairs of (many layers, one layer)."""

    example: str
    where: str
    layers: int
    pairs: Pairs[float]


def measure(
    example: str, image: Image, cache: Cache, work: Path, say: Callable[[str], None], *, short: bool
) -> list[StartResult]:
    """Under `paddlewheel run` and, where the tests' set-up has installed it, under Docker."""
    single = squashed(image, cache.store)
    times = 2 if short else PAIRS
    results = []

    def add(where: str, start: Callable[[Image], float]) -> None:
        for each in (image, single):
            # Twice, so that all that is read is in memory.
            start(each)
            start(each)
        pairs = in_pairs(times, lambda: start(image), lambda: start(single))
        results.append(StartResult(example=example, where=where, layers=len(image.layers), pairs=pairs))
        say(f"{example}: start under {where}")

    command = ("-c", IMPORTS[example] + _TOLD)
    add("paddlewheel run", lambda which: _in_sandbox(which, cache, command))
    if why_no_docker() is None:
        names = {image.digest: "bench/many:1", single.digest: "bench/one:1"}
        with _docker([(image, names[image.digest]), (single, names[single.digest])], cache, work) as environment:
            add("docker run", lambda which: _in_docker(names[which.digest], command, environment))
    return results


def why_no_docker() -> str | None:
    """Why nothing is measured under Docker, or None."""
    reason = debian.why_not()
    if reason is None and debian.missing_packages():
        reason = "Docker is not installed: python -m tests.setup install"
    return reason


def _in_sandbox(image: Image, cache: Cache, command: tuple[str, ...]) -> float:
    layers = rootfs_layers(image, cache.store, cache, Silent())
    spec = spec_for(image, layers, cache, arguments=command, entrypoint=["/opt/venv/bin/python"])
    began = time.monotonic()
    done = capture(spec)
    if done.status:
        raise RuntimeError(f"the image did not start: {done.stderr.decode(errors='replace')}")
    return float(done.stdout) - began


def _in_docker(name: str, command: tuple[str, ...], environment: dict[str, str]) -> float:
    began = time.monotonic()
    python = ["--entrypoint", "/opt/venv/bin/python", name, *command]
    return float(_told(["docker", "run", "--rm", "--network", "host", *python], environment)) - began


@contextmanager
def _docker(images: list[tuple[Image, str]], cache: Cache, work: Path) -> Iterator[dict[str, str]]:
    """A Docker that has `images`, (image, name) pairs. What it keeps is removed at the end."""
    work.mkdir(parents=True, exist_ok=True)
    try:
        with services.used():
            environment = services.docker()
            for image, name in images:
                archive = work / f"{os.getpid()}.tar"
                write_archive(archive, docker_members(image, image_name=name), cache.store, Silent())
                _told(["docker", "load", "--quiet", "--input", str(archive)], environment)
                archive.unlink()
            yield environment
            for _, name in images:
                _told(["docker", "rmi", "--force", name], environment)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _told(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr}")
    return done.stdout
