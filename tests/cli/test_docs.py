"""docs/cli.md holds what `--help` prints, and every exit status.

``python -m tests.cli.test_docs`` writes the page's blocks anew.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from paddlewheel import errors
from paddlewheel.cli.app import root

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"
BLOCK = re.compile(r"```help (?P<path>[^\n]+)\n(?P<text>.*?)```", re.DOTALL)
TABLE = re.compile(r"(?<=\| status \| error \| what happened \|\n\| --- \| --- \| --- \|\n)(?:\|[^\n]*\n)*")
OWN = (
    (0, "", "it worked; for `run`: what the program said"),
    (129, "", "SIGHUP"),
    (141, "", "whoever read stdout closed it"),
    (143, "", "SIGTERM"),
)
"""Statuses that no class of errors stands for."""


def contexts(command: click.Command, name: str, parent: click.Context | None = None) -> Iterator[click.Context]:
    """A context for each command, at a fixed width."""
    context = click.Context(command, info_name=name, parent=parent, terminal_width=100, **command.context_settings)
    yield context
    if isinstance(command, click.Group):
        for word in command.list_commands(context):
            child = command.get_command(context, word)
            assert child is not None
            yield from contexts(child, word, context)


ALL = {context.command_path: context for context in contexts(root, "paddlewheel")}


def page() -> str:
    """The page as it should be."""
    text = BLOCK.sub(
        lambda match: f"```help {match['path']}\n{ALL[match['path']].get_help().rstrip()}\n```", PAGE.read_text()
    )
    return TABLE.sub(lambda match: statuses(), text)


def statuses() -> str:
    rows = [(number, "", words) for number, _, words in OWN]
    for name, kind in inspect.getmembers(errors, inspect.isclass):
        if issubclass(kind, errors.PaddlewheelError):
            rows.append((kind.exit_status, f"`{name}`", meaning(kind)))
    return "".join(f"| {number} | {name} | {words} |\n" for number, name, words in sorted(rows))


def meaning(kind: type[errors.PaddlewheelError]) -> str:
    if kind is errors.PaddlewheelError:
        return "an error that has no status of its own, or a fault of paddlewheel"
    first = (inspect.getdoc(kind) or "").partition("\n\n")[0]
    return " ".join(first.split()).rstrip(".")


def test_page_is_what_the_command_says() -> None:
    assert PAGE.read_text() == page(), "run `python -m tests.cli.test_docs`"


def test_every_command_and_option_is_on_the_page() -> None:
    text = PAGE.read_text()
    blocks = {match["path"]: match["text"] for match in BLOCK.finditer(text)}
    assert set(blocks) == set(ALL)
    for path, context in ALL.items():
        for parameter in context.command.get_params(context):
            for option in (*parameter.opts, *parameter.secondary_opts):
                if option.startswith("-"):
                    assert re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", blocks[path]), f"{path} {option}"


@pytest.mark.parametrize("path", sorted(ALL))
def test_help_is_worth_reading(path: str) -> None:
    context = ALL[path]
    for parameter in context.command.get_params(context):
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{path} {parameter.opts} has no help"
    assert context.command.help
    lines = context.get_help().splitlines()
    assert max(map(len, lines)) <= 100
    grouped = isinstance(context.command, click.Group)
    assert grouped or path in ("paddlewheel cache dir", "paddlewheel cache size") or "  Examples:" in lines


def test_examples_of_the_help_can_be_parsed() -> None:
    for context in ALL.values():
        for line in (context.command.help or "").splitlines():
            words = line.strip().split("   ")[0].split()
            if words[:1] == ["paddlewheel"] and len(words) > 1:
                parse(words[1:])


def parse(words: list[str]) -> None:
    """Raise when the command line `words`, up to a pipe or redirection, does not parse."""
    for stop in ("|", ">"):
        if stop in words:
            words = words[: words.index(stop)]
    command: click.Command = root
    parent = click.Context(root, info_name="paddlewheel")
    while isinstance(command, click.Group) and words:
        child = command.get_command(parent, words[0])
        assert child is not None, words
        command, words = child, words[1:]
    command.make_context("x", list(words), parent=parent)


if __name__ == "__main__":
    PAGE.write_text(page())


def test_no_summary_is_cut_at_eighty_columns() -> None:
    context = click.Context(root, info_name="paddlewheel", terminal_width=80)
    assert "..." not in root.get_help(context).partition("Commands:")[2]
