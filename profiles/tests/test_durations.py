"""Durations in buckets."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from profiles import histogram
from profiles.durations import Durations

many = st.lists(st.integers(0, 10_000_000), min_size=1, max_size=50)


@given(many)
def test_a_histogram_and_its_durations_are_the_same(values_us: list[int]) -> None:
    lanes = sum(histogram.lanes([(histogram.index(value), 1)]) for value in values_us)
    assert Durations.of(lanes) == Durations.of_values(values_us)


@given(many, st.floats(0.01, 1))
def test_quantiles_are_those_of_the_histogram(values_us: list[int], quantile: float) -> None:
    durations = Durations.of_values(values_us)
    lanes = sum(histogram.lanes([(histogram.index(value), 1)]) for value in values_us)
    assert [histogram.value(durations.bucket_at(quantile))] == histogram.percentiles(lanes, [quantile])


@given(many, st.integers(0, 10_000_000))
def test_what_is_above_is_counted(values_us: list[int], limit_us: int) -> None:
    limit = histogram.index(limit_us)
    expected = sum(histogram.index(value) > limit for value in values_us)
    assert Durations.of_values(values_us).above(limit) == expected


def test_what_is_missing_took_nothing() -> None:
    durations = Durations.of_values([10_000, 20_000], count=5)
    assert durations.count == 5
    assert durations.counts[0] == 3
    assert durations.buckets[0] == 0
    assert Durations.of(0).count == 0
