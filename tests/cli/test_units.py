from __future__ import annotations

import pytest

from paddlewheel.cli import units
from paddlewheel.errors import UsageError


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (99_900, "99.9 kB"),
        (99_960, "100 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (17_500_000, "17.5 MB"),
        (508_000_000, "508 MB"),
        (1_234_000_000, "1.2 GB"),
        (3e15, "3000 TB"),
    ],
)
def test_size(count: float, text: str) -> None:
    assert units.size(count) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.004, "0.00 s"),
        (0.14, "0.14 s"),
        (0.996, "1.0 s"),
        (1.94, "1.9 s"),
        (9.96, "10 s"),
        (59.6, "1 min 0 s"),
        (185, "3 min 5 s"),
    ],
)
def test_seconds(value: float, text: str) -> None:
    assert units.seconds(value) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5GB", 5 * 10**9),
        ("5 gb", 5 * 10**9),
        ("1.5M", 1_500_000),
        ("512MiB", 512 * 1024**2),
        ("1000B", 1000),
        ("0", 0),
    ],
)
def test_parse_size(text: str, value: int) -> None:
    assert units.parse_size(text) == value


@pytest.mark.parametrize(
    ("text", "value"), [("30d", 30 * 86400), ("12h", 43200), ("2w", 14 * 86400), ("90m", 5400), ("5S", 5)]
)
def test_parse_age(text: str, value: float) -> None:
    assert units.parse_age(text) == value


@pytest.mark.parametrize("text", ["", "GB", "5XB", "-1GB", "1e9", "٣GB", "5GB5"])
def test_no_size(text: str) -> None:
    with pytest.raises(UsageError, match="is no size"):
        units.parse_size(text)


@pytest.mark.parametrize("text", ["", "d", "-1d", "1y", "30 days"])
def test_no_age(text: str) -> None:
    with pytest.raises(UsageError, match="is no age"):
        units.parse_age(text)


def test_a_bare_number_has_no_unit() -> None:
    for parse, hint in ((units.parse_size, "5GB, 5MB or 5MiB"), (units.parse_age, "5d, 5h or 5w")):
        with pytest.raises(UsageError, match="'5' has no unit") as caught:
            parse("5")
        assert caught.value.hint == f"write it as {hint}"


def test_count() -> None:
    assert units.count(1, "layer") == "1 layer"
    assert units.count(0, "layer") == "0 layers"
    assert units.count(2, "entry", "entries") == "2 entries"
