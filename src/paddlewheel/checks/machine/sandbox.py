"""Whether `run` works here: a sandbox is set up for real, around an empty root file system."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from paddlewheel.checks.machine.probe import Probe, State
from paddlewheel.errors import PaddlewheelError, ProgramMissingError

if TYPE_CHECKING:
    from paddlewheel.cache import Cache

_NOBODY: Final = "/paddlewheel-doctor"
"""A program that no image has. The sandbox misses it last of all, when everything else has worked."""


def sandbox(cache: Cache) -> Iterator[Probe]:
    """User, mount and pid namespaces, overlayfs, and which users the sandbox can have."""
    from paddlewheel.progress import Silent
    from paddlewheel.sandbox.run import capture
    from paddlewheel.sandbox.spec import RunSpec

    heard = Silent()
    try:
        with cache.directory("doctor") as folder:
            (folder / "layer").mkdir()
            spec = RunSpec(layers=(folder / "layer",), argv=(_NOBODY,), scratch=folder / "scratch")
            capture(spec, reporter=heard, timeout=20)
    except ProgramMissingError:
        yield _working(heard.warnings)
    except (PaddlewheelError, OSError) as error:
        yield Probe(
            "sandbox", State.FAIL, str(error), getattr(error, "hint", None) or "only `paddlewheel run` needs it"
        )
    else:
        yield Probe(
            "sandbox", State.WARN, "a program that does not exist ran; something is between here and the kernel"
        )


def _working(warnings: list[str]) -> Probe:
    if warnings:
        return Probe("sandbox", State.WARN, "; ".join(warnings), "`paddlewheel run` works, but starts slowly")
    return Probe("sandbox", State.OK, f"namespaces and overlayfs work; {_users()}")


def _users() -> str:
    from paddlewheel.sandbox.mapping import subordinate

    if os.geteuid() == 0:
        return "as root"
    if subordinate() is not None:
        return "with this user's range in /etc/subuid"
    return "with one user (for more: newuidmap, and a range in /etc/subuid and /etc/subgid)"
