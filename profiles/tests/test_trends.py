"""What pages ask of rollups and trees: the answers, and that an index serves each question."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from itertools import chain
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from perfplatform import mongo
from profiles import histogram, merged
from profiles.fold import shards
from profiles.forest import TreeKey
from profiles.grain import HOUR, MINUTE, Grain
from profiles.models import Rollup, TreeBlob
from profiles.models.rollup import OF_SCOPE, SERIES, endpoints_stages, of_projects_query, series_query
from profiles.models.tree_blob import merged_query, tree_period
from profiles.rollup import EVERYTHING, Calls, EndpointKey
from profiles.tests import folding, ledgers
from profiles.tests.folding import Clock, Process, settle
from profiles.trends import MOST_STRETCHES, EndpointTotals, Group, Period
from projects.models import Project, Version
from projects.tests import factories

pytestmark = pytest.mark.django_db(transaction=True)

ZONE = ZoneInfo("UTC")
A = EndpointKey("request", "GET", "/a")
SAMPLED = TreeKey(*A, "sampler")


@pytest.fixture
def clock() -> Clock:
    return Clock()


def minute_before(clock: Clock, minutes: int) -> datetime:
    return clock.now.replace(second=0, microsecond=0) - minutes * MINUTE


def last(period: timedelta, clock: Clock, most: int = 400) -> Period:
    return Period.of(clock.now - period, clock.now, now=clock.now, zone=ZONE, most=most)


def version_id(name: str) -> Any:
    return Version.objects.get(name=name).pk


DURATIONS = {"1": [1_000, 2_000, 3_000], "2": [50_000] * 5, "staging": [900_000]}


@pytest.fixture
def processes(project: Project, clock: Clock) -> list[Process]:
    """Two versions, the second in two environments too; each said the same of four minutes."""
    made = [
        Process(project, version="1"),
        Process(project, version="2"),
        Process(project, version="2", environment="staging"),
    ]
    for process, durations in zip(made, DURATIONS.values(), strict=True):
        for ago in (1, 2, 3, 100):
            slow = ledgers.endpoint("/slow", durations=[10_000_000], errors=1)
            usual = ledgers.endpoint(
                "/a",
                durations=durations,
                counters=[[6, 1, 7, 2, 30]],
                stacks={"sampler": ledgers.stacks(10, 20)},
            )
            process.send(ledgers.document(minute_before(clock, ago), usual, slow))
    other = Process(factories.project("Elsewhere"))
    other.send(ledgers.document(minute_before(clock, 2), ledgers.endpoint("/a")))
    began = clock.now
    settle(clock)
    clock.now = began
    return made


def test_a_chart_of_one_endpoint_by_version_and_environment(
    project: Project, processes: list[Process], clock: Clock
) -> None:
    series = Rollup.objects.series(
        project.pk, A, period=last(HOUR, clock), version_id=version_id("2"), environment="production"
    )
    assert series.period.grain is Grain.MINUTE
    assert [point.start for point in series.points] == [minute_before(clock, ago) for ago in (3, 2, 1)]
    for point in series.points:
        found = point.measured
        assert (found.count, found.errors, found.timed, found.sum_us) == (5, 0, 5, 250_000)
        assert [found.p50_us, found.p95_us, found.p99_us] == pytest.approx([50_000] * 3, rel=0.01)
        assert found.counters == {"db": Calls(2, 30)}
    assert series.points[0].measured.mean_us == 50_000
    assert (series.whole.count, series.whole.sum_us) == (15, 750_000)
    assert series.whole.p95_us == pytest.approx(50_000, rel=0.01)


def test_a_chart_of_all_versions_merges_their_histograms(
    project: Project, processes: list[Process], clock: Clock
) -> None:
    series = Rollup.objects.series(project.pk, A, period=last(HOUR, clock))
    exact = sorted(chain.from_iterable(DURATIONS.values()))
    assert len(series.points) == 3
    for point in series.points:
        assert point.measured.count == len(exact)
        assert point.measured.p50_us == pytest.approx(exact[math.ceil(0.5 * len(exact)) - 1], rel=0.01)
        assert point.measured.p95_us == pytest.approx(exact[-1], rel=0.01)


def test_a_chart_of_everything_and_of_a_kind(
    project: Project, processes: list[Process], clock: Clock
) -> None:
    for endpoint in (EVERYTHING, EndpointKey("request", "", "*")):
        series = Rollup.objects.series(project.pk, endpoint, period=last(HOUR, clock), environment="staging")
        assert [(point.measured.count, point.measured.errors) for point in series.points] == [(2, 1)] * 3
        assert series.points[0].measured.error_rate == 0.5
    assert not Rollup.objects.series(
        project.pk, EndpointKey("task", "", "*"), period=last(HOUR, clock)
    ).points


def test_the_whole_is_what_a_chart_adds_up_to(
    project: Project, processes: list[Process], clock: Clock
) -> None:
    for endpoint in (A, EVERYTHING):
        for asked in ({}, {"version_id": version_id("2")}, {"environment": "staging"}):
            series = Rollup.objects.series(project.pk, endpoint, period=last(HOUR, clock), **asked)
            whole = Rollup.objects.whole(project.pk, endpoint, period=last(HOUR, clock), **asked)
            assert whole == series.whole
            assert whole.count == sum(point.measured.count for point in series.points)
            assert histogram.total(series.latency) == whole.timed
    nothing = Rollup.objects.whole(project.pk, EndpointKey("call", "", "*"), period=last(HOUR, clock))
    assert (nothing.count, nothing.p50_us) == (0, None)


def test_versions_and_environments_beside_each_other(
    project: Project, processes: list[Process], clock: Clock
) -> None:
    by_version = Rollup.objects.groups(project.pk, A, by=Group.VERSION, period=last(HOUR, clock))
    assert [(row.name, row.measured.count) for row in by_version.rows] == [("2", 18), ("1", 9)]
    assert by_version.rows[1].measured.p50_us == pytest.approx(2_000, rel=0.01)
    staged = Rollup.objects.groups(
        project.pk, A, by=Group.ENVIRONMENT, period=last(HOUR, clock), version_id=version_id("2")
    )
    assert [(row.name, row.measured.count) for row in staged.rows] == [("staging", 3), ("production", 15)]


def test_which_engines_have_trees_is_read_from_an_index(
    project: Project, processes: list[Process], clock: Clock
) -> None:
    period = tree_period(clock.now - 3 * HOUR, clock.now, now=clock.now, zone=ZONE)
    assert TreeBlob.objects.engines(project.pk, A, period=period) == ["sampler"]
    assert TreeBlob.objects.engines(project.pk, EndpointKey("task", "", "x"), period=period) == []
    asked = {
        "filter": merged_query(project.pk, SAMPLED, period=period),
        "projection": {"_id": 0, "engine": 1},
        "limit": 1,
    }
    found = executed(explain(TreeBlob, asked))
    assert (found["nReturned"], found["totalDocsExamined"]) == (1, 0)


def test_longer_charts_are_of_hours_and_days(
    project: Project, processes: list[Process], clock: Clock
) -> None:
    for period, grain in ((timedelta(days=1), Grain.HOUR), (timedelta(days=30), Grain.DAY)):
        series = Rollup.objects.series(project.pk, A, period=last(period, clock), version_id=version_id("1"))
        assert series.period.grain is grain
        assert sum(point.measured.count for point in series.points) == 4 * 3


def test_the_table_of_endpoints(project: Project, processes: list[Process], clock: Clock) -> None:
    table = Rollup.objects.endpoints(
        project.pk, period=last(20 * HOUR, clock, MOST_STRETCHES), version_id=version_id("2")
    )
    assert table.period.grain is Grain.HOUR
    slow, usual = table.rows
    assert (slow.endpoint, slow.measured.count, slow.measured.errors) == (
        EndpointKey("request", "GET", "/slow"),
        8,
        8,
    )
    assert (usual.endpoint, usual.measured.count, usual.measured.timed) == (A, 24, 24)
    assert usual.measured.sum_us == 4 * (250_000 + 900_000)
    assert usual.measured.p50_us == pytest.approx(50_000, rel=0.01)
    assert usual.measured.p99_us == pytest.approx(900_000, rel=0.01)
    assert usual.measured.counters == {"db": Calls(16, 240)}


def test_totals_are_those_of_the_table(project: Project, processes: list[Process], clock: Clock) -> None:
    seen_twice = ledgers.endpoint("/a", method="POST", durations=[5])
    slowed = ledgers.endpoint("/slowed", engine="pyinstrument", durations=[9_000_000])
    processes[0].send(ledgers.document(minute_before(clock, 4), seen_twice, slowed))
    began = clock.now
    settle(clock)
    period = last(20 * HOUR, Clock(began), MOST_STRETCHES)
    for choice in ({}, {"version_id": version_id("1")}, {"environment": "staging"}):
        table = Rollup.objects.endpoints(project.pk, period=period, **choice)
        totals = Rollup.objects.totals(project.pk, period=period, **choice)
        assert [
            EndpointTotals(
                row.endpoint, row.measured.count, row.measured.errors, row.measured.timed, row.measured.sum_us
            )
            for row in table.rows
        ] == totals
        for among in (
            [],
            [A],
            [A, EndpointKey("request", "GET", "/slow")],
            [EndpointKey("task", "GET", "/a")],
        ):
            some = Rollup.objects.endpoints(project.pk, period=period, among=among, **choice)
            assert some.rows == [row for row in table.rows if row.endpoint in among]


def test_an_endpoint_of_the_table_has_its_stretches(
    project: Project, processes: list[Process], clock: Clock
) -> None:
    table = Rollup.objects.endpoints(project.pk, period=last(20 * HOUR, clock, MOST_STRETCHES))
    usual = next(row for row in table.rows if row.endpoint == A)
    assert sum(rollup.count for rollup in usual.stretches.values()) == usual.measured.count
    start = min(usual.stretches)
    exact = [us for durations in DURATIONS.values() for us in durations]
    assert usual.p95_us([start - HOUR, start]) == [None, pytest.approx(max(exact), rel=0.01)]


def test_charts_of_many_projects(project: Project, processes: list[Process], clock: Clock) -> None:
    elsewhere, empty = Project.objects.get(name="Elsewhere"), factories.project("Empty")
    ids = [project.pk, elsewhere.pk, empty.pk]
    period = last(20 * HOUR, clock, MOST_STRETCHES)
    versions = Version.objects.heard_of(ids, period.start)
    found = Rollup.objects.of_projects(ids, versions, kind="request", period=period)
    assert {key: series.whole.count for key, series in found.items()} == {
        project.pk: 4 * (len(processes) + sum(map(len, DURATIONS.values()))),
        elsewhere.pk: 1,
    }
    assert found[project.pk].whole.errors == 4 * len(processes)
    of_one = Rollup.objects.of_projects(ids, [version_id("2")], kind="request", period=period)
    assert of_one[project.pk].whole.count == 4 * (2 + 5 + 1)
    assert not Rollup.objects.of_projects(ids, versions, kind="task", period=period)


def test_the_merged_tree_of_an_endpoint(project: Project, processes: list[Process], clock: Clock) -> None:
    for length in (timedelta(hours=3), timedelta(days=9)):
        period = tree_period(clock.now - length, clock.now, now=clock.now, zone=ZONE)
        whole = TreeBlob.objects.merged(project.pk, SAMPLED, period=period)
        assert whole == folding.expected_trees(processes)[SAMPLED]
        staging = TreeBlob.objects.merged(
            project.pk, SAMPLED, period=period, version_id=version_id("2"), environment="staging"
        )
        assert staging == folding.expected_trees(processes[2:])[SAMPLED]
        assert sum(staging.self_us) == 4 * 35
    nothing = TreeBlob.objects.merged(project.pk, TreeKey(*A, "pyinstrument"), period=period)
    assert nothing == merged.merge([])


# Plans


def scanned(plan: Any) -> set[str]:
    """The names of all stages of a plan, however deep."""
    if isinstance(plan, dict):
        below = set().union(*(scanned(value) for value in plan.values()))
        return below | ({plan["stage"]} if isinstance(plan.get("stage"), str) else set())
    return set().union(*(scanned(value) for value in plan)) if isinstance(plan, list) else set()


def executed(plan: dict[str, Any]) -> dict[str, Any]:
    """executionStats, of a find or of an aggregation."""
    found: dict[str, Any] = (plan["stages"][0]["$cursor"] if "stages" in plan else plan)["executionStats"]
    return found


def explain(model: Any, command: dict[str, Any]) -> dict[str, Any]:
    table = model._meta.db_table
    asked = {"aggregate": table, "cursor": {}} if "pipeline" in command else {"find": table}
    return mongo.database().command("explain", {**asked, **command}, verbosity="executionStats")


def assert_served(plan: dict[str, Any], *, returned: int, spare: int) -> None:
    """An index serves it, without a sort, and hardly anything is read that is not wanted."""
    assert "IXSCAN" in scanned(plan)
    assert not {"COLLSCAN", "SORT"} & scanned(plan)
    found = executed(plan)
    assert found["totalDocsExamined"] == returned
    assert found["totalKeysExamined"] <= returned + spare


@pytest.fixture
def many(project: Project, clock: Clock) -> None:
    """Two hours of two versions in two environments with four endpoints, and another project."""
    for version in ("1", "2"):
        for environment in ("production", "staging"):
            process = Process(project, version=version, environment=environment)
            routes = ["/a", "/b", "/c", "/d"]
            for ago in range(1, 121, 4):
                process.send(ledgers.random_document(minute_before(clock, ago), routes, seed=ago))
    other = Process(factories.project("Elsewhere"))
    other.send(ledgers.random_document(minute_before(clock, 2), ["/a", "/e"], seed=1))
    began = clock.now
    while shards.run(clock=clock, seconds=60):
        pass
    clock.now = began


CHOICES = [{}, {"version": "1"}, {"environment": "staging"}, {"version": "2", "environment": "production"}]


def chosen(choice: dict[str, str]) -> dict[str, Any]:
    asked: dict[str, Any] = {}
    if "version" in choice:
        asked["version_id"] = version_id(choice["version"])
    if "environment" in choice:
        asked["environment"] = choice["environment"]
    return asked


@pytest.mark.long
def test_an_index_serves_every_question(project: Project, many: None, clock: Clock) -> None:
    for choice in CHOICES:
        asked = chosen(choice)
        parts = 4 // 2 ** len(choice)
        chart = series_query(project.pk, A, period=last(HOUR, clock), **asked)
        # One key more for each version and environment that may be left behind.
        assert_served(explain(Rollup, {"filter": chart}), returned=15 * parts, spare=12)
        table = endpoints_stages(project.pk, period=last(HOUR, clock), **asked)
        plan = explain(Rollup, {"pipeline": table, "hint": OF_SCOPE})
        # The sums of the kind and of everything lie beside the four endpoints.
        assert executed(plan)["totalDocsExamined"] == 6 * 15 * parts
        assert executed(plan)["totalKeysExamined"] <= 6 * 15 * parts + 12
        assert not {"COLLSCAN"} & scanned(plan)
        few = endpoints_stages(project.pk, period=last(HOUR, clock), among=[A], **asked)
        plan = explain(Rollup, {"pipeline": few, "hint": SERIES})
        assert executed(plan)["totalDocsExamined"] == 15 * parts
        # One key more for each kind, version and environment that may be left behind.
        assert executed(plan)["totalKeysExamined"] <= 15 * parts + 20
        period = tree_period(clock.now - 3 * HOUR, clock.now, now=clock.now, zone=ZONE)
        tree = merged_query(project.pk, SAMPLED, period=period, **asked)
        hours = len({minute_before(clock, ago).replace(minute=0) for ago in range(1, 121, 4)})
        assert_served(explain(TreeBlob, {"filter": tree}), returned=hours * parts, spare=12)


@pytest.mark.long
def test_an_index_serves_the_list_of_projects(project: Project, many: None, clock: Clock) -> None:
    ids = list(Project.objects.values_list("pk", flat=True))
    period = last(20 * HOUR, clock, MOST_STRETCHES)
    versions = Version.objects.heard_of(ids, period.start)
    assert len(versions) == 3
    asked = of_projects_query(ids, versions, kind="request", period=period)
    plan = explain(Rollup, {"filter": asked, "hint": SERIES})
    found = Rollup.objects.of_projects(ids, versions, kind="request", period=period)
    stretches = sum(len(series.points) for series in found.values())
    # One key more for each project and version that do not go together, and for each environment left behind.
    assert executed(plan)["totalDocsExamined"] <= 4 * stretches
    assert executed(plan)["totalKeysExamined"] <= executed(plan)["totalDocsExamined"] + 24
    assert not {"COLLSCAN", "SORT"} & scanned(plan)
