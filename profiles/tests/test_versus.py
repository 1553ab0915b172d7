"""Two tables of endpoints side by side."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from profiles import histogram, versus
from profiles.grain import HOUR, Grain
from profiles.rollup import EndpointKey
from profiles.timed import Part, TimedTable
from profiles.trends import Period
from profiles.verdict import Because, Verdict, Warned
from profiles.versus import Comparison

START = datetime(2026, 11, 23, 9, tzinfo=UTC)
ZONE = ZoneInfo("UTC")
HOURS = 6


def key(route: str) -> EndpointKey:
    return EndpointKey("request", "GET", route)


def lanes(draw: random.Random, *, median_us: float, count: int) -> int:
    values = [round(median_us * draw.lognormvariate(0, 0.3)) for _ in range(count)]
    return sum(histogram.lanes([(histogram.index(value), 1)]) for value in values)


def table(
    endpoints: Mapping[str, Mapping[str, float]],
    *,
    seed: int,
    start: datetime = START,
    shared: float = 0.0,
) -> TimedTable:
    """Endpoints with so many requests in each of six hours; `shared` is how far hours differ."""
    draw = random.Random(seed)
    found = TimedTable(Period(Grain.HOUR, start, start + HOURS * HOUR))
    for route, said in endpoints.items():
        for hour in range(HOURS):
            count = int(said.get("count", 50))
            median_us = said["us"] * draw.lognormvariate(0, shared)
            seen = lanes(draw, median_us=median_us, count=count)
            found.add(key(route), Part(start + hour * HOUR, count, int(said.get("errors", 0)), seen))
    return found


def compare(base: TimedTable, head: TimedTable) -> Comparison:
    return versus.compare(base, head, zone=ZONE, finer=lambda _endpoint: ([], []))


def test_rows_that_need_eyes_come_first() -> None:
    base = table(
        {"/a": {"us": 50_000}, "/b": {"us": 50_000}, "/c": {"us": 50_000}, "/d": {"us": 50_000}}, seed=1
    )
    head = table(
        {"/a": {"us": 50_000}, "/b": {"us": 20_000}, "/c": {"us": 100_000}, "/d": {"us": 300_000}}, seed=2
    )
    found = compare(base, head)
    assert [row.endpoint.route for row in found.rows] == ["/d", "/c", "/b", "/a"]
    assert found.tally[Verdict.REGRESSED] == 2
    assert found.verdict is Verdict.REGRESSED
    assert (found.base_count, found.head_count) == (1_200, 1_200)
    assert found.warnings == []


def test_what_one_side_alone_has_is_apart_and_no_part_of_the_family() -> None:
    found = compare(
        table({"/a": {"us": 9_000}, "/old": {"us": 9_000}}, seed=1),
        table({"/a": {"us": 9_000}, "/new": {"us": 9_000}}, seed=2),
    )
    assert [row.endpoint.route for row in found.rows] == ["/a"]
    assert [row.endpoint.route for row in found.new] == ["/new"]
    assert [row.endpoint.route for row in found.vanished] == ["/old"]
    assert found.totals.share == 0.5


def test_rates_are_of_the_time_in_which_there_were_requests() -> None:
    found = compare(
        table({"/a": {"us": 9_000, "count": 60}}, seed=1), table({"/a": {"us": 9_000, "count": 120}}, seed=2)
    )
    assert found.rows[0].base_per_minute == pytest.approx(1)
    assert found.rows[0].head_per_minute == pytest.approx(2)


def test_all_together_is_unchanged_only_if_enough_is_known_to_be() -> None:
    many = {"/a": {"us": 50_000, "count": 2_000}, "/b": {"us": 50_000, "count": 2}}
    assert compare(table(many, seed=1), table(many, seed=2)).verdict is Verdict.UNCHANGED
    few = {"/a": {"us": 50_000, "count": 2}}
    assert compare(table(few, seed=1), table(few, seed=2)).verdict is Verdict.INCONCLUSIVE
    nothing = table({}, seed=1)
    empty = compare(nothing, nothing)
    assert empty.verdict is Verdict.INCONCLUSIVE
    assert (empty.rows, empty.new, empty.vanished) == ([], [], [])


def test_other_hours_weekdays_and_endpoints_are_told() -> None:
    later = START + timedelta(days=1, hours=8)
    found = compare(
        table({"/a": {"us": 9_000, "count": 90}, "/b": {"us": 9_000, "count": 10}}, seed=1),
        table({"/a": {"us": 9_000, "count": 10}, "/b": {"us": 9_000, "count": 90}}, seed=2, start=later),
    )
    assert {warning.warned for warning in found.warnings} == {Warned.WEEKDAYS, Warned.HOURS, Warned.MIX}


def test_hours_that_differ_by_themselves_convict_no_version() -> None:
    verdicts, because = [], []
    for seed in range(20):
        base = table({"/a": {"us": 50_000, "count": 100}}, seed=seed, shared=0.4)
        head = table({"/a": {"us": 50_000, "count": 100}}, seed=seed + 100, shared=0.4)
        judged = compare(base, head).rows[0].judged
        verdicts.append(judged.verdict)
        because.append(judged.reasons[0].because)
    assert verdicts.count(Verdict.REGRESSED) + verdicts.count(Verdict.IMPROVED) <= 2
    # Each request for itself would convict in most of them.
    assert because.count(Because.DEPENDENT) >= 5


def test_finer_stretches_are_looked_at_where_there_are_any() -> None:
    draw, asked = random.Random(5), []
    minutes = [lanes(draw, median_us=50_000 * draw.lognormvariate(0, 0.5), count=20) for _ in range(40)]

    def finer(endpoint: EndpointKey) -> tuple[list[int], list[int]]:
        asked.append(endpoint.route)
        return minutes[:20], minutes[20:]

    slower = {"/a": {"us": 60_000}, "/b": {"us": 9_000}}
    found = versus.compare(
        table({"/a": {"us": 50_000}, "/b": {"us": 9_000}}, seed=1),
        table(slower, seed=2),
        zone=ZONE,
        finer=finer,
    )
    assert asked == ["/a"]
    [row] = [row for row in found.rows if row.endpoint.route == "/a"]
    assert row.judged.dependence
    assert row.judged.dependence.factor > 2
    assert row.warnings[0].warned is Warned.DEPENDENCE


def test_figures_are_those_of_the_histogram() -> None:
    found = compare(table({"/a": {"us": 9_000, "errors": 5}}, seed=1), table({"/a": {"us": 9_000}}, seed=2))
    base = found.rows[0].base
    assert (base.count, base.errors, base.timed, base.error_rate) == (300, 30, 300, 0.1)
    assert base.p50_us == pytest.approx(9_000, rel=0.1)
    assert base.p95_us
    assert base.p95_us > 12_000


def test_what_was_only_counted_has_no_times() -> None:
    counted = TimedTable(Period(Grain.HOUR, START, START + HOUR))
    counted.add(key("/a"), Part(START, 30, 0, 0))
    found = compare(counted, counted)
    assert found.rows[0].base.p50_us is None
    assert found.rows[0].judged.reasons[0].because is Because.TOO_FEW
