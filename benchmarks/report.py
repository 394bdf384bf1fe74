"""Results as tables of Markdown, each between two marks in README.md, so that a rerun replaces it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from benchmarks.builds import LAYERS as CACHED
from benchmarks.builds import NOTHING, SOURCE, Bump, Row
from benchmarks.measure import Spread
from benchmarks.sizes import BaseSize
from benchmarks.splice import Material, SpliceResult
from benchmarks.start import StartResult

README: Final = Path(__file__).with_name("README.md")
SPLICE_GOAL: Final = 0.8
START_GOAL: Final = 1.05
BASE_GOAL: Final = 18_000_000
BUMP_GOAL: Final = 3_000_000
SECONDS: Final = {NOTHING: 0.15, SOURCE: 0.3}
CACHED_DATA: Final = 2.0


def put(name: str, text: str) -> None:
    """Replace what stands between the marks of `name`."""
    begin, end = f"<!-- begin {name} -->\n", f"<!-- end {name} -->"
    page = README.read_text()
    before, found, rest = page.partition(begin)
    _, also, after = rest.partition(end)
    if not (found and also):
        raise ValueError(f"{README} has no marks for {name}")
    README.write_text(f"{before}{begin}{text.rstrip()}\n{end}{after}")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def machine(rows: Sequence[tuple[str, str]]) -> str:
    return table(["", ""], rows)


def builds(rows: Sequence[Row]) -> str:
    head = ["case", "output", "runs", "wall s", "CPU s", "peak RSS", "new blobs", "goal"]
    return table(
        head,
        [
            [
                row.case,
                row.output,
                str(len(row.costs)),
                seconds(Spread.of([cost.wall for cost in row.costs])),
                seconds(Spread.of([cost.cpu for cost in row.costs])),
                megabytes(max(cost.rss for cost in row.costs)),
                megabytes(row.new),
                _time_goal(row),
            ]
            for row in rows
        ],
    )


def _time_goal(row: Row) -> str:
    goal = SECONDS.get(row.case)
    if row.case == CACHED and row.example == "data-job":
        goal = CACHED_DATA
    if goal is None:
        return ""
    return verdict(Spread.of([cost.wall for cost in row.costs]).median <= goal, f"{goal:g} s")


def bumps(found: Sequence[Bump]) -> str:
    head = ["example", "package", "from", "to", "wheel", "its bytecode", "new blobs", "goal: at most"]
    return table(
        head,
        [
            [
                bump.example,
                bump.package,
                *bump.versions,
                megabytes(bump.wheel),
                megabytes(bump.bytecode),
                megabytes(bump.new),
                verdict(
                    bump.new <= bump.wheel + bump.bytecode + BUMP_GOAL,
                    megabytes(bump.wheel + bump.bytecode + BUMP_GOAL),
                ),
            ]
            for bump in found
        ],
    )


def starts(results: Sequence[StartResult]) -> str:
    head = ["example", "under", "layers", "pairs", "many layers, s", "one layer, s", "ratio", "goal"]
    return table(
        head,
        [
            [
                result.example,
                result.where,
                str(result.layers),
                str(len(result.pairs.first)),
                seconds(Spread.of(result.pairs.first)),
                seconds(Spread.of(result.pairs.second)),
                ratio(result.pairs.ratio(lambda value: value)),
                verdict(result.pairs.ratio(lambda value: value).median <= START_GOAL, f"{START_GOAL}"),
            ]
            for result in results
        ],
    )


def splices(material: Material, results: Sequence[SpliceResult]) -> str:
    head = ["threads", "pairs", "limit, wall s", "splice, wall s", "ratio, wall", "ratio, CPU", "goal"]
    text = (
        f"{material.wheels} wheels, {megabytes(material.size)}, {megabytes(material.unpacked)} unpacked, "
        f"{material.entries} entries; layers of {megabytes(material.layers_size)}.\n\n"
    )
    return text + table(
        head,
        [
            [
                str(result.threads),
                str(len(result.pairs.first)),
                seconds(Spread.of([cost.wall for cost in result.pairs.first])),
                seconds(Spread.of([cost.wall for cost in result.pairs.second])),
                ratio(result.pairs.ratio(lambda cost: cost.wall)),
                ratio(result.pairs.ratio(lambda cost: cost.cpu)),
                verdict(result.pairs.ratio(lambda cost: cost.wall).median >= SPLICE_GOAL, f"{SPLICE_GOAL}"),
            ]
            for result in results
        ],
    )


def sizes(found: Sequence[BaseSize]) -> str:
    head = ["suite", "Python", "core", "bytecode of the standard library", "together", "unpacked", "goal"]
    return table(
        head,
        [
            [
                size.suite,
                size.python,
                megabytes(size.core),
                megabytes(size.bytecode),
                megabytes(size.total),
                megabytes(size.unpacked),
                verdict(size.total <= BASE_GOAL, "18 MB"),
            ]
            for size in found
        ],
    )


def verdict(reached: bool, goal: str) -> str:
    return f"{goal}: {'reached' if reached else '**not reached**'}"


def seconds(spread: Spread) -> str:
    """Median, and in brackets the least and the most."""
    digits = 1 if spread.median >= 10 else 2 if spread.median >= 1 else 3
    return f"{spread.median:.{digits}f} ({spread.least:.{digits}f} to {spread.most:.{digits}f})"


def ratio(spread: Spread) -> str:
    return f"{spread.median:.3f} ({spread.least:.3f} to {spread.most:.3f})"


def megabytes(size: int) -> str:
    if size == 0:
        return "0"
    if size < 100_000:
        return f"{size / 1000:.1f} kB"
    return f"{size / 1e6:.1f} MB" if size < 1e8 else f"{size / 1e6:.0f} MB"
