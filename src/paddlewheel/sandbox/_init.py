"""PID 1 of the sandbox: mounts the root file system, starts the program, passes signals on, reaps orphans.

The program is not PID 1 itself, because the kernel drops signals that PID 1 has no handler for: a program that
counts on SIGTERM's default would not end.
"""

from __future__ import annotations

import errno
import os
import select
import signal

from paddlewheel.sandbox import _child, _libc
from paddlewheel.sandbox._failure import Failure
from paddlewheel.sandbox._mounts import build_root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

_KEPT = frozenset({0, 1, 3, 4, 5, 6, 7, 8, 10, 18, 31})
"""Capabilities that a program running as root keeps (capabilities(7)): chown, dac_override, fowner, fsetid, kill,
setgid, setuid, setpcap, net_bind_service, sys_chroot, setfcap. As Docker, without devices, raw sockets and audit."""

_PARENT_GONE = 137
_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def start(request: dict[str, Any], control: int, status: int) -> int:
    """Prepare everything, start the program, and return its exit status."""
    _libc.die_with_parent()
    _libc.unshare(_libc.CLONE_NEWNS, "namespaces")
    if request["network"] == "none":
        _libc.loopback_up()
    root = build_root(request, lambda text: _child.report(status, {"warn": text}))
    if request["hostname"] is not None:
        _libc.set_hostname(request["hostname"])
    wake = _wake_on_child()
    _libc.enter_root(root)
    program = os.fork()
    if program == 0:
        _become_program(request, status)
    os.close(status)
    return _attend(program, control, wake)


def _wake_on_child() -> int:
    """A descriptor that becomes readable when a child has ended."""
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
    return reader


def _attend(program: int, control: int, wake: int) -> int:
    poll = select.poll()
    poll.register(control, select.POLLIN)
    poll.register(wake, select.POLLIN)
    while True:
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == program:
                # The kernel ends whatever else runs here when PID 1 ends.
                return _child.exit_code(status)
            if pid == 0:
                break
        for handle, _ in poll.poll():
            data = os.read(handle, 64)
            if handle == wake:
                continue
            if not data:
                return _PARENT_GONE
            for number in data:
                os.kill(program, number)


def _become_program(request: dict[str, Any], status: int) -> NoReturn:
    try:
        _become_user(request)
        _prepare(request)
        _execute(request["argv"], dict(request["env"]))
    except BaseException as error:
        _child.report_failure(status, _child.failure_of(error))
    os._exit(_child.SET_UP_FAILED)


def _become_user(request: dict[str, Any]) -> None:
    uid, gid = request["uid"], request["gid"]
    _libc.limit_capabilities(_KEPT)
    if request["mapping"] != "caller":
        try:
            _set_groups(request["groups"])
            os.setresgid(gid, gid, gid)
            os.setresuid(uid, uid, uid)
        except OSError as error:
            raise Failure("user", error.errno or 0, f"{uid}:{gid}") from error
    if uid != 0:
        _libc.drop_capabilities()
    _libc.no_new_privileges()


def _set_groups(groups: list[int]) -> None:
    try:
        os.setgroups(groups)
    except PermissionError:
        # A container without users of its own, in which nobody may leave a group, and root sees no other.
        if groups:
            raise


def _prepare(request: dict[str, Any]) -> None:
    try:
        os.chdir(request["cwd"])
    except OSError as error:
        raise Failure("cwd", error.errno or 0, request["cwd"]) from error
    # Python ignores these two; a program expects the defaults.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    signal.set_wakeup_fd(-1)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _execute(argv: list[str], env: dict[str, str]) -> NoReturn:
    name = argv[0]
    places = [name]
    if "/" not in name:
        places = [f"{folder or '.'}/{name}" for folder in env.get("PATH", _DEFAULT_PATH).split(":")]
    refused = Failure("missing", errno.ENOENT, name)
    for place in places:
        try:
            os.execve(place, argv, env)  # noqa: S606
        except (FileNotFoundError, NotADirectoryError) as error:
            if os.path.exists(place):
                # It is there, but what it names in its first line or ELF header is not.
                refused = Failure("interpreter", error.errno or 0, place)
        except OSError as error:
            refused = Failure("execute", error.errno or 0, place)
    raise refused
