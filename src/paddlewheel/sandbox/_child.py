"""The process between paddlewheel and the sandbox: makes the namespaces, starts its PID 1, waits, cleans up.

Started by `sandbox.run` as a fresh interpreter, because a user namespace needs a process with one thread::

    paddlewheel ──> this process ──> PID 1 (`_init`) ──> the program
                    user, pid, ipc,   mounts, reaps
                    uts namespaces

Two pipes join it to paddlewheel. Over `control` come the request (eight bytes of length, JSON), an answer of one byte
once the users are mapped, and then, to PID 1, numbers of signals to pass on, one byte each; its end means that
paddlewheel is gone. Over `status` go JSON lines: ``map`` (please map users), ``mapping`` (what came of it), ``warn``,
``error``; its end without an ``error`` means that the program runs. Standard library only, and little of it.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import sys

from paddlewheel.sandbox import _libc
from paddlewheel.sandbox._failure import MAPPED, Failure
from paddlewheel.sandbox._files import clear, sweep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

BLOCKED = frozenset(
    {
        signal.SIGHUP,
        signal.SIGINT,
        signal.SIGQUIT,
        signal.SIGTERM,
        signal.SIGUSR1,
        signal.SIGUSR2,
        signal.SIGWINCH,
    }
)
"""Signals that are for the program. What lies between blocks them: they arrive through the pipe instead."""

SET_UP_FAILED = 125


def main() -> None:
    """``argv[1:]``: the parent's pid, the file descriptors `control`, `status` and that of the locked folder."""
    parent, control, status, lock = (int(word) for word in sys.argv[1:5])
    try:
        _libc.die_with_parent()
        if os.getppid() != parent:
            os._exit(SET_UP_FAILED)
        signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED)
        os.umask(0o022)
        for handle in (control, status, lock):
            os.set_inheritable(handle, False)
        request = _receive(control)
        code = serve(request, control, status, parent)
    except BaseException as error:
        report_failure(status, failure_of(error))
        code = SET_UP_FAILED
    os._exit(code)


def report(status: int, message: dict[str, Any]) -> None:
    # Closed when the program runs already; nobody reads it then.
    try:
        os.write(status, json.dumps(message).encode() + b"\n")
    except OSError:
        pass


def report_failure(status: int, failure: Failure) -> None:
    report(status, {"error": {"step": failure.step, "errno": failure.errno, "detail": failure.detail}})


def failure_of(error: BaseException) -> Failure:
    """`error` as what can be reported."""
    if isinstance(error, Failure):
        return error
    if isinstance(error, OSError):
        return Failure("set-up", error.errno or 0, str(error.filename or ""))
    return Failure("crash", 0, repr(error))


def _receive(control: int) -> dict[str, Any]:
    left = int.from_bytes(_exactly(control, 8), "big")
    value: dict[str, Any] = json.loads(_exactly(control, left))
    return value


def _exactly(handle: int, size: int) -> bytes:
    parts = []
    while size:
        part = os.read(handle, min(size, 1 << 20))
        if not part:
            os._exit(SET_UP_FAILED)
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def serve(request: dict[str, Any], control: int, status: int, parent: int) -> int:
    """Make the namespaces, run the request in them, and return its exit status."""
    if request.get("probe"):
        from paddlewheel.sandbox._probe import start
    else:
        from paddlewheel.sandbox._init import start

    request["mapping"] = _namespaces(request, control, status)
    report(status, {"mapping": request["mapping"]})
    # Entering a user namespace may have cleared it.
    _libc.die_with_parent()
    if request["mapping"] == "none" and os.getppid() != parent:
        os._exit(SET_UP_FAILED)
    sweep(request["scratch"], keep=request["folder"])
    init = os.fork()
    if init == 0:
        _become_init(start, request, control, status)
    os.close(control)
    os.close(status)
    code = exit_code(os.waitpid(init, 0)[1])
    clear(request["folder"])
    return code


def _become_init(start: Any, request: dict[str, Any], control: int, status: int) -> NoReturn:
    try:
        code = start(request, control, status)
    except BaseException as error:
        report_failure(status, failure_of(error))
        code = SET_UP_FAILED
    os._exit(code)


def exit_code(status: int) -> int:
    """A wait status as shells report it: 128 and the signal's number where one ended the process."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _namespaces(request: dict[str, Any], control: int, status: int) -> str:
    """Unshare; return how users are mapped: ``whole``, ``caller``, or ``none`` without a user namespace."""
    others = _libc.CLONE_NEWPID | _libc.CLONE_NEWIPC | _libc.CLONE_NEWUTS
    if request["network"] == "none":
        others |= _libc.CLONE_NEWNET
    mapping = "none"
    outer = os.geteuid(), os.getegid()
    if request["mapping"] != "none":
        try:
            _libc.unshare(_libc.CLONE_NEWUSER, "user-namespace")
        except Failure:
            # Root needs no user namespace for the rest.
            if outer[0] != 0:
                raise
        else:
            mapping = _map_users(request, control, status, outer)
    _libc.unshare(others, "namespaces")
    return mapping


def _map_users(request: dict[str, Any], control: int, status: int, outer: tuple[int, int]) -> str:
    if request["mapping"] == "whole":
        report(status, {"map": os.getpid()})
        if _exactly(control, 1) == MAPPED:
            # Until now this process was nobody; from here on it is the namespace's root.
            os.setresgid(0, 0, 0)
            os.setresuid(0, 0, 0)
            return "whole"
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{request['uid']} {outer[0]} 1"),
        ("gid_map", f"{request['gid']} {outer[1]} 1"),
    ):
        try:
            handle = os.open(f"/proc/self/{name}", os.O_WRONLY)
            try:
                os.write(handle, text.encode())
            finally:
                os.close(handle)
        except OSError as error:
            if name != "setgroups" or error.errno != errno.ENOENT:
                raise Failure("user-mapping", error.errno or 0, text) from error
    return "caller"
