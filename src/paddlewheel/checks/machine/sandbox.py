"""Whether `run` works here: a sandbox is tried out for real."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from paddlewheel.checks.machine.probe import Probe, State

if TYPE_CHECKING:
    from paddlewheel.cache import Cache

_UNKNOWN: Final = "not known, as they are tried in the cache, which cannot be written"


def sandbox(cache: Cache) -> Iterator[Probe]:
    """User, mount and pid namespaces, overlayfs, and which users a sandbox can have."""
    from paddlewheel.errors import PaddlewheelError
    from paddlewheel.sandbox.probe import probe

    with ExitStack() as stack:
        try:
            folder = stack.enter_context(cache.directory("doctor"))
        except (PaddlewheelError, OSError):
            yield Probe("namespaces", State.WARN, _UNKNOWN, "mend the cache first")
            return
        try:
            checks = probe(folder)
        except (PaddlewheelError, OSError) as error:
            yield Probe("namespaces", State.FAIL, str(error), getattr(error, "hint", None))
            return
    for check in checks:
        state = State.OK if check.ok else State.FAIL if check.needed else State.WARN
        yield Probe(check.name, state, check.detail, check.hint)
