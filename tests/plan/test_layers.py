"""The layer planner: budget, stability, order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paddlewheel.plan.layers import HEAVY, Weight, group

names = st.text("abcdefghijklmnopqrstuvwxyz-0123456789", min_size=1, max_size=12)
weights = st.dictionaries(names, st.integers(0, 200 << 20), max_size=80).map(
    lambda sizes: [Weight(name, size) for name, size in sizes.items()]
)


@given(weights, st.integers(1, 60))
def test_every_wheel_is_in_one_layer_and_the_budget_holds(wheels: list[Weight], budget: int) -> None:
    groups = group(wheels, budget)
    assert sorted(name for names in groups for name in names) == sorted(weight.name for weight in wheels)
    assert len(groups) <= budget
    assert all(groups)


@given(weights, st.integers(1, 60), st.randoms())
def test_the_order_of_the_lock_does_not_matter(wheels: list[Weight], budget: int, random: object) -> None:
    shuffled = list(wheels)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert group(shuffled, budget) == group(wheels, budget)


def tail(count: int, size: int = 60 << 10) -> list[Weight]:
    return [Weight(f"package-{number}", size) for number in range(count)]


def test_a_heavy_wheel_stands_alone_and_lies_low() -> None:
    groups = group([*tail(10), Weight("numpy", 20 << 20), Weight("pandas", 12 << 20)], 60)
    assert groups[:2] == (("numpy",), ("pandas",))


def test_a_bump_of_a_light_wheel_changes_one_bundle() -> None:
    before = tail(200)
    after = [Weight(weight.name, weight.size + 500) if weight.name == "package-7" else weight for weight in before]
    assert group(before, 60) == group(after, 60)


@pytest.mark.parametrize("count", [5, 50, 150])
def test_one_more_light_wheel_changes_one_bundle(count: int) -> None:
    before = set(group(tail(count), 60))
    after = set(group([*tail(count), Weight("one-more", 60 << 10)], 60))
    # The bundle that it joins goes; one comes, or two when it had grown too large.
    assert len(before - after) == 1
    assert 1 <= len(after - before) <= 2


def test_a_bundle_stays_small_while_the_budget_allows_it() -> None:
    wheels = tail(300)
    sizes = {weight.name: weight.size for weight in wheels}
    assert max(sum(sizes[name] for name in names) for names in group(wheels, 60)) <= 2 * HEAVY


def test_heavy_wheels_beyond_the_budget_are_bundled() -> None:
    wheels = [Weight(f"heavy-{number}", (1 + number) << 20) for number in range(100)]
    groups = group(wheels, 60)
    assert len(groups) <= 60
    assert ("heavy-99",) in groups


def test_no_wheels_no_layers() -> None:
    assert group([], 1) == ()


def test_a_budget_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        group([], 0)
