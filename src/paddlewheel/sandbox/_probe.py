"""PID 1 of a sandbox that starts no program: says which mounts this machine allows. See `probe`."""

from __future__ import annotations

import os

from paddlewheel.sandbox import _child, _libc, _mounts
from paddlewheel.sandbox._failure import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def start(request: dict[str, Any], control: int, status: int) -> int:
    """Try the mounts one after the other and report ``probe`` for each: its step and errno, 0 where it worked."""
    _libc.unshare(_libc.CLONE_NEWNS, "namespaces")
    _libc.mount("private", None, "/", None, _libc.MS_REC | _libc.MS_PRIVATE)
    os.chdir(request["folder"])
    for name in ("root", "proc", "lower"):
        os.mkdir(name)
    _try("overlay", status)
    _try("proc", status)
    return 0


def _try(step: str, status: int) -> None:
    number = 0
    try:
        if step == "overlay":
            _mounts.stack(os.getcwd(), [os.path.abspath("lower")])
        else:
            _libc.mount("proc", "proc", "proc", "proc", _libc.MS_NOSUID)
    except Failure as failure:
        number = failure.errno
    _child.report(status, {"probe": step, "errno": number})
