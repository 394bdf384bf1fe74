"""What rich draws for the work under way. The one module that imports rich."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.table import Column
from rich.text import Text

from paddlewheel.cli import units
from paddlewheel.cli.terminal import Terminal


def display(terminal: Terminal) -> Progress:
    """A display of bars on stderr that vanishes when stopped."""
    console = Console(
        file=terminal.err, force_terminal=True, no_color=not terminal.err_colour, highlight=False, markup=False
    )
    return Progress(
        TextColumn("{task.description}", markup=False, table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")),
        BarColumn(bar_width=24),
        _Amount(),
        _Speed(),
        console=console,
        transient=True,
        expand=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )


def amount(done: float, total: float | None, unit: str) -> str:
    """``12.3 MB of 45.6 MB``, ``3 of 27 wheels``, ``1.2 MB``, ``3 wheels``, or nothing yet."""
    if unit == "B":
        return f"{units.size(done)} of {units.size(total)}" if total is not None else units.size(done) if done else ""
    if total is not None:
        return f"{done:.0f} of {total:.0f} {unit}".rstrip()
    return f"{done:.0f} {unit}".rstrip() if done else ""


class _Amount(ProgressColumn):
    def __init__(self) -> None:
        super().__init__(Column(justify="right", no_wrap=True))

    def render(self, task: Task) -> Text:
        return Text(amount(task.completed, task.total, task.fields.get("unit", "")))


class _Speed(ProgressColumn):
    def __init__(self) -> None:
        super().__init__(Column(justify="right", no_wrap=True, min_width=10))

    def render(self, task: Task) -> Text:
        if task.fields.get("unit") != "B" or not task.speed:
            return Text("")
        return Text(f"{units.size(task.speed)}/s")
