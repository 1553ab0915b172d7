"""What the address of a page asks for, and what a bad one falls back to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from profiles.grain import Grain
from profiles.scope_form import PERIODS, ScopeForm
from profiles.tests import batches
from projects.models import Project, Version
from projects.tests import factories

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 24, 10, 30, 20, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")
DAY = timedelta(days=1)


def scope(project: Project, query: str = "", *, kept: tuple[str, ...] = ()) -> ScopeForm:
    return ScopeForm(QueryDict(query), project, zone=ZONE, now=NOW, kept=kept)


@pytest.fixture
def version_id(project: Project) -> Any:
    batches.stored_profile(project)
    return Version.objects.get(project=project).pk


def test_nothing_asked_for_is_the_last_day_of_everything(project: Project, version_id: Any) -> None:
    found = scope(project)
    assert (found.span.start, found.span.end, found.span.is_live) == (NOW - DAY, NOW, True)
    assert found.chosen == {"version_id": None, "environment": None}
    assert (found.address, found.elsewhere, found.faults) == ("", "", [])
    assert found.asked_period().grain is Grain.HOUR


@pytest.mark.parametrize(
    ("code", "grain"), [("1h", "minute"), ("6h", "minute"), ("7d", "hour"), ("90d", "day")]
)
def test_periods_end_now(project: Project, code: str, grain: str) -> None:
    found = scope(project, f"period={code}")
    assert found.span.end - found.span.start == PERIODS[code][0]
    assert found.span.is_live
    assert found.asked_period().grain == grain
    assert found.address == f"?period={code}"
    assert [preset.code for preset in found.presets if preset.is_current] == [code]


def test_a_version_and_an_environment_are_named(project: Project, version_id: Any) -> None:
    version = Version.objects.get(pk=version_id)
    found = scope(project, f"version={version.name}&environment=production&period=7d")
    assert found.chosen == {"version_id": version_id, "environment": "production"}
    assert found.address == f"?version={version.name}&environment=production&period=7d"
    assert found.faults == []


def test_an_archived_version_can_still_be_looked_at(project: Project, version_id: Any) -> None:
    Version.objects.filter(pk=version_id).update(status="archived")
    name = Version.objects.get(pk=version_id).name
    assert scope(project).version_ids == {}
    assert scope(project, f"version={name}").version_id == version_id


def test_versions_of_other_projects_are_not_found(project: Project) -> None:
    batches.stored_profile(factories.project("Other"))
    found = scope(project, "version=2.4.1&environment=production")
    assert found.chosen == {"version_id": None, "environment": None}
    assert len(found.faults) == 2
    assert (found.version_ids, found.environments) == ({}, [])


@pytest.mark.parametrize(
    ("query", "start", "end"),
    [
        ("start=2026-11-24T09:30&end=2026-11-24T11:00", (24, 1, 30), (24, 3, 0)),
        ("start=2026-11-23T01:00:30Z&end=2026-11-23T02:00:00Z", (23, 1, 0), (23, 2, 0)),
        ("start=2026-11-23T09:00:00%2B08:00&end=2026-11-23T09:30", (23, 1, 0), (23, 1, 30)),
    ],
)
def test_a_period_of_ones_own_is_of_the_wall_clock_or_an_instant(
    project: Project, query: str, start: tuple[int, int, int], end: tuple[int, int, int]
) -> None:
    found = scope(project, query)
    assert found.faults == []
    assert (found.span.start.day, found.span.start.hour, found.span.start.minute) == start
    assert (found.span.end.day, found.span.end.hour, found.span.end.minute) == end
    assert not found.span.is_live
    assert not any(preset.is_current for preset in found.presets)
    # As instants in the address, which mean the same to people in other zones.
    again = scope(project, found.address[1:])
    assert again.span == found.span


def test_a_period_without_an_end_goes_on(project: Project) -> None:
    for query in ("start=2026-11-24T16:00", "start=2026-11-24T16:00&end=2027-01-01T00:00"):
        found = scope(project, query)
        assert found.span.is_live
        assert found.span.end == NOW
        assert found.address == "?start=2026-11-24T08%3A00%3A00Z"


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("period=2w", "Take one of 1h, 6h, 24h, 7d, 30d, 90d."),
        ("version=gone", "There is no version of this name."),
        ("version=%00", "There is no version of this name."),
        ("environment=gone", "Nothing has come from this environment."),
        ("start=yesterday", "Write it as 2026-11-24T09:30."),
        ("start=0001-01-01T00:00", "Write it as 2026-11-24T09:30."),
        ("start=2020-01-01T00:00", "Figures are kept for two years."),
        ("start=2026-11-24T19:00", "It must lie in the past."),
        ("start=2026-11-24T09:00&end=2026-11-24T09:00", "It must be a minute after the beginning, at least."),
        ("start=2026-11-24T09:00&end=9999-12-31T23:59-12:00", "Write it as 2026-11-24T09:30."),
        ("end=2026-11-24T09:00", "Say when it begins, too."),
    ],
)
def test_bad_values_are_told_and_left_out(project: Project, query: str, told: str) -> None:
    found = scope(project, query)
    assert [fault for _label, fault in found.faults if told in fault], found.faults
    assert found.span.start == NOW - DAY
    assert found.span.is_live
    assert found.address == ""


def test_what_was_written_stays_in_its_field(project: Project) -> None:
    found = scope(project, "start=2026-11-24T19:00&version=gone")
    assert found.start_value == "2026-11-24T19:00"
    found = scope(project, "start=2026-11-01T01:00:00Z&end=2026-11-01T01:00:00Z&version=gone")
    assert (found.start_value, found.end_value) == ("2026-11-01T09:00", "2026-11-01T01:00:00Z")
    assert '<option value="gone" selected>gone</option>' in str(found["version"])


def test_what_else_a_page_asks_for_is_kept(project: Project) -> None:
    found = scope(project, "kind=task&search=a%26b&period=7d&page=3", kept=("kind", "search"))
    assert found.address == "?period=7d&kind=task&search=a%26b"
    assert found.elsewhere == "?period=7d"
    assert dict(found.hidden) == {"period": "7d", "kind": "task", "search": "a&b"}
    assert dict(found.hidden_of_search) == {"period": "7d", "kind": "task"}
    assert dict(found.hidden_of_custom) == {"kind": "task", "search": "a&b"}
    assert found.query(period="24h") == "?kind=task&search=a%26b"


class AnyAddress(TestCase):
    """Whatever somebody writes into the address, the page has a period."""

    @given(
        values=st.dictionaries(
            st.sampled_from(["version", "environment", "period", "start", "end"]),
            st.text(max_size=30)
            | st.datetimes().map(lambda at: at.isoformat())
            | st.sampled_from(list(PERIODS)),
        )
    )
    def test_any_address_gives_a_period(self, values: dict[str, str]) -> None:
        project = Project.objects.first() or factories.project("Any")
        query = QueryDict(mutable=True)
        query.update(values)
        found = ScopeForm(query, project, zone=ZONE, now=NOW)
        assert found.span.start < found.span.end <= NOW
        assert found.asked_period().start <= found.span.start
        again = ScopeForm(QueryDict(found.address[1:]), project, zone=ZONE, now=NOW)
        assert again.faults == []
        assert abs(again.span.start - found.span.start) < timedelta(seconds=1)
