"""What a build has made: for people as aligned lines, for programs as one JSON object."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from paddlewheel.cli import units
from paddlewheel.cli.terminal import Terminal, told

if TYPE_CHECKING:
    from paddlewheel.verbs import Built, LayerReport

LISTED: Final = 5
"""New layers that are named."""
WIDTH: Final = 60
"""Characters of a layer's title that are shown."""


def summary(built: Built, written: Sequence[str], elapsed: float, terminal: Terminal) -> list[str]:
    """The lines at the end of a build. `written`: where to, in words; `elapsed` in seconds."""
    rows = [
        ("base", built.base),
        ("packages", units.count(built.packages, "Python package")),
        *_rows("layers", layers(built.layers)),
        ("size", f"{units.size(_compressed(built))} compressed, {units.size(_unpacked(built))} unpacked"),
        *_rows("starts", [command(built), built.start_reason]),
        *_rows("written", written),
        ("time", units.seconds(elapsed)),
    ]
    title = f"{terminal.paint(told(built.name), 'bold')}  {built.image.platform}"
    return [title, *(f"  {terminal.paint(f'{label:<8}', 'dim')}  {told(text)}" for label, text in rows if text)]


def layers(reports: Sequence[LayerReport]) -> list[str]:
    """``27: 2 new (15.3 MB), 25 reused (154.5 MB)``, and a line for each of the largest new ones."""
    new = [report for report in reports if not report.reused]
    reused = [report for report in reports if report.reused]
    if not new:
        return [f"{len(reports)}, all reused"]
    head = f"{len(reports)}: {len(new)} new ({units.size(_sum(new))})"
    if reused:
        head += f", {len(reused)} reused ({units.size(_sum(reused))})"
    largest = sorted(new, key=lambda report: report.size, reverse=True)
    lines = [f"+ {units.size(report.size):>8}  {_short(report.title)}" for report in largest[:LISTED]]
    rest = largest[LISTED:]
    if rest:
        lines.append(f"+ {units.size(_sum(rest)):>8}  in {len(rest)} more")
    return [head, *lines]


def _short(title: str) -> str:
    return title if len(title) <= WIDTH else f"{title[: WIDTH - 3].rstrip(' ,')}..."


def _rows(label: str, texts: Sequence[str]) -> list[tuple[str, str]]:
    return [("" if number else label, text) for number, text in enumerate(texts)]


def command(built: Built, arguments: Sequence[str] = ()) -> str:
    """The command line that the image starts with. `arguments` take the place of its cmd."""
    run = built.image.run
    words = [*run.entrypoint, *(arguments or run.cmd)]
    return shlex.join(words) or "nothing: neither an entrypoint nor a command is set"


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
