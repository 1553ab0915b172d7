from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles import histogram
from profiles.tests import vectors

Pairs = dict[int, int]
durations = st.integers(1, 86_400_000_000)
indexes = st.integers(0, histogram.LARGEST_INDEX)
histograms = st.dictionaries(indexes, st.integers(1, 2**20), max_size=60)


def test_vectors_give_their_index() -> None:
    for row in vectors.load("histogram.json"):
        assert histogram.index(row["us"]) == row["index"], row


@pytest.mark.parametrize("duration_us", [1, 2, 7, 999, 1_000, 123_456, 60_000_000, 86_400_000_000])
def test_a_bucket_is_at_most_one_percent_off(duration_us: int) -> None:
    assert histogram.value(histogram.index(duration_us)) == pytest.approx(duration_us, rel=0.0100001)


def test_buckets_must_ascend() -> None:
    assert histogram.is_valid([(1, 5), (3, 1)])
    assert not histogram.is_valid([(3, 5), (1, 1)])
    assert not histogram.is_valid([(3, 5), (3, 1)])


@given(st.lists(durations, min_size=1, max_size=300), st.floats(0, 1))
def test_percentiles_are_within_one_percent_of_exact_ones(values: list[int], quantile: float) -> None:
    merged = histogram.lanes(Counter(map(histogram.index, values)).items())
    exact = sorted(values)[max(1, math.ceil(quantile * len(values))) - 1]
    assert histogram.percentiles(merged, [quantile]) == [pytest.approx(exact, rel=0.0100001)]


def test_an_empty_histogram_has_no_percentiles() -> None:
    assert histogram.percentiles(0) == [None, None, None]
    assert (histogram.pack(0), histogram.unpack(b""), histogram.buckets(0)) == (b"", 0, [])


@given(st.lists(histograms, max_size=8))
def test_merging_is_adding_bucket_by_bucket(parts: list[Pairs]) -> None:
    together: Counter[int] = Counter()
    for part in parts:
        together.update(part)
    merged = sum(histogram.unpack(histogram.pack(histogram.lanes(part.items()))) for part in parts)
    assert histogram.buckets(merged) == sorted(together.items())
    assert histogram.total(merged) == together.total()


@given(histograms)
def test_unpacking_gives_back_what_was_packed(pairs: Pairs) -> None:
    merged = histogram.lanes(pairs.items())
    packed = histogram.pack(merged)
    assert histogram.unpack(packed) == merged
    assert histogram.pack(histogram.unpack(packed)) == packed


def test_both_forms_are_used_and_small() -> None:
    crowded = histogram.pack(histogram.lanes((bucket, 3) for bucket in range(400, 500)))
    lonely = histogram.pack(histogram.lanes([(0, 1), (700, 1), (1300, 70_000)]))
    assert len(crowded) == 3 + 100
    assert crowded[0] < 0x80 <= lonely[0]
    assert len(lonely) < 40
    assert histogram.buckets(histogram.unpack(lonely)) == [(0, 1), (700, 1), (1300, 70_000)]


def test_absurd_counts_stay_in_their_bucket() -> None:
    absurd = histogram.lanes([(5, 2**53), (6, 1)])
    merged = sum([absurd] * 5_000)
    assert histogram.buckets(merged)[1] == (6, 5_000)
    assert histogram.buckets(histogram.unpack(histogram.pack(merged))) == [
        (5, histogram.MOST_IN_BUCKET),
        (6, 5_000),
    ]
