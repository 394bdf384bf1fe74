"""docs/base.md tells what is left out, all of it."""

from __future__ import annotations

import pytest

from paddlewheel.debian.filters import RULES, Rule
from paddlewheel.debian.model import SUITES
from paddlewheel.debian.omitted import OMITTED, OMITTED_FOR
from tests.support.checkout import ROOT

PAGE = (ROOT / "docs/base.md").read_text()
EDGES = [
    (f"`{package}`", f"`{dependent}`", why)
    for dependent, table in OMITTED_FOR.items()
    for package, why in table.items()
]


@pytest.mark.parametrize("row", [(f"`{name}`", "any", why) for name, why in OMITTED.items()] + EDGES)
def test_every_omitted_dependency_is_told(row: tuple[str, str, str]) -> None:
    assert f"| {' | '.join(row)} |\n" in PAGE


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.reason is not None])
def test_every_filter_is_told(rule: Rule) -> None:
    assert f"| {rule.name} | {rule.reason} |\n" in PAGE


@pytest.mark.parametrize("suite", SUITES)
def test_every_suite_is_told(suite: str) -> None:
    assert f"| `{suite}`" in PAGE
