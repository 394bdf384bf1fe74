"""What the documents tell people to type exists, and what they link to is there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Final

import click
import pytest

from tests.support.checkout import ROOT, tracked_files

PAGES: Final = [path for path in tracked_files() if path.suffix == ".md" and not path.is_relative_to(ROOT / "tests")]
PROMPT: Final = re.compile(r"^\s*\$ (.+?)(?:\s+#.*)?$", re.MULTILINE)
INLINE: Final = re.compile(r"`((?:make|paddlewheel) [^`\n]*)`")
LINK: Final = re.compile(r"\]\((?!https?:|#|mailto:)([^)#]+)")

ids = [str(path.relative_to(ROOT)) for path in PAGES]


def commands(page: Path) -> list[str]:
    """Every command line of a page: after a ``$`` prompt, or in back quotes."""
    text = page.read_text()
    return PROMPT.findall(text) + INLINE.findall(text)


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_the_pages_are_found() -> None:
    assert {"README.md", "CONTRIBUTING.md", "docs/limitations.md"} <= set(ids)
    assert "make quickstart" in commands(ROOT / "README.md")
    assert "paddlewheel lock --check" in commands(ROOT / "README.md")


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_make_targets_exist(page: Path) -> None:
    named = {line.split()[1] for line in commands(page) if line.startswith("make ") and len(line.split()) > 1}
    assert named <= make_targets()


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_paddlewheel_commands_and_options_exist(page: Path) -> None:
    wrong = [problem for line in commands(page) if line.startswith("paddlewheel ") for problem in check(line)]
    assert not wrong


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_links_lead_somewhere(page: Path) -> None:
    assert not [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()]


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("paddlewheel build -t shop:1.2 --locked", False),
        ("paddlewheel run . -e PORT=8000 -- --workers 4", False),
        ("paddlewheel COMMAND --help", False),
        ("paddlewheel bild", True),
        ("paddlewheel build --docked", True),
        ("paddlewheel lock -z", True),
    ],
)
def test_a_wrong_line_would_be_found(line: str, wrong: bool) -> None:
    assert bool(check(line)) is wrong


def check(line: str) -> list[str]:
    """What is wrong with a command line of paddlewheel: a command or an option that does not exist."""
    from paddlewheel.cli.app import root

    context = click.Context(root)
    words = shlex.split(re.split(r"[|>;]", line)[0])[1:]
    command: click.Command | None = root
    if words and not words[0].startswith("-"):
        if words[0].isupper():  # a placeholder
            return []
        command = root.get_command(context, words[0])
    if command is None:
        return [f"{line}: no command {words[0]!r}"]
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    known |= {"-h", "--help"}
    options = [word.partition("=")[0] for word in _before_dashes(words) if word.startswith("-") and word != "-"]
    return [f"{line}: no option {option}" for option in options if option not in known]


def _before_dashes(words: list[str]) -> list[str]:
    return words[: words.index("--")] if "--" in words else words
