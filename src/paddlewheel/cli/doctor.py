"""``paddlewheel doctor``"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import click

from paddlewheel.cli import options
from paddlewheel.cli.terminal import told

if TYPE_CHECKING:
    from paddlewheel.checks.machine import Probe
    from paddlewheel.cli.terminal import Terminal

_STYLES: Final = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command("doctor")
@click.option("--mirror", metavar="URL", help="Debian mirror to ask, ending before /dists.")
@options.offline
@options.json
@click.pass_obj
def command(terminal: Terminal, /, mirror: str | None, offline: bool, as_json: bool) -> int:
    """Say what this machine can do, and what to do about the rest.

    Examines Python, uv, the cache, certificates, proxies, the Debian mirror, the package index, namespaces for
    `run`, and container engines. Each line is ok, warn or fail. Ends with status 1 only when nothing could be
    built.

    \b
    Examples:
      paddlewheel doctor
      paddlewheel doctor --mirror https://debian.example.org/debian
      paddlewheel doctor --json | jq '.probes[] | select(.state != "ok")'
    """
    from paddlewheel.cache import Cache
    from paddlewheel.checks.machine import can_build, examine

    probes = examine(Cache(), mirror=mirror, offline=offline)
    able = can_build(probes)
    if as_json:
        terminal.data(json.dumps({"can_build": able, "probes": [_object(probe) for probe in probes]}, indent=2))
    else:
        for probe in probes:
            for line in _lines(probe, terminal):
                terminal.data(line)
    return 0 if able else 1


def _lines(probe: Probe, terminal: Terminal) -> list[str]:
    state = terminal.paint_data(f"{probe.state:<4}", _STYLES[probe.state])
    first, *more = told(probe.text).splitlines() or [""]
    indent = " " * 21
    hints = (probe.hint or "").splitlines() if probe.state != "ok" else []
    return [
        f"{state}  {probe.name:<13}  {first}",
        *(f"{indent}{line}" for line in more),
        *(f"{indent}{terminal.paint_data('hint:', 'cyan')} {told(line)}" for line in hints),
    ]


def _object(probe: Probe) -> dict[str, str | bool | None]:
    return {
        "name": probe.name,
        "state": str(probe.state),
        "text": told(probe.text),
        "hint": told(probe.hint) if probe.hint else None,
        "needed": probe.needed,
    }
