"""A standard stream may be closed, as by ``>&-``. Nothing is written to it then, and nothing else takes its number."""

from __future__ import annotations

import os
import sys
from typing import TextIO


def mend() -> None:
    """Open /dev/null in the place of standard streams that are closed.

    Else the next file that is opened, a blob of the cache say, would be what a child process writes its output to.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
            os.set_inheritable(number, True)
    # Python leaves None where there was no stream when it started.
    if sys.stdout is None:
        sys.stdout = _nowhere(1)
    if sys.stderr is None:
        sys.stderr = _nowhere(2)


def _nowhere(number: int) -> TextIO:
    return open(number, "w", encoding="utf-8", errors="backslashreplace", closefd=False)
