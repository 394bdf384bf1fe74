"""The `Reporter`s of the command line: plain lines, or lines above bars that come and go on a terminal.

rich is imported only when a piece of work has lasted `DELAY` seconds on a terminal: a build in which nothing
changed never pays for it. When no work is under way nothing is drawn, so that a program which `run` starts has
the terminal for itself.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, Final, Self

from paddlewheel.cli import units
from paddlewheel.cli.terminal import Terminal, told

if TYPE_CHECKING:
    from rich.progress import Progress

    from paddlewheel.progress import Task

DELAY: Final = 0.2
"""Seconds that work must last before it is drawn."""
LONG: Final = 1.0
"""Seconds that a step must last to get a line of its own in plain progress."""
ROWS: Final = 10
"""Bars drawn at most."""
PACE: Final = 0.05
"""Seconds between two updates of one bar; workers may advance by single files."""


def reporter(terminal: Terminal, *, progress: str = "auto", quiet: bool = False) -> PlainReporter:
    """The reporter for `--progress` (``auto``, ``plain``, ``none``) and `--quiet` on this terminal."""
    if progress == "auto" and terminal.live and not quiet:
        return LiveReporter(terminal)
    return PlainReporter(terminal, quiet=quiet, steps=progress == "plain" and not quiet)


class PlainReporter:
    """Notes and warnings as lines; with `steps` a line as each long step ends. `quiet`: warnings only."""

    def __init__(self, terminal: Terminal, *, quiet: bool = False, steps: bool = False) -> None:
        self.terminal = terminal
        self.quiet = quiet
        self._steps = steps
        self._lock = threading.RLock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the terminal as it was."""

    def note(self, text: str) -> None:
        if not self.quiet:
            self.line(told(text))

    def warn(self, text: str) -> None:
        self.line(f"{self.terminal.paint('warning:', 'yellow')} {told(text)}")

    def line(self, text: str) -> None:
        with self._lock:
            self.terminal.line(text)

    def task(self, title: str, total: int | None = None, *, unit: str = "") -> AbstractContextManager[Task]:
        return self._task(_Bar(title, total, unit))

    @contextmanager
    def _task(self, bar: _Bar) -> Iterator[_Bar]:
        yield bar
        if self._steps and bar.age() >= LONG:
            self.line(f"{told(bar.title)}: {bar.amount()}{units.seconds(bar.age())}")


class LiveReporter(PlainReporter):
    """Bars for the work under way, drawn by rich below the lines."""

    def __init__(self, terminal: Terminal) -> None:
        super().__init__(terminal)
        self._bars: list[_Bar] = []
        self._display: Progress | None = None
        self._timer: threading.Timer | None = None

    def line(self, text: str) -> None:
        with self._lock:
            if self._display is None:
                self.terminal.line(text)
            else:
                from rich.text import Text

                self._display.console.print(Text.from_ansi(text), soft_wrap=True)

    def close(self) -> None:
        with self._lock:
            self._bars.clear()
            self._stop()

    @contextmanager
    def _task(self, bar: _Bar) -> Iterator[_Bar]:
        self._add(bar)
        try:
            yield bar
        finally:
            self._remove(bar)

    def _add(self, bar: _Bar) -> None:
        with self._lock:
            self._bars.append(bar)
            if self._display is not None:
                self._draw(bar)
            elif self._timer is None:
                self._timer = threading.Timer(DELAY, self._start)
                self._timer.daemon = True
                self._timer.start()

    def _remove(self, bar: _Bar) -> None:
        with self._lock:
            if bar in self._bars:
                self._bars.remove(bar)
            display, row = self._display, bar.row
            bar.display = bar.row = None
            if display is not None and row is not None:
                display.remove_task(row)
                waiting = next((other for other in self._bars if other.row is None), None)
                if waiting:
                    self._draw(waiting)
            if not self._bars:
                self._stop()

    def _start(self) -> None:
        """Begin to draw. Runs in the timer's thread."""
        # A Ctrl-C that the kernel hands to this thread, or to rich's that it starts, would not wake the main one.
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
        from paddlewheel.cli.bars import display  # takes a tenth of a second: outside the lock

        with self._lock:
            if self._timer is not threading.current_thread() or not self._bars:
                return
            self._display = display(self.terminal)
            for bar in self._bars:
                self._draw(bar)
            self._display.start()

    def _draw(self, bar: _Bar) -> None:
        assert self._display is not None  # noqa: S101
        if sum(other.row is not None for other in self._bars) < ROWS:
            bar.draw(self._display)

    def _stop(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        shown, self._display = self._display, None
        if shown is not None:
            for bar in self._bars:
                bar.display = bar.row = None
            shown.stop()


class _Bar:
    """Work under way. Counts in any thread; tells rich no more often than the eye needs."""

    def __init__(self, title: str, total: int | None, unit: str) -> None:
        self.title = title
        self.total = total
        self.unit = unit
        self.done = 0
        self.display: Progress | None = None
        self.row: Any = None
        """rich's number of the row; None while it is not drawn."""
        self._began = time.monotonic()
        self._told = 0.0
        self._lock = threading.Lock()

    def advance(self, amount: int) -> None:
        now = time.monotonic()
        with self._lock:
            self.done += amount
            if now - self._told < PACE:
                return
            self._told = now
        self._tell()

    def draw(self, display: Progress) -> None:
        self.row = display.add_task(told(self.title), total=self.total, completed=self.done, unit=self.unit)
        self.display = display

    def _tell(self) -> None:
        display, row = self.display, self.row
        if display is None or row is None:
            return
        try:
            display.update(row, completed=self.done)
        except KeyError:  # the row was removed between the two lines above and here
            return

    def age(self) -> float:
        """Seconds since the work began."""
        return time.monotonic() - self._began

    def amount(self) -> str:
        """``12.3 MB, `` or ``27 wheels, `` or nothing."""
        if not self.done:
            return ""
        return f"{units.size(self.done) if self.unit == 'B' else f'{self.done} {self.unit}'.rstrip()}, "
