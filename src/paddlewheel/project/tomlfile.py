"""Reading a TOML file, with errors that give file, line and column; and words for what was found instead."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from paddlewheel.errors import PaddlewheelError, ProjectError

_PLACE = re.compile(r"(?s)(?P<what>.*) \(at line (?P<line>\d+), column (?P<column>\d+)\)$")


def load(path: Path, error: type[PaddlewheelError] = ProjectError) -> dict[str, Any]:
    """The tables of a TOML file. Raise `error` where it cannot be read or is not TOML."""
    text = read_text(path, error)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        place = _PLACE.match(str(fault))
        if place is None:
            raise error(f"{path.name}: no valid TOML: {fault}", hint=f"correct {path}") from fault
        line, column = place["line"], place["column"]
        raise error(
            f"{path.name}:{line}:{column}: no valid TOML: {place['what']}",
            hint=f"correct line {line} of {path}",
        ) from fault


def read_text(path: Path, error: type[PaddlewheelError] = ProjectError) -> str:
    """The text of a UTF-8 file. Raise `error`, naming the file, for everything else."""
    try:
        data = path.read_bytes()
    except OSError as fault:
        raise error(f"{path} cannot be read: {fault.strerror}", hint="make it a readable file") from fault
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as fault:
        line = data.count(b"\n", 0, fault.start) + 1
        raise error(f"{path.name}:{line}: not UTF-8", hint=f"save {path} as UTF-8") from fault


def kind_of(value: object) -> str:
    """What a TOML value is, in words, with its article."""
    names: tuple[tuple[type, str], ...] = (
        (bool, "a boolean"),
        (int, "an integer"),
        (float, "a number"),
        (str, "a string"),
        (list, "a list"),
        (dict, "a table"),
    )
    return next((name for kind, name in names if isinstance(value, kind)), "a date or time")


def nearest(word: str, words: Iterable[str]) -> str | None:
    """The one of `words` that `word` was most likely meant to be."""
    known = list(words)
    folded = {re.sub(r"[-_ ]", "", known_word.lower()): known_word for known_word in known}
    same = folded.get(re.sub(r"[-_ ]", "", word.lower()))
    if same:
        return same
    from difflib import get_close_matches

    close = get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    return close[0] if close else None
