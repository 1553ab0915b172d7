from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles.grain import HOUR, MINUTE, Grain, end_of, finest, start_of, starts

minutes = st.integers(0, 15 * 366 * 24 * 60).map(lambda n: datetime(2020, 1, 1, tzinfo=UTC) + n * MINUTE)
zones = st.sampled_from(sorted(available_timezones())).map(ZoneInfo)
# Zones with half hours, quarters, half an hour of summer time, and a midnight that is skipped.
odd_zones = st.sampled_from(
    ["Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Santiago", "Africa/Cairo"]
).map(ZoneInfo)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "instant", "hour", "day"),
    [
        ("UTC", "2026-11-24T22:16:40", "2026-11-24T22:00", "2026-11-24T00:00"),
        ("Asia/Shanghai", "2026-11-24T22:16", "2026-11-24T22:00", "2026-11-24T16:00"),
        ("Asia/Shanghai", "2026-11-24T15:59", "2026-11-24T15:00", "2026-11-23T16:00"),
        ("Asia/Kolkata", "2026-11-24T22:16", "2026-11-24T21:30", "2026-11-24T18:30"),
        ("Asia/Kolkata", "2026-11-24T18:29", "2026-11-24T17:30", "2026-11-23T18:30"),
        ("America/New_York", "2026-11-24T04:59", "2026-11-24T04:00", "2026-11-23T05:00"),
        ("America/New_York", "2026-07-01T04:00", "2026-07-01T04:00", "2026-07-01T04:00"),
    ],
)
def test_hours_and_days_begin_by_the_clocks_of_the_zone(zone: str, instant: str, hour: str, day: str) -> None:
    found = utc(instant)
    assert start_of(Grain.HOUR, found, ZoneInfo(zone)) == utc(hour)
    assert start_of(Grain.DAY, found, ZoneInfo(zone)) == utc(day)
    assert start_of(Grain.MINUTE, found, ZoneInfo(zone)) == found.replace(second=0)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("America/New_York", "2026-03-08T05:00", 23),
        ("America/New_York", "2026-11-01T04:00", 25),
        ("America/New_York", "2026-11-02T05:00", 24),
        ("Asia/Shanghai", "2026-03-08T16:00", 24),
        ("Asia/Kolkata", "2026-11-01T18:30", 24),
    ],
)
def test_days_across_a_change_of_clocks(zone: str, day: str, hours: int) -> None:
    start, found = utc(day), ZoneInfo(zone)
    end = end_of(Grain.DAY, start, found)
    assert end - start == hours * HOUR
    assert len(list(starts(Grain.HOUR, start, end, zone=found))) == hours
    assert {start_of(Grain.DAY, hour, found) for hour in starts(Grain.HOUR, start, end, zone=found)} == {
        start
    }


def test_an_hour_ends_where_clocks_change_within_it() -> None:
    zone = ZoneInfo("Australia/Lord_Howe")
    change = utc("2026-10-03T15:30")  # 02:00 becomes 02:30
    assert start_of(Grain.HOUR, change, zone) == change
    assert end_of(Grain.HOUR, change, zone) == change + timedelta(minutes=30)
    assert start_of(Grain.HOUR, change - MINUTE, zone) == change - HOUR


@given(minutes, zones | odd_zones, st.sampled_from(Grain))
def test_stretches_follow_each_other_without_gap_or_overlap(
    minute: datetime, zone: ZoneInfo, grain: Grain
) -> None:
    start = start_of(grain, minute, zone)
    end = end_of(grain, start, zone)
    assert start <= minute < end
    assert start_of(grain, start, zone) == start == start_of(grain, end - MINUTE, zone)
    assert start_of(grain, end, zone) == end


@given(minutes, zones | odd_zones)
def test_an_hour_lies_in_one_day(minute: datetime, zone: ZoneInfo) -> None:
    hour = start_of(Grain.HOUR, minute, zone)
    last = end_of(Grain.HOUR, hour, zone) - MINUTE
    assert start_of(Grain.DAY, hour, zone) == start_of(Grain.DAY, last, zone)


def test_a_grain_that_is_gone_by_now_is_not_chosen() -> None:
    assert finest(HOUR, age=timedelta(hours=48)) is Grain.MINUTE
    assert finest(HOUR, age=timedelta(hours=49)) is Grain.HOUR
    assert finest(HOUR, age=timedelta(days=91)) is Grain.DAY
    assert finest(HOUR, age=timedelta(days=999)) is Grain.DAY


@pytest.mark.parametrize(
    ("period", "grain"),
    [
        (timedelta(0), Grain.MINUTE),
        (timedelta(minutes=400), Grain.MINUTE),
        (timedelta(minutes=401), Grain.HOUR),
        (timedelta(days=1), Grain.HOUR),
        (timedelta(hours=400), Grain.HOUR),
        (timedelta(hours=401), Grain.DAY),
        (timedelta(days=9_000), Grain.DAY),
    ],
)
def test_the_finest_grain_that_gives_few_enough_points(period: timedelta, grain: Grain) -> None:
    assert finest(period) is grain
