"""Histograms as bars: nothing is lost or counted twice, and the scale has no gap."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles import histogram
from profiles.distribution import Distribution

pairs = st.dictionaries(st.integers(0, histogram.LARGEST_INDEX), st.integers(1, 10_000), max_size=60)


@given(pairs, st.integers(1, 60))
def test_every_request_is_in_one_bar(counts: dict[int, int], most: int) -> None:
    found = Distribution.of(histogram.lanes(counts.items()), most)
    assert sum(bar.count for bar in found.bars) == found.total == sum(counts.values())
    assert len(found.bars) <= most
    for before, after in pairwise(found.bars):
        assert before.end_us == after.start_us < after.end_us
        assert before.up_to + after.count == after.up_to
    for bucket, count in counts.items():
        [bar] = [bar for bar in found.bars if bar.start_us < histogram.value(bucket) <= bar.end_us]
        assert bar.count >= count
    if counts:
        assert len(found.bars) >= min(15, most) // 2
    assert found.full == [bar for bar in found.bars if bar.count]
    assert found.highest == max((bar.count for bar in found.bars), default=0)


@given(pairs)
def test_ticks_go_from_end_to_end(counts: dict[int, int]) -> None:
    found = Distribution.of(histogram.lanes(counts.items()))
    assert found.ticks == sorted(set(found.ticks))
    assert len(found.ticks) <= 5
    if found.bars:
        assert (found.ticks[0], found.ticks[-1]) == (found.bars[0].start_us, found.bars[-1].end_us)


def test_bars_tell_the_slow_from_the_fast() -> None:
    durations = {
        histogram.index(us): count for us, count in ((1_000, 60), (9_000, 36), (80_000, 3), (10**6, 1))
    }
    found = Distribution.of(histogram.lanes(durations.items()))
    assert [(bar.count, bar.look) for bar in found.full] == [
        (60, "p50"),
        (36, "p95"),
        (3, "p99"),
        (1, "rest"),
    ]
    assert found.full[0].end_us == pytest.approx(1_000, rel=0.2)


def test_a_bar_alone_has_room_around_it() -> None:
    for bucket in (0, 3, 500, histogram.LARGEST_INDEX):
        found = Distribution.of(histogram.lanes([(bucket, 7)]))
        assert len(found.bars) == 15
        assert [bar.count for bar in found.full] == [7]


def test_of_nothing_there_is_no_bar() -> None:
    found = Distribution.of(0)
    assert (found.bars, found.total, found.highest, found.ticks) == ([], 0, 0, [])
