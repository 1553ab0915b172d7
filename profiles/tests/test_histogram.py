from __future__ import annotations

import pytest

from profiles import histogram
from profiles.tests import vectors


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
