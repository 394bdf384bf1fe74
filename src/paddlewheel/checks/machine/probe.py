"""`Probe`: what was found out about one thing of the machine."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    OK = "ok"
    WARN = "warn"
    """Something does not work, or only partly; builds do."""
    FAIL = "fail"
    """Does not work."""


@dataclass(frozen=True, slots=True)
class Probe:
    """`text` says what there is, `hint` what to do about it. `needed`: without it nothing can be built."""

    name: str
    state: State
    text: str
    hint: str | None = None
    needed: bool = False
