"""What is installed when something is asked for."""

from __future__ import annotations

import pytest

from paddlewheel.debian.closure import Closure
from paddlewheel.debian.index import PackageIndex
from paddlewheel.errors import ResolutionError


def closure(text: str, omitted: dict[str, str] | None = None) -> Closure:
    """A resolver over packages written as ``name version; field: value; ...`` a line."""
    stanzas = []
    for line in text.strip().splitlines():
        head, *fields = (part.strip() for part in line.split(";"))
        name, version = head.split()
        known = {"Architecture": "amd64", "Filename": f"pool/{name}.deb", "Size": "1", "SHA256": "0" * 64}
        stanza = {"Package": name, "Version": version} | known | dict(field.split(": ", 1) for field in fields)
        stanzas.append("".join(f"{key}: {value}\n" for key, value in stanza.items()))
    index = PackageIndex([("debian", "\n".join(stanzas).encode(), "test")])
    return Closure(index, omitted=omitted or {}, omitted_for={})


def chosen(text: str, *names: str) -> list[str]:
    found = closure(text)
    found.add(names)
    return sorted(f"{package.name} {package.version}" for package in found.chosen.values())


def test_depends_and_pre_depends_are_followed() -> None:
    text = "a 1; Pre-Depends: b; Depends: c (>= 2)\nb 1; Depends: d\nc 1\nc 2\nd 1\ne 1; Recommends: a"
    assert chosen(text, "a") == ["a 1", "b 1", "c 2", "d 1"]


def test_cycles_end() -> None:
    assert chosen("a 1; Depends: b\nb 1; Depends: c\nc 1; Depends: a (= 1)", "b") == ["a 1", "b 1", "c 1"]


def test_the_first_alternative_that_can_be_installed_is_taken() -> None:
    assert chosen("a 1; Depends: x | y (>= 2) | y\ny 1", "a") == ["a 1", "y 1"]
    assert chosen("a 1; Depends: x | y\nx 1; Depends: nowhere\ny 1", "a") == ["a 1", "y 1"]


def test_what_is_chosen_already_satisfies_a_later_alternative() -> None:
    assert chosen("a 1; Depends: x | y\nx 1\ny 1", "y", "a") == ["a 1", "y 1"]


def test_a_choice_that_leads_nowhere_is_undone() -> None:
    text = "a 1; Depends: x | y\nx 1; Depends: helper, nowhere\nhelper 1\ny 1"
    assert chosen(text, "a") == ["a 1", "y 1"]


def test_provides_serve_by_name_and_by_version() -> None:
    text = "a 1; Depends: v (>= 2)\nold 1; Provides: v\nlow 1; Provides: v (= 1)\nhigh 1; Provides: v (= 2), w"
    assert chosen(text, "a") == ["a 1", "high 1"]
    assert chosen("a 1; Depends: v\nz 1; Provides: v\nb 1; Provides: v\nc 1; Provides: v; Priority: standard", "a") == [
        "a 1",
        "c 1",
    ]
    assert chosen(
        "a 1; Depends: libglib2.0-0 (>= 2.80)\nlibglib2.0-0t64 2.84; Provides: libglib2.0-0 (= 2.84)", "a"
    ) == [
        "a 1",
        "libglib2.0-0t64 2.84",
    ]


def test_a_real_package_comes_before_one_that_provides_it() -> None:
    assert chosen("a 1; Depends: v\nb 1; Provides: v\nv 1", "a") == ["a 1", "v 1"]


def test_a_lower_version_is_taken_where_the_highest_does_not_fit() -> None:
    assert chosen("a 1; Depends: b (<< 2)\nb 1\nb 2", "a") == ["a 1", "b 1"]


def test_architecture_qualifiers_are_understood() -> None:
    assert chosen("a 1; Depends: python3:any (>= 3.11)\npython3 3.11.2; Multi-Arch: allowed", "a") == [
        "a 1",
        "python3 3.11.2",
    ]


def test_omitted_dependencies_are_left_out_but_not_when_named() -> None:
    text = "a 1; Depends: debconf (>= 0.5) | debconf-2.0, b\nb 1\ndebconf 1.5; Depends: perl\nperl 5"
    found = closure(text, {"debconf": "asks"})
    found.add(["a"])
    assert sorted(found.chosen) == ["a", "b"]
    found.add(["debconf"])
    assert sorted(found.chosen) == ["a", "b", "debconf", "perl"]


def test_the_chain_is_named() -> None:
    with pytest.raises(ResolutionError) as caught:
        chosen("a 1; Depends: b\nb 1; Depends: c (>= 2)\nc 1", "a")
    assert caught.value.message == ("Debian package a cannot be installed: a -> b -> c (>= 2): the archive has 1")
    with pytest.raises(ResolutionError, match=r"a -> b -> nowhere \| gone: the archive has no such package"):
        chosen("a 1; Depends: b\nb 1; Depends: nowhere | gone", "a")


def test_a_mistyped_name_gets_the_nearest() -> None:
    with pytest.raises(ResolutionError, match="no Debian package is called 'libqp5'") as caught:
        chosen("libpq5 15\nlibfoo 1\nlibxml2 2", "libqp5")
    assert "libpq5" in str(caught.value.hint)


def test_conflicts_are_named() -> None:
    with pytest.raises(ResolutionError, match="a and b cannot be installed together"):
        chosen("a 1; Conflicts: v\nb 1; Provides: v", "a", "b")
    with pytest.raises(ResolutionError, match=r"b and a cannot be installed together \(c -> b -> a\)"):
        chosen("a 1\nb 1; Conflicts: a; Depends: a\nc 1; Depends: b", "c")
    assert chosen("a 1; Breaks: b (<< 2)\nb 2", "a", "b") == ["a 1", "b 2"]
    assert chosen("a 1; Provides: mta; Conflicts: mta", "a") == ["a 1"]


def test_an_alternative_that_conflicts_is_passed_over() -> None:
    assert chosen("a 1; Conflicts: x\nb 1; Depends: x | y\nx 1\ny 1", "a", "b") == ["a 1", "b 1", "y 1"]
    assert chosen("a 1\nb 1; Depends: x | y\nx 1; Conflicts: a\ny 1", "a", "b") == ["a 1", "b 1", "y 1"]


def test_the_order_of_the_index_does_not_matter() -> None:
    lines = ["a 1; Depends: v, b", "x 1; Provides: v", "y 1; Provides: v; Depends: x", "b 1; Depends: y | x"]
    results = {tuple(chosen("\n".join(order), "a")) for order in (lines, lines[::-1], lines[2:] + lines[:2])}
    assert len(results) == 1
