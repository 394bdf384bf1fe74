"""Signals on their way to the program, and the terminal that it may share with paddlewheel.

At a terminal, the program is in paddlewheel's own process group: Ctrl-C, Ctrl-\\, Ctrl-Z and a change of the window's
size reach it from the kernel, so those that the kernel sent are not passed on again. Without a terminal, it is in a
group of its own, and each signal that paddlewheel gets is passed on.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Final

FORWARDED: Final = frozenset(
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

_KEYS: Final = frozenset({signal.SIGINT, signal.SIGQUIT, signal.SIGWINCH})
"""Signals that a terminal sends to the whole group. It hangs up on the session's leader alone."""

_SI_KERNEL: Final = 0x80
"""`si_code` of a signal that the terminal's driver sent (sigaction(2))."""

_TURN: Final = 1.0
"""Seconds between looks at the process, should another thread have swallowed its SIGCHLD."""


def has_terminal() -> bool:
    """Whether paddlewheel is in the foreground of its controlling terminal."""
    try:
        handle = os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return any(os.isatty(number) for number in (0, 1, 2)) and os.tcgetpgrp(handle) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(handle)


def restore_terminal() -> None:
    """Take the terminal back from a shell in the sandbox that has put itself into the foreground."""
    with suppress(OSError):
        handle = os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC | os.O_NOCTTY)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
        try:
            if os.tcgetpgrp(handle) != os.getpgrp():
                os.tcsetpgrp(handle, os.getpgrp())
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            os.close(handle)


@contextmanager
def blocked() -> Iterator[None]:
    """Hold back the signals that are for the program, from before it starts until it has ended.

    In another thread than the main one, this only keeps them from the sandbox's own processes.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {*FORWARDED, signal.SIGCHLD})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def released() -> Iterator[None]:
    """Within `blocked`: let signals act on paddlewheel for the time of long work before the program starts."""
    before = signal.pthread_sigmask(signal.SIG_UNBLOCK, {*FORWARDED, signal.SIGCHLD})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def pass_on(
    process: subprocess.Popen[bytes],
    send: Callable[[int], None],
    timeout: float | None,
    *,
    from_terminal: bool,
) -> bool:
    """Wait for `process`, passing signals on; those of the terminal's keys only when told so. False: time is over."""
    if threading.current_thread() is not threading.main_thread():
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        return True
    with _handlers(send):
        try:
            return _wait(process, send, timeout, from_terminal=from_terminal)
        finally:
            # What came for the program while it ended must not hit paddlewheel afterwards.
            while signal.sigtimedwait(FORWARDED, 0) is not None:
                pass


def _wait(
    process: subprocess.Popen[bytes], send: Callable[[int], None], timeout: float | None, *, from_terminal: bool
) -> bool:
    deadline = None if timeout is None else time.monotonic() + timeout
    while process.poll() is None:
        left = _TURN if deadline is None else min(_TURN, deadline - time.monotonic())
        if left <= 0:
            return False
        info = signal.sigtimedwait({*FORWARDED, signal.SIGCHLD}, left)
        if info is None or info.si_signo == signal.SIGCHLD:
            continue
        reached = info.si_signo in _KEYS and info.si_code == _SI_KERNEL and not from_terminal
        if not reached:
            send(info.si_signo)
    return True


@contextmanager
def _handlers(send: Callable[[int], None]) -> Iterator[None]:
    """Where other threads run, the kernel may hand them the signals, and Python calls these handlers then."""

    def handle(number: int, frame: FrameType | None) -> None:
        send(number)

    before = {number: signal.getsignal(number) for number in FORWARDED}
    for number in FORWARDED:
        if before[number] is not signal.SIG_IGN:
            signal.signal(number, handle)
    try:
        yield
    finally:
        for number, old in before.items():
            # None: not installed from Python, cannot be put back.
            if old is not None:
                signal.signal(number, old)
