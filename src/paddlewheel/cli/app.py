"""The command group. A command's module is imported only when the command is named."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import import_module
from typing import Final

import click

from paddlewheel import __version__
from paddlewheel.cli import failures, signals
from paddlewheel.cli.terminal import Terminal
from paddlewheel.errors import UsageError

COMMANDS: Final = ("build", "run", "plan", "lock", "cache", "doctor", "completion")
"""In the order of `--help`. Each is the name of a module in this package, whose `command` it is."""

PROGRAM: Final = "paddlewheel"
COMPLETE: Final = "_PADDLEWHEEL_COMPLETE"
"""The variable that a shell's completion script sets."""


class LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"paddlewheel.cli.{cmd_name}").command
        assert isinstance(command, click.Command)  # noqa: S101
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise unknown(args[0], COMMANDS)
        return super().resolve_command(ctx, args)


def unknown(word: str, known: Sequence[str]) -> UsageError:
    """The error for a command that does not exist, with the nearest that does."""
    from difflib import get_close_matches

    near = get_close_matches(word, known, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"the commands are {', '.join(known)}"
    return UsageError(f"there is no command {word!r}", hint=hint)


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    subcommand_metavar="COMMAND [ARGS]...",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Errors end with a `hint:` line and an exit status of their own; docs/cli.md lists them. "
    "PADDLEWHEEL_DEBUG=1 adds the traceback.",
)
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.pass_context
def root(ctx: click.Context) -> int:
    """From a Python project to a slim, reproducible container image, in seconds, without Docker.

    \b
      paddlewheel build                    the project in this folder, into dist/
      paddlewheel build -o docker-daemon:shop:1.2
      paddlewheel run                      build it and start it, rootless
      paddlewheel doctor                   what this machine can do
    """
    if ctx.invoked_subcommand is None:
        terminal: Terminal = ctx.obj
        terminal.line(ctx.get_help())
        return UsageError.exit_status
    return 0


def run(words: Sequence[str], terminal: Terminal | None = None) -> int:
    """Run a command line in this process; return the exit status."""
    terminal = terminal or Terminal.of_process()
    if COMPLETE in os.environ:
        from click.shell_completion import shell_complete

        return shell_complete(root, {}, PROGRAM, COMPLETE, os.environ[COMPLETE])
    try:
        # Not `root.main`: it would turn KeyboardInterrupt, and with it `Terminated`, into an exception of its own.
        return _invoke(words, terminal)
    except click.exceptions.Exit as error:
        return error.exit_code
    except BaseException as error:
        status = failures.report(error, terminal)
        if isinstance(error, KeyboardInterrupt):
            signals.leave_at_once(status)
        return status


def _invoke(words: Sequence[str], terminal: Terminal) -> int:
    with signals.unwinding(), root.make_context(PROGRAM, list(words), obj=terminal) as ctx:
        status = root.invoke(ctx)
    return status if isinstance(status, int) else 0
