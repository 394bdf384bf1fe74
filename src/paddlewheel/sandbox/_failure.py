"""What paddlewheel and the processes of the sandbox say to each other."""

from __future__ import annotations

MAPPED = b"M"
"""Answer to the child: paddlewheel has mapped the users."""
MAP_YOURSELF = b"S"
"""Answer to the child: map one user yourself."""


class Failure(Exception):
    """A step of the set-up that the kernel refused: `step` is a key of `explain`, `detail` a path or a word."""

    def __init__(self, step: str, number: int, detail: str = "") -> None:
        super().__init__(step, number, detail)
        self.step = step
        self.errno = number
        self.detail = detail
