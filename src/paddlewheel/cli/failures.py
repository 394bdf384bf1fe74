"""What a command raises becomes `error:` and `hint:` lines on stderr, and an exit status."""

from __future__ import annotations

import errno
import os
import select
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from paddlewheel.cli.signals import Terminated
from paddlewheel.cli.terminal import ReaderGone, told
from paddlewheel.errors import Interrupted, PaddlewheelError, StorageError, UsageError

if TYPE_CHECKING:
    from paddlewheel.cli.terminal import Terminal

DEBUG: Final = "PADDLEWHEEL_DEBUG"
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


def report(error: BaseException, terminal: Terminal) -> int:
    """Say what `error` means to the user; return the exit status."""
    if isinstance(error, ReaderGone) or (isinstance(error, BrokenPipeError) and _reader_gone()):
        _forget_stdout()
        return 128 + signal.SIGPIPE
    if os.environ.get(DEBUG, "") not in ("", "0"):
        import traceback

        terminal.line(told("".join(traceback.format_exception(error)).rstrip()))
    meant, status = explain(error)
    show(meant, terminal)
    return status


def show(error: PaddlewheelError, terminal: Terminal) -> None:
    """The `error:` line and the `hint:` lines."""
    terminal.line(f"{terminal.paint('error:', 'red')} {told(error.message)}")
    for line in (error.hint or "").splitlines():
        terminal.line(f"{terminal.paint('hint:', 'cyan')} {told(line)}")


def explain(error: BaseException) -> tuple[PaddlewheelError, int]:
    """`error` in the user's terms, and the exit status for it."""
    if isinstance(error, PaddlewheelError):
        return error, error.exit_status
    if isinstance(error, Terminated):
        name = signal.Signals(error.number).name
        return Interrupted(f"stopped by {name}; nothing half-written is left"), 128 + error.number
    if isinstance(error, KeyboardInterrupt):
        return Interrupted("interrupted; nothing half-written is left"), Interrupted.exit_status
    meant = _usage(error) or _storage(error) or _unexpected(error)
    return meant, meant.exit_status


def _usage(error: BaseException) -> PaddlewheelError | None:
    import click

    if isinstance(error, click.Abort):
        return Interrupted("interrupted")
    if not isinstance(error, click.ClickException):
        return None
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "paddlewheel"
    return UsageError(_sentence(error.format_message()), hint=f"`{command} --help` lists what there is")


def _sentence(text: str) -> str:
    """click's sentence in the style of our own messages."""
    return (text[:1].lower() + text[1:]).rstrip(".") if text[1:2].islower() else text.rstrip(".")


def _storage(error: BaseException) -> PaddlewheelError | None:
    if isinstance(error, MemoryError):
        return StorageError(
            "not enough memory", hint="close other programs, or raise the memory limit of this container or job"
        )
    if isinstance(error, OSError) and error.errno in _FULL:
        return StorageError(
            f"no space left on the disk that holds {error.filename or 'the output or the cache'}",
            hint="free some space, run `paddlewheel cache prune`, or set PADDLEWHEEL_CACHE_DIR to another disk",
        )
    return None


def _unexpected(error: BaseException) -> PaddlewheelError:
    return PaddlewheelError(
        f"unexpected {type(error).__name__} {_place(error)}: {error}".removesuffix(": "),
        hint=f"this is a fault of paddlewheel; {DEBUG}=1 shows the traceback to report",
    )


def _place(error: BaseException) -> str:
    """The innermost line of paddlewheel's own code that `error` passed through."""
    import traceback

    home = Path(__file__).resolve().parent.parent
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(home)] or frames
    if not ours:
        return "somewhere"
    path = Path(ours[-1].filename)
    shown = path.relative_to(home.parent) if path.is_relative_to(home) else path.name
    return f"at {shown}:{ours[-1].lineno}"


def _reader_gone() -> bool:
    """Whether the broken pipe is our stdout: click writes its help there itself."""
    poll = select.poll()
    try:
        poll.register(sys.stdout.fileno(), 0)
    except (OSError, ValueError):
        return False
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def _forget_stdout() -> None:
    """Python flushes stdout when it exits; without a reader that would fail again, with a traceback."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
