"""Docker's file patterns: those of .dockerignore, and of the `files` setting. Pure.

Source: Docker's build context documentation, and the behaviour of moby's patternmatcher as BuildKit's walk uses
it (`MatchesUsingParentResults`), quirks included, because people write these files until Docker does what they
want. A pattern matches a path from the root on; a folder that matches takes everything below with it; `!` makes
an exception; the last pattern that matches decides.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Final, NamedTuple


class BadPattern(ValueError):
    """Why a pattern has no meaning."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """One cleaned pattern, and the regular expression that a whole path must match."""

    text: str
    regex: str
    exception: bool = False

    @classmethod
    def parse(cls, line: str) -> Pattern:
        """Raise `BadPattern`. A leading ``/`` says nothing: every pattern begins at the root."""
        text = line.strip()
        exception = text.startswith("!")
        if exception:
            text = text[1:].strip()
        if not text:
            raise BadPattern("a pattern was expected")
        text = posixpath.normpath(text)
        if len(text) > 1:
            text = text.lstrip("/") or "/"
        return cls(text, translate(text), exception)


def read_ignore(text: str) -> list[tuple[int, str]]:
    """The patterns of a .dockerignore, each with its line number. `#` begins a comment in the first column only."""
    lines = enumerate(text.removeprefix("\ufeff").splitlines(), 1)
    return [(number, line.strip()) for number, line in lines if line.strip() and not line.startswith("#")]


def translate(pattern: str) -> str:
    """A regular expression for the whole path. Raise `BadPattern` where Go's filepath.Match finds a fault."""
    if pattern.startswith("**") and not re.search(r"[*?\[\]\\]", pattern[2:]):
        # moby compares ends here, so that `**file` matches `myfile` too, while `**/file` does not.
        rest = pattern[2:]
        return "(?:.*/)?" + re.escape(rest[1:]) if rest.startswith("/") else ".*" + re.escape(rest)
    out = []
    position = 0
    while position < len(pattern):
        piece, position = _piece(pattern, position)
        out.append(piece)
    return "".join(out)


def _piece(pattern: str, position: int) -> tuple[str, int]:
    """The expression for what stands at `position`, and the position after it."""
    char = pattern[position]
    if pattern.startswith("**", position):
        position += 2
        if pattern.startswith("/", position):
            position += 1
        # `**` at the end takes everything; elsewhere any number of folders, none included.
        return (".*", position) if position == len(pattern) else ("(?:.*/)?", position)
    if char == "*":
        return "[^/]*", position + 1
    if char == "?":
        return "[^/]", position + 1
    if char == "\\":
        if position + 1 == len(pattern):
            raise BadPattern("a backslash at the end")
        return re.escape(pattern[position + 1]), position + 2
    if char == "[":
        return _class(pattern, position + 1)
    return re.escape(char), position + 1


def _class(pattern: str, position: int) -> tuple[str, int]:
    """A character class by the rules of Go's filepath.Match: `^` negates, `-` and `]` inside need a backslash."""
    negated = pattern.startswith("^", position)
    position += negated
    ranges: list[str] = []
    while not (ranges and pattern.startswith("]", position)):
        low, position = _class_char(pattern, position)
        high = low
        if pattern.startswith("-", position):
            high, position = _class_char(pattern, position + 1)
        if low > high:
            raise BadPattern(f"the range {low}-{high} is empty")
        ranges.append(f"{re.escape(low)}-{re.escape(high)}")
    return f"[{'^' if negated else ''}{''.join(ranges)}]", position + 1


def _class_char(pattern: str, position: int) -> tuple[str, int]:
    if pattern.startswith("\\", position):
        position += 1
    elif pattern.startswith(("-", "]"), position):
        raise BadPattern(f"`{pattern[position]}` in [...] needs a backslash")
    if position >= len(pattern):
        raise BadPattern("`[` without `]`")
    return pattern[position], position + 1


class _Segment(NamedTuple):
    """Consecutive patterns of one polarity, as one expression: which of them matches makes no difference."""

    exception: bool
    regex: re.Pattern[str]


Matched = tuple[bool, ...]
"""For one folder: whether each segment matched it or a folder above. What its members are matched with."""


class Matcher:
    """Patterns in order, asked folder by folder from the root down, as Docker walks."""

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        ordered = list(patterns)
        self._segments = [
            _Segment(exception, re.compile("|".join(f"(?:{pattern.regex})" for pattern in group), re.DOTALL))
            for exception, group in groupby(ordered, key=lambda pattern: pattern.exception)
        ]
        self._exceptions = [Reach(pattern) for pattern in ordered if pattern.exception]
        self.root: Final[Matched] = (False,) * len(self._segments)
        """What the members of the root are matched with."""

    def match(self, path: str, parent: Matched) -> tuple[bool, Matched]:
        """Whether `path` matches, and what its own members are to be matched with."""
        matched = False
        results = []
        for (exception, regex), result in zip(self._segments, parent, strict=True):
            # A segment that can change nothing is not asked, and Docker's walk remembers that as "no match".
            if not result and exception == matched:
                result = regex.fullmatch(path) is not None
            if result:
                matched = not exception
            results.append(result)
        return matched, tuple(results)

    def may_except_below(self, folder: str) -> bool:
        """Whether an exception could match something in `folder`: if not, a walk need not enter it."""
        return any(reach.below(folder) for reach in self._exceptions)


class Reach:
    """What one pattern matches with everything below it, and which folders lead there."""

    def __init__(self, pattern: Pattern) -> None:
        self._covers = re.compile(f"(?:{pattern.regex})(?:/.*)?", re.DOTALL)
        # A component with one of these may span several.
        self._components = (
            None
            if re.search(r"\*\*|\[|\\", pattern.text)
            else [re.compile(translate(part), re.DOTALL) for part in pattern.text.split("/")]
        )

    def covers(self, path: str) -> bool:
        """Whether the pattern matches `path` or a folder on the way to it."""
        return self._covers.fullmatch(path) is not None

    def below(self, folder: str) -> bool:
        """Whether the pattern may match something inside `folder` without matching the folder."""
        if self._components is None:
            return True
        parts = folder.split("/")
        return len(self._components) > len(parts) and all(
            component.fullmatch(part) for component, part in zip(self._components, parts, strict=False)
        )
