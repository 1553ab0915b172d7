"""Changes of medians."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles import histogram
from profiles.durations import Durations
from profiles.median_change import median_change

many = st.lists(st.integers(1, 100_000_000), min_size=1, max_size=60)


def drawn(draw: random.Random, *, median_us: float, count: int) -> list[int]:
    return [round(median_us * draw.lognormvariate(0, 0.3)) for _ in range(count)]


def by_drawing(base: list[int], head: list[int], draw: random.Random, times: int) -> tuple[float, float]:
    """The interval of ratios as the bootstrap is usually done."""
    ratios = []
    for _ in range(times):
        before, after = (
            sorted(draw.choices([histogram.index(value) for value in side], k=len(side)))[
                (len(side) - 1) // 2
            ]
            for side in (base, head)
        )
        ratios.append(histogram.GROWTH ** (after - before))
    ratios.sort()
    return ratios[round(0.015 * times)], ratios[round(0.985 * times)]


@pytest.mark.parametrize("count", [20, 21, 60])
def test_the_interval_is_that_of_many_draws(count: int) -> None:
    draw = random.Random(count)
    base, head = drawn(draw, median_us=50_000, count=count), drawn(draw, median_us=60_000, count=count)
    found = median_change(Durations.of_values(base), Durations.of_values(head))
    lowest, highest = by_drawing(base, head, draw, 4_000)
    # One bucket is 2 %.
    assert found.lowest == pytest.approx(lowest, rel=0.05)
    assert found.highest == pytest.approx(highest, rel=0.05)


@given(many, many)
def test_what_was_measured_lies_in_its_interval(base: list[int], head: list[int]) -> None:
    found = median_change(Durations.of_values(base), Durations.of_values(head))
    assert found.lowest <= found.ratio <= found.highest
    assert found.ratio == pytest.approx(found.head_us / found.base_us)


@given(many, many)
def test_sides_in_turn_give_the_inverse(base: list[int], head: list[int]) -> None:
    before, after = Durations.of_values(base), Durations.of_values(head)
    one, other = median_change(before, after), median_change(after, before)
    assert one.ratio == pytest.approx(1 / other.ratio)
    assert (one.lowest, one.highest) == pytest.approx((1 / other.highest, 1 / other.lowest))


def test_more_requests_make_it_narrower() -> None:
    draw = random.Random(1)
    widths = []
    for count in (30, 300, 3_000, 30_000):
        base, head = (Durations.of_values(drawn(draw, median_us=50_000, count=count)) for _side in range(2))
        found = median_change(base, head)
        widths.append(found.highest / found.lowest)
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] < 1.05


def test_one_duration_alone_is_what_it_is() -> None:
    found = median_change(Durations.of_values([1_000] * 50), Durations.of_values([2_000] * 40))
    assert found.lowest == found.ratio == found.highest == pytest.approx(2, rel=0.02)
    assert found.excludes_none
    assert found.difference_us == pytest.approx(1_000, rel=0.03)
