"""The error tree: one exit status for each class, and a page that says so."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from paddlewheel import errors
from paddlewheel.errors import PaddlewheelError

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"


def classes() -> list[type[PaddlewheelError]]:
    found = [value for _, value in inspect.getmembers(errors, inspect.isclass)]
    return [value for value in found if issubclass(value, PaddlewheelError)]


def depth(cls: type[PaddlewheelError]) -> int:
    return cls.__mro__.index(PaddlewheelError)


def test_every_class_has_an_exit_status_of_its_own() -> None:
    statuses = [cls.exit_status for cls in classes()]
    assert len(set(statuses)) == len(statuses)
    assert all(0 < status < 256 for status in statuses)
    assert all("exit_status" in vars(cls) for cls in classes())


def test_every_class_says_what_it_means() -> None:
    assert all(cls.__doc__ for cls in classes())


def test_the_docstring_draws_the_tree() -> None:
    drawn = re.findall(r"^ {4}([│├└─ ]*)(\w+) +(\d+)", errors.__doc__ or "", re.MULTILINE)
    told = {(name, int(status), len(indent) // 4) for indent, name, status in drawn}
    assert told == {(cls.__name__, cls.exit_status, depth(cls)) for cls in classes()}


def test_the_page_lists_every_exit_status() -> None:
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \|", PAGE.read_text(), re.MULTILINE)
    assert [(int(status), name) for status, name in rows] == sorted(
        (cls.exit_status, cls.__name__) for cls in classes()
    )


def test_message_and_hint_are_kept() -> None:
    error = errors.WheelError("a.whl: no RECORD", hint="build it again")
    assert (str(error), error.message, error.hint) == ("a.whl: no RECORD", "a.whl: no RECORD", "build it again")
