"""``paddlewheel build``"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from paddlewheel import verbs
from paddlewheel.cli import options, summary
from paddlewheel.errors import UsageError

if TYPE_CHECKING:
    from paddlewheel.cli.terminal import Terminal
    from paddlewheel.verbs import Built

_ARCHIVES: Final = ("oci-archive", "docker-archive")


@click.command("build")
@options.project
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    metavar="TRANSPORT:PLACE",
    help="Where to write the image; may be repeated. Default: oci-archive:dist/<name>-<version>.oci.tar, in PROJECT.",
)
@click.option("-t", "--tag", metavar="NAME", help="The image's name, as shop:1.2. Default: from the project.")
@options.target
@options.shape
@options.locked
@options.offline
@options.json
@options.talk
@click.pass_obj
def command(terminal: Terminal, /, project: Path, outputs: tuple[str, ...], tag: str | None, **given: Any) -> int:
    """Build the image of the project in a folder.

    PROJECT is a folder with a pylock.toml, uv.lock, requirements.txt or pyproject.toml; default: this folder.
    Nothing is needed on this machine but Python: no Docker, no root.

    Prints NAME@sha256:... on stdout, everything else on stderr.

    \b
    Outputs, as containers-transports(5) names them:
      oci:DIR                    an OCI layout
      oci-archive:FILE           the same in one tar file
      docker-archive:FILE        for `docker load`
      docker-daemon:NAME         into Docker on this machine
      containers-storage:NAME    into Podman on this machine

    \b
    Examples:
      paddlewheel build
      paddlewheel build services/shop -t shop:1.2 -o docker-daemon:shop:1.2
      paddlewheel build --locked -o oci-archive:shop.oci.tar -o docker-archive:shop.tar
      paddlewheel build --base distroless:trixie --platform linux/arm64
      paddlewheel build -q --json | jq .digest
    """
    began = time.monotonic()
    for output in outputs:
        options.check_destination(output)
        _check_place(output)
    _check_apart(outputs)
    with options.context(terminal, given) as context:
        built = verbs.build(project, context=context, locked=given["locked"], name=tag)
        places = outputs or (f"oci-archive:{default_place(project, built)}",)
        written = [verbs.deliver(built, place, context=context) for place in places]
    elapsed = time.monotonic() - began
    if not given["quiet"]:
        for line in summary.summary(built, written, elapsed, terminal):
            terminal.line(line)
    value = summary.as_json(built, places, elapsed)
    terminal.data(json.dumps(value, indent=2, ensure_ascii=False) if given["as_json"] else built.reference)
    return 0


def default_place(project: Path, built: Built) -> Path:
    """``dist/<name>-<version>.oci.tar`` in the project's folder. Neither `-t` nor a registry's name changes it.

    An image for another machine than this one has its architecture in the name, as in ``shop-1.2-arm64.oci.tar``.
    """
    from paddlewheel.image.model import Platform

    plain = built.name.rpartition("/")[2].partition(":")[0]
    name = built.image.run.labels.get("org.opencontainers.image.title") or plain
    architecture = built.image.platform.architecture
    other = "" if architecture == Platform.of_this_machine().architecture else f"-{architecture}"
    return project / "dist" / f"{name}-{built.version or 0}{other}.oci.tar"


def _check_apart(outputs: Sequence[str]) -> None:
    """Raise `UsageError` for two outputs of which one would overwrite the other. A layout takes several images."""
    taken: dict[str, str] = {}
    for output in outputs:
        transport, _, rest = output.partition(":")
        if transport not in ("oci", *_ARCHIVES):
            continue
        place = os.path.realpath(rest.partition(":")[0])
        other = taken.setdefault(place, output)
        if other is not output and (transport in _ARCHIVES or not other.startswith("oci:")):
            raise UsageError(
                f"-o {other} and -o {output} are one file, and the later would overwrite the earlier",
                hint="give each output a file of its own",
            )


def _check_place(output: str) -> None:
    """Raise what writing there would surely raise: before a long build, not after it."""
    from paddlewheel.image.transports import parse_destination

    parse_destination(output).check()
