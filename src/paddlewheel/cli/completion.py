"""``paddlewheel completion``"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from paddlewheel.cli.terminal import Terminal


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_obj
def command(terminal: Terminal, shell: str) -> int:
    """Print a shell's completion script.

    It completes commands and options.

    \b
    Examples:
      eval "$(paddlewheel completion bash)"         in ~/.bashrc
      eval "$(paddlewheel completion zsh)"          in ~/.zshrc
      paddlewheel completion fish > ~/.config/fish/completions/paddlewheel.fish
    """
    from click.shell_completion import get_completion_class

    from paddlewheel.cli.app import COMPLETE, PROGRAM, root

    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101
    terminal.data(kind(root, {}, PROGRAM, COMPLETE).source())
    return 0
