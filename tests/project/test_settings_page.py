"""The dataclass, the parser, the JSON schema and docs/settings.md say the same."""

from __future__ import annotations

import json
import math
import re
import tomllib
from dataclasses import MISSING, fields
from importlib import resources
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paddlewheel.debian.model import SUITES
from paddlewheel.errors import SettingsError
from paddlewheel.project.fields import SIGNALS, At
from paddlewheel.project.health import KEYS
from paddlewheel.project.model import Settings
from paddlewheel.project.settings import PARSERS, parse

PAGE: Final = (Path(__file__).parents[2] / "docs" / "settings.md").read_text(encoding="utf-8")
SCHEMA: Final[dict[str, Any]] = json.loads(
    resources.files("paddlewheel.project").joinpath("settings.schema.json").read_text(encoding="utf-8")
)
VALIDATOR: Final = jsonschema.Draft202012Validator(SCHEMA)
SECTIONS: Final = {match[1]: match[2] for match in re.finditer(r"(?ms)^## ([a-z-]+)\n(.*?)(?=^## |\Z)", PAGE)}
EXAMPLES: Final = [
    (key, example) for key, text in SECTIONS.items() for example in re.findall(r"(?s)```toml\n(.*?)```", text)
]


def accepted(table: dict[str, Any]) -> bool:
    try:
        parse(table, At("pyproject.toml", "tool.paddlewheel"))
    except SettingsError:
        return False
    return True


def test_all_four_have_the_same_keys() -> None:
    keys = [field.name.replace("_", "-") for field in fields(Settings)]
    assert list(PARSERS) == keys
    assert list(SCHEMA["properties"]) == keys
    assert list(SECTIONS) == keys
    assert re.findall(r"(?m)^\| \[`([a-z-]+)`\]\(#", PAGE) == keys
    assert tuple(SCHEMA["properties"]["healthcheck"]["properties"]) == KEYS


def test_lists_of_names_agree() -> None:
    assert SCHEMA["properties"]["base"]["enum"] == ["distroless", *(f"distroless:{suite}" for suite in SUITES)]
    assert SCHEMA["properties"]["stop-signal"]["enum"] == list(SIGNALS)
    for suite, version in SUITES.items():
        assert re.search(rf"`{suite}` \((?:Python )?{'.'.join(map(str, version))}\)", SECTIONS["base"])


def test_defaults_agree() -> None:
    for field in fields(Settings):
        default = field.default_factory() if field.default_factory is not MISSING else field.default
        schema = SCHEMA["properties"][field.name.replace("_", "-")]
        plain = list(default) if isinstance(default, tuple) else default
        assert schema.get("default") == plain, field.name
        if isinstance(default, bool | int):
            row = f"| [`{field.name.replace('_', '-')}`](#{field.name.replace('_', '-')}) | `{json.dumps(default)}` |"
            assert row in PAGE


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(("key", "text"), EXAMPLES)
def test_examples_on_the_page_hold(key: str, text: str) -> None:
    table = tomllib.loads(text)
    assert key in table
    VALIDATOR.validate(table)
    assert accepted(table)


def test_every_key_has_an_example() -> None:
    assert {key for key, _ in EXAMPLES} == set(PARSERS)


_STRICTER: Final = frozenset(
    {
        # What a regular expression cannot say, or not legibly: `..` in the middle, ports as text, ids out of range, the
        # same pattern written twice, a pattern's brackets, a time of zero.
        *("lock", "expose", "user", "files", "healthcheck", "volumes"),
    }
)
_TEXT = st.text(alphabet="aB1-_./: :!=[]*3", max_size=8) | st.sampled_from(
    [
        "distroless",
        "3.12",
        "SIGINT",
        "nonroot",
        "8000/tcp",
        "/data",
        "https://example.org/x",
        "libpq5",
        "CMD",
        "1m",
        "\0",
    ]
)
_NUMBERS = st.booleans() | st.integers(-2, 130) | st.floats(allow_nan=False).filter(lambda number: number % 1 != 0)
_VALUES = st.recursive(
    _TEXT | _NUMBERS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | _TEXT, inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from([*PARSERS, "unknown", "stop_signal"]), _VALUES)
def test_schema_and_parser_agree_on_any_value(key: str, value: Any) -> None:
    valid = VALIDATOR.is_valid({key: value})
    if accepted({key: value}):
        assert valid
    elif key not in _STRICTER:
        assert not valid


@given(st.sampled_from(EXAMPLES), st.data())
def test_schema_and_parser_agree_on_spoilt_examples(example: tuple[str, str], data: st.DataObject) -> None:
    key, text = example
    table = tomllib.loads(text)
    value = table[key]
    spoilt: Any = data.draw(_VALUES)
    if isinstance(value, dict) and data.draw(st.booleans()):
        spoilt = value | {data.draw(st.sampled_from([*value, "extra"])): spoilt}
    elif isinstance(value, list) and data.draw(st.booleans()):
        spoilt = [*value, spoilt]
    spoilt_table = {key: spoilt}
    valid = VALIDATOR.is_valid(spoilt_table)
    if accepted(spoilt_table):
        assert valid
    elif key not in _STRICTER:
        assert not valid


def test_infinity_is_no_time_for_either() -> None:
    for value in (math.inf, -math.inf):
        table = {"healthcheck": {"http": "/", "interval": value}}
        assert not accepted(table)
        assert not VALIDATOR.is_valid(table)
