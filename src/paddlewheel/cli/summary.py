"""What a build has made: for people as aligned lines, for programs as one JSON object."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from paddlewheel.cli import units
from paddlewheel.cli.terminal import Terminal, told

if TYPE_CHECKING:
    from paddlewheel.verbs import Built, LayerReport


def summary(built: Built, written: Sequence[str], elapsed: float, terminal: Terminal) -> list[str]:
    """The lines at the end of a build. `written`: where to, in words; `elapsed` in seconds."""
    rows = [
        ("base", built.base),
        ("packages", units.count(built.packages, "Python package")),
        ("layers", layers(built.layers)),
        ("size", f"{units.size(_compressed(built))} compressed, {units.size(_unpacked(built))} unpacked"),
        *zip(("starts", ""), start(built), strict=False),
        *(("written" if not number else "", place) for number, place in enumerate(written)),
        ("time", units.seconds(elapsed)),
    ]
    title = f"{terminal.paint(told(built.name), 'bold')}  {built.image.platform}"
    return [title, *(f"  {terminal.paint(f'{label:<8}', 'dim')}  {told(text)}" for label, text in rows if text)]


def layers(reports: Sequence[LayerReport]) -> str:
    """``27: 2 new (1.2 MB: shop, numpy 2.1.0), 25 reused (154.5 MB)``"""
    new = [report for report in reports if not report.reused]
    reused = [report for report in reports if report.reused]
    if not new:
        return f"{len(reports)}, all reused"
    largest = sorted(new, key=lambda report: report.size, reverse=True)
    titles = ", ".join(report.title for report in largest[:4])
    more = f" and {len(new) - 4} more" if len(new) > 4 else ""
    text = f"{len(reports)}: {len(new)} new ({units.size(_sum(new))}: {titles}{more})"
    return f"{text}, {len(reused)} reused ({units.size(_sum(reused))})" if reused else text


def start(built: Built) -> tuple[str, str]:
    """The command line that the image starts with, and why it is that."""
    run = built.image.run
    command = shlex.join([*run.entrypoint, *run.cmd])
    return command or "nothing: neither an entrypoint nor a command is set", built.start_reason


def as_json(built: Built, outputs: Sequence[str], elapsed: float) -> dict[str, Any]:
    """The object of `build --json`; docs/cli.md describes it. Sizes in bytes, time in seconds."""
    run = built.image.run
    return {
        "reference": built.reference,
        "digest": built.image.digest,
        "name": built.name,
        "platform": str(built.image.platform),
        "outputs": list(outputs),
        "base": built.base,
        "packages": built.packages,
        "start": {"entrypoint": list(run.entrypoint), "cmd": list(run.cmd), "reason": built.start_reason},
        "layers": [
            {"title": layer.title, "size": layer.size, "unpacked": layer.unpacked, "reused": layer.reused}
            for layer in built.layers
        ],
        "compressed": _compressed(built),
        "unpacked": _unpacked(built),
        "seconds": round(elapsed, 3),
    }


def _compressed(built: Built) -> int:
    return _sum(built.layers)


def _unpacked(built: Built) -> int:
    return sum(layer.unpacked for layer in built.layers)


def _sum(reports: Sequence[LayerReport]) -> int:
    return sum(report.size for report in reports)
