"""SIGTERM and SIGHUP unwind the stack as Ctrl-C does, so that every context manager removes what it made."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Terminated(KeyboardInterrupt):
    """A signal asked the process to end. Like KeyboardInterrupt, no `except Exception` swallows it."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated(number)


@contextmanager
def unwinding() -> Iterator[None]:
    """Within: SIGTERM and SIGHUP raise `Terminated`. An ignored signal stays ignored (nohup)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {}
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            before[number] = signal.signal(number, _terminate)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def leave_at_once(status: int) -> None:
    """From now on a second Ctrl-C or SIGTERM ends the process, even while Python waits for its threads."""

    def leave(number: int, frame: FrameType | None) -> None:
        os._exit(status)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, leave)
