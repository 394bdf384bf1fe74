"""How code below `cli` speaks to a person: through a `Reporter` that it is handed. It never prints."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class Task(Protocol):
    """A piece of work under way. May be advanced from any thread."""

    def advance(self, amount: int) -> None: ...


class Reporter(Protocol):
    """Receives what happens during a build. Implemented by `cli`; methods may be called from any thread."""

    def note(self, text: str) -> None:
        """A sentence that the user wants to read: what was chosen, made or changed, and why."""
        ...

    def warn(self, text: str) -> None:
        """Something that may be wrong."""
        ...

    def task(self, title: str, total: int | None = None, *, unit: str = "") -> AbstractContextManager[Task]:
        """Work with a known or unknown `total`, in bytes (`unit` ``B``) or things (``files``, ``wheels``)."""
        ...


class _NoTask:
    def advance(self, amount: int) -> None:
        pass


class Silent:
    """The reporter for libraries and tests: says nothing, remembers notes and warnings."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.warnings: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def task(self, title: str, total: int | None = None, *, unit: str = "") -> AbstractContextManager[Task]:
        return nullcontext(_NoTask())
