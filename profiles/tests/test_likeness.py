"""What a comparison is warned of, and its totals."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from profiles import likeness
from profiles.compare import Pair, Side
from profiles.durations import Durations
from profiles.reweighted import totals
from profiles.rollup import EndpointKey
from profiles.verdict import Warned

MONDAY = datetime(2026, 11, 23, 9, tzinfo=UTC)
SHANGHAI = ZoneInfo("Asia/Shanghai")
CART, HELP = (EndpointKey("request", "GET", route) for route in ("/cart", "/help"))


def hours(start: datetime, count: int) -> list[tuple[datetime, int]]:
    return [(start + timedelta(hours=hour), 10) for hour in range(count)]


def warned(base: datetime, head: datetime, *, long: int = 3) -> list[Warned]:
    found = likeness.warnings_of_time(hours(base, long), hours(head, long), SHANGHAI, hours=True)
    return [warning.warned for warning in found]


def test_other_weekdays_and_hours_are_told() -> None:
    assert warned(MONDAY, MONDAY) == []
    assert warned(MONDAY, MONDAY + timedelta(days=5)) == [Warned.WEEKDAYS]
    assert warned(MONDAY - timedelta(hours=4), MONDAY) == [Warned.HOURS]
    # One of three hours is shared.
    assert warned(MONDAY - timedelta(hours=2), MONDAY) == []


def test_weekdays_are_those_of_the_zone() -> None:
    # 23:00 and 01:00 of one day in Shanghai, of two in UTC.
    late = datetime(2026, 11, 23, 17, tzinfo=UTC)
    found = likeness.warnings_of_time([(late, 5)], [(late - timedelta(hours=2), 5)], SHANGHAI, hours=False)
    assert [warning.warned for warning in found] == [Warned.WEEKDAYS]
    assert (
        likeness.warnings_of_time([(late, 5)], [(late + timedelta(hours=2), 5)], SHANGHAI, hours=False) == []
    )


def test_nothing_on_one_side_is_no_other_time() -> None:
    assert likeness.warnings_of_time([], hours(MONDAY, 3), SHANGHAI, hours=True) == []


def test_another_mix_of_endpoints_is_told() -> None:
    warning = likeness.warning_of_mix({CART: 90, HELP: 10}, {CART: 500, HELP: 500})
    assert warning
    assert warning.warned is Warned.MIX
    assert warning.numbers["moved"] == pytest.approx(0.4)
    assert likeness.warning_of_mix({CART: 90, HELP: 10}, {CART: 880, HELP: 120}) is None
    assert likeness.warning_of_mix({}, {CART: 1}) is None


def test_two_groups_are_told_from_one() -> None:
    draw = random.Random(1)
    one = [round(50_000 * draw.lognormvariate(0, 0.5)) for _ in range(500)]
    hits = [round(5_000 * draw.lognormvariate(0, 0.2)) for _ in range(300)]
    misses = [round(60_000 * draw.lognormvariate(0, 0.2)) for _ in range(200)]
    assert likeness.groups(Durations.of_values(one)) is None
    warning = likeness.groups(Durations.of_values([*hits, *misses]))
    assert warning
    assert warning.numbers["share"] == pytest.approx(0.4)
    assert warning.numbers["lower_us"] == pytest.approx(5_000, rel=0.1)
    assert warning.numbers["upper_us"] == pytest.approx(60_000, rel=0.1)


def test_even_and_single_durations_are_one_group() -> None:
    assert likeness.groups(Durations.of_values(range(1_000, 20_000, 10))) is None
    assert likeness.groups(Durations.of_values([7_000] * 100)) is None
    assert likeness.groups(Durations.of_values([7_000] * 99 + [900_000])) is None
    assert likeness.groups(Durations.of_values([1_000, 900_000] * 24)) is None
    assert likeness.groups(Durations.of(0)) is None


def side(duration_us: int, count: int, errors: int = 0) -> Side:
    return Side(count, errors, Durations.of_values([duration_us] * count))


def test_totals_are_of_the_mix_of_the_baseline() -> None:
    """Both endpoints are as they were; only the slow one is asked for more often."""
    pairs = {
        CART: Pair(side(10_000, 80, 8), side(10_000, 10, 1)),
        HELP: Pair(side(500_000, 20), side(500_000, 90)),
    }
    found = totals(pairs, base_count=100)
    assert found.head.p50_us == found.base.p50_us == pytest.approx(10_000, rel=0.01)
    assert found.head.p95_us == found.base.p95_us == pytest.approx(500_000, rel=0.01)
    assert found.base.error_rate == found.head.error_rate == pytest.approx(0.08)
    assert (found.base.count, found.head.count, found.share) == (100, 100, 1)


def test_totals_are_of_endpoints_that_both_have() -> None:
    nothing = side(0, 0)
    pairs = {CART: Pair(side(10_000, 50), side(20_000, 50)), HELP: Pair(side(900_000, 50), nothing)}
    found = totals(pairs, base_count=100)
    assert found.base.p95_us == pytest.approx(10_000, rel=0.01)
    assert found.share == 0.5
    empty = totals({HELP: Pair(nothing, nothing)}, base_count=0)
    assert (empty.base.p50_us, empty.head.p95_us, empty.share) == (None, None, 0)
