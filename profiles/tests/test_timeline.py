from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles.grain import HOUR, MINUTE, Grain
from profiles.rollup import Rollup
from profiles.timeline import Timeline
from profiles.trends import Period, Series

NOW = datetime(2026, 11, 24, 10, 30, 20, tzinfo=UTC)
ZONES = [ZoneInfo(name) for name in ("UTC", "Asia/Kolkata", "Australia/Lord_Howe", "America/New_York")]


def series(period: Period, counts: dict[datetime, int]) -> Series:
    return Series.of(period, ((start, Rollup(count=count)) for start, count in counts.items()))


@given(
    zone=st.sampled_from(ZONES),
    length=st.timedeltas(min_value=MINUTE, max_value=timedelta(days=700)),
    ago=st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=300)),
)
def test_stretches_cover_the_period_without_gaps(zone: ZoneInfo, length: timedelta, ago: timedelta) -> None:
    end = NOW - ago
    period = Period.of(end - length, end, now=NOW, zone=zone)
    timeline = Timeline.of(series(period, {}), zone=zone)
    assert timeline.edges[0] == period.start <= end - length
    assert timeline.edges[-1] == end
    assert all(one.end == other.start for one, other in pairwise(timeline.stretches))
    assert all(stretch.minutes > 0 for stretch in timeline.stretches)
    assert timeline.minutes == pytest.approx((period.end - period.start) / MINUTE)
    # One that is begun at either end, and days of whatever length there are.
    assert len(timeline.stretches) <= max(401, length.days + 2)
    assert timeline.is_empty


def test_the_stretch_that_is_going_on_counts_for_what_has_gone_by() -> None:
    period = Period(Grain.HOUR, NOW.replace(hour=8, minute=0, second=0), NOW)
    counts = {period.start: 120, period.start + 2 * HOUR: 61}
    timeline = Timeline.of(series(period, counts), zone=ZoneInfo("UTC"))
    assert [stretch.per_minute for stretch in timeline.stretches] == [2, 0, pytest.approx(61 / (30 + 1 / 3))]
    assert [stretch.count for stretch in timeline.full] == [61, 120]
    assert timeline.stretches[1].measured is None
    assert not timeline.is_empty
