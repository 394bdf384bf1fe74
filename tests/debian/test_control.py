"""Control paragraphs and relations."""

from __future__ import annotations

import pytest

from paddlewheel.debian.control import Relation, parse_paragraph, parse_paragraphs, parse_relations
from paddlewheel.errors import DebianError


def test_relations_of_all_forms() -> None:
    text = "libc6 (>= 2.36), libfoo:any | bar (<< 2~),\n python3:any (>=3.11~) , x [amd64] <!nocheck>, "
    text += "old (< 2), new (> 1),"
    assert parse_relations(text) == (
        (Relation("libc6", ">=", "2.36"),),
        (Relation("libfoo", qualifier="any"), Relation("bar", "<<", "2~")),
        (Relation("python3", ">=", "3.11~", "any"),),
        (Relation("x"),),
        (Relation("old", "<=", "2"),),
        (Relation("new", ">=", "1"),),
    )


@pytest.mark.parametrize("text", ["libc6 (2.36)", "a b", "(>= 1)", "$x"])
def test_what_is_no_relation_is_refused(text: str) -> None:
    with pytest.raises(DebianError, match="no relation"):
        parse_relations(text)


def test_an_unversioned_provides_meets_no_constraint() -> None:
    assert Relation("mta").accepts_provided(None)
    assert not Relation("mta", ">=", "1").accepts_provided(None)
    assert Relation("mta", ">=", "1").accepts_provided("2")


def test_paragraphs_fold() -> None:
    text = "Package: a\nDescription: short\n long\n .\n# comment\nEmpty:\n\n\nPackage: b\n"
    assert parse_paragraphs(text) == [
        {"Package": "a", "Description": "short\nlong\n.", "Empty": ""},
        {"Package": "b"},
    ]


@pytest.mark.parametrize("text", [" starts folded", "no colon"])
def test_what_is_no_paragraph_is_refused(text: str) -> None:
    with pytest.raises(DebianError):
        parse_paragraph(text)
