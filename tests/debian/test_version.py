"""Debian versions sort as dpkg sorts them."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paddlewheel.debian.version import satisfies, version_key
from tests.support.need import need_program

ASCENDING = [
    "0~~",
    "0~",
    "0",
    "0.0.1~alpha",
    "0.9",
    "1.0~rc1-1",
    "1.0~rc1+b1-1",
    "1.0-0.1",
    "1.0-1",
    "1.0-1+b1",
    "1.0-1+deb12u1",
    "1.0-1+deb12u10",
    "1.0-2",
    "1.0-10",
    "1.0a-1",
    "1.0+dfsg-1",
    "1.0.1-1",
    "1.1",
    "1.10",
    "1:0.1",
    "2:0",
]


def test_known_versions_ascend() -> None:
    descending = ASCENDING[::-1]
    assert sorted(descending, key=version_key) == ASCENDING


@pytest.mark.parametrize(("left", "right"), [("1.0", "1.0-0"), ("0:1.0", "1.0"), ("1.00", "1.0"), ("1.0-01", "1.0-1")])
def test_different_texts_can_be_the_same_version(left: str, right: str) -> None:
    assert version_key(left) == version_key(right)


@pytest.mark.parametrize(
    ("version", "operator", "wanted", "expected"),
    [
        ("2.36-9", ">=", "2.36", True),
        ("2.36-9", ">>", "2.36-9", False),
        ("2.36-9", "=", "2.36-9", True),
        ("2.36-9", "<=", "2.36-9", True),
        ("2.36-9", "<<", "2.36-9+deb12u1", True),
        ("1:1.2.13", ">=", "1.3", True),
    ],
)
def test_relations(version: str, operator: str, wanted: str, expected: bool) -> None:
    assert satisfies(version, operator, wanted) is expected


PART = st.text("01259az.+~", min_size=0, max_size=6).map(lambda text: "1" + text)
VERSIONS = st.builds(
    lambda epoch, upstream, revision: f"{epoch}{upstream}{revision}",
    st.sampled_from(["", "0:", "1:"]),
    PART,
    st.one_of(st.just(""), PART.map(lambda text: "-" + text)),
)


@settings(max_examples=60, deadline=None)
@given(VERSIONS, VERSIONS)
def test_any_two_compare_as_dpkg_compares_them(left: str, right: str) -> None:
    dpkg = need_program("dpkg")
    one, two = version_key(left), version_key(right)
    relation = "lt" if one < two else "gt" if one > two else "eq"
    assert subprocess.run([dpkg, "--compare-versions", left, relation, right], check=False).returncode == 0
