"""The statistics of things that were measured in turns."""

from __future__ import annotations

import pytest

from benchmarks.support.paired import (
    Spread,
    mean_difference,
    mean_ratio,
    median_difference,
    median_ratio,
    percentile_ratio,
)


def test_ratio_is_of_neighbours_in_time() -> None:
    # The machine became three times as slow in the middle: each round is slow on both sides.
    base = [1.0, 1.0, 3.0, 3.0, 3.0]
    other = [1.1, 1.2, 3.3, 3.6, 3.9]
    assert median_ratio(base, other) == pytest.approx(Spread(1.2, 1.1, 1.2))


def test_one_disturbed_round_does_not_move_the_median_but_the_mean() -> None:
    base, other = [1.0] * 9, [1.1] * 8 + [10.0]
    assert median_ratio(base, other).value == pytest.approx(1.1)
    assert mean_ratio(base, other).value == pytest.approx(18.8 / 9)


def test_differences_keep_their_sign() -> None:
    assert median_difference([2.0, 2.0, 2.0], [1.0, 3.0, 1.5]).value == -0.5
    assert mean_difference([2.0, 2.0], [1.0, 2.0]).value == -0.5


def test_range_holds_the_value_and_is_the_same_every_time() -> None:
    base, other = [1.0, 1.2, 0.9, 1.1, 1.0, 1.3], [1.2, 1.3, 1.0, 1.4, 1.1, 1.4]
    found = mean_ratio(base, other)
    assert found.low < found.value < found.high
    assert found == mean_ratio(base, other)


def test_range_of_equal_rounds_has_no_width() -> None:
    assert mean_ratio([2.0] * 5, [3.0] * 5) == Spread(1.5, 1.5, 1.5)


def test_noise_that_hits_both_sides_does_not_widen_the_range() -> None:
    base = [1.0, 5.0, 2.0, 9.0]
    paired = mean_ratio(base, [value * 1.1 for value in base])
    assert paired == pytest.approx(Spread(1.1, 1.1, 1.1))


def test_percentiles_are_of_all_rounds_together() -> None:
    base = [[1.0] * 50, [2.0] * 50]
    other = [[1.0] * 49 + [8.0], [2.0] * 49 + [8.0]]
    assert percentile_ratio(base, other, share=0.99).value == 4.0
    assert percentile_ratio(base, other, share=0.2).value == 1.0


def test_rounds_without_a_partner_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        median_ratio([1.0, 1.0], [1.0])
