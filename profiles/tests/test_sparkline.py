from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles import sparkline

NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
VALUES = st.lists(st.none() | st.floats(min_value=0, max_value=1e12), max_size=60)


@given(values=VALUES)
def test_it_stays_in_its_box(values: list[float | None]) -> None:
    drawn = sparkline.draw(values)
    for text in (drawn.line.replace("h0", ""), drawn.area):
        numbers = [float(number) for number in NUMBER.findall(text)]
        assert all(0 <= x <= sparkline.WIDTH for x in numbers[::2])
        assert all(0 <= y <= sparkline.HEIGHT for y in numbers[1::2])
        assert set(re.sub(r"[\d. ]", "", text)) <= set("MLz")


@given(values=VALUES)
def test_each_value_is_a_point_and_each_gap_a_gap(values: list[float | None]) -> None:
    line = sparkline.draw(values).line
    assert line.count("M") + line.count("L") == sum(value is not None for value in values)
    runs = re.findall(r"[^-]+", "".join("-" if value is None else "x" for value in values))
    assert line.count("M") == len(runs)


def test_the_greatest_is_at_the_top_and_nothing_at_the_bottom() -> None:
    assert sparkline.draw([0, 5, None, 10]).line == "M0.0 18.5L33.3 10.0M100.0 1.5h0"
    assert sparkline.draw([0, 10]).area == "M0.0 20L0.0 18.5L100.0 1.5L100.0 20z"


@pytest.mark.parametrize("values", [[], [None], [None, None]])
def test_nothing_draws_nothing(values: list[None]) -> None:
    assert sparkline.draw(values) == ("", "")


def test_zeros_are_a_line_at_the_bottom() -> None:
    assert sparkline.draw([0, 0]).line == "M0.0 18.5L100.0 18.5"
