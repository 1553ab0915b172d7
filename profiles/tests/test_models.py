"""Lists of profiles: filters, cursors, counts, and that indexes serve them."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId

from perfplatform import mongo
from profiles.labels import labels
from profiles.models import Ledger, Profile, SessionBlob
from profiles.models import profile as models
from profiles.queries import FilterChoices, InvalidCursor, Order, ProfileFilters, ProfilePage
from profiles.tests import batches
from projects.models import Project
from projects.tests import factories

START = datetime(2026, 11, 22, 10, tzinfo=UTC)


def insert(project: Project, **changes: Any) -> str:
    """Insert the document of a profile; return its id."""
    document: dict[str, Any] = {
        "_id": batches.new_id(),
        "project_id": project.pk,
        "version_id": ObjectId(),
        "version_name": "1.0",
        "environment": "production",
        "kind": "request",
        "endpoint": "/a",
        "method": "GET",
        "status": 200,
        "is_error": False,
        "started_at": START,
        "duration_us": 1_000,
        "error_type": "",
        "trigger": "sampled",
        "trace_id": "",
        "hostname": "web-1",
        "tags": {"tenant": "acme"},
        "counters": [],
        **changes,
    }
    mongo.collection(Profile).insert_one({**document, "labels": labels(document)})
    return str(document["_id"])


def ids(page: ProfilePage) -> list[str]:
    return [profile.pk for profile in page.items]


def forged(cursor: list[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(cursor).encode()).decode()


def test_newest_first_and_nothing_of_others(project: Project) -> None:
    inserted = [insert(project, started_at=START + timedelta(minutes=n)) for n in range(3)]
    insert(factories.project("Elsewhere"))
    page = Profile.objects.page(project.pk, ProfileFilters())
    assert ids(page) == inserted[::-1]
    assert (page.total, page.total_is_capped, page.next_cursor) == (3, False, None)
    assert page.items[0].started_at == START + timedelta(minutes=2)
    assert page.items[0].tags == {}


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("offset", [0, 5, 9])
def test_cursor_walks_through_equal_values_without_loss(project: Project, order: Order, offset: int) -> None:
    for n in range(23):
        insert(project, started_at=START + timedelta(milliseconds=n // 7), duration_us=n // 9)
    whole = ids(Profile.objects.page(project.pk, ProfileFilters(), order=order, limit=100))
    page = Profile.objects.page(project.pk, ProfileFilters(), order=order, offset=offset, limit=4)
    walked = ids(page)
    while page.next_cursor:
        page = Profile.objects.page(
            project.pk, ProfileFilters(), order=order, cursor=page.next_cursor, limit=4
        )
        walked += ids(page)
        assert page.total == 23
    assert walked == whole[offset:]
    assert len(set(whole)) == 23


def test_slowest_first(project: Project) -> None:
    durations = {insert(project, duration_us=us): us for us in (30, 10, 50, 20)}
    page = Profile.objects.page(project.pk, ProfileFilters(), order=Order.SLOWEST)
    assert [durations[profile_id] for profile_id in ids(page)] == [50, 30, 20, 10]


def test_cursor_of_another_order_is_refused(project: Project) -> None:
    for _ in range(3):
        insert(project)
    cursor = Profile.objects.page(project.pk, ProfileFilters(), limit=1).next_cursor
    with pytest.raises(InvalidCursor):
        Profile.objects.page(project.pk, ProfileFilters(), order=Order.SLOWEST, cursor=cursor)


def test_cursor_stays_where_it_is_while_new_ones_arrive(project: Project) -> None:
    old = [insert(project, started_at=START - timedelta(minutes=n)) for n in range(6)]
    first = Profile.objects.page(project.pk, ProfileFilters(), limit=3)
    for n in range(1, 5):
        insert(project, started_at=START + timedelta(minutes=n))
    rest = Profile.objects.page(project.pk, ProfileFilters(), cursor=first.next_cursor, limit=10)
    assert ids(first) + ids(rest) == old


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "e30=",
        "W10=",
        "WzEsMl0=",
        "bnVsbA==",
        "é",
        "=" * 99,
        "WzFlOTksICJhIl0=",
        forged(["newest", -99999999999999999, 1]),
        forged(["newest", 1, -1]),
        forged(["newest", 1, 2**40]),
        forged(["newest", 2**70, 1]),
        forged(["upwards", 1, 1]),
    ],
)
def test_a_cursor_of_nobody_is_refused(project: Project, cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        Profile.objects.page(project.pk, ProfileFilters(), cursor=cursor)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (ProfileFilters(), "abcde"),
        (ProfileFilters(endpoint="/b"), "b"),
        (ProfileFilters(kind="task"), "c"),
        (ProfileFilters(version="2.0"), "d"),
        (ProfileFilters(environment="staging"), "e"),
        (ProfileFilters(status="ok"), "abde"),
        (ProfileFilters(status="error"), "c"),
        (ProfileFilters(status="404"), "b"),
        (ProfileFilters(min_duration_us=5_000), "de"),
        (ProfileFilters(min_duration_us=5_001), "e"),
        (ProfileFilters(min_duration_us=0), "abcde"),
        (ProfileFilters(version="2.0", environment="staging"), ""),
        (ProfileFilters(status="ok", min_duration_us=5_000, version="2.0"), "d"),
        (ProfileFilters(status="200"), "ade"),
        (ProfileFilters(kind="request"), "abde"),
        (ProfileFilters(trigger="sampled"), "abce"),
        (ProfileFilters(trigger="slow"), "d"),
        (ProfileFilters(exception="builtins.ValueError"), "c"),
        (ProfileFilters(exception="ValueError"), ""),
        (ProfileFilters(tag="tenant=acme"), "abce"),
        (ProfileFilters(tag="tenant=a=b"), "d"),
        (ProfileFilters(tag="tenant="), ""),
        (ProfileFilters(trace_id="t1"), "e"),
        (ProfileFilters(trace_id="t1", tag="tenant=acme"), "e"),
        (ProfileFilters(trace_id="t1", tag="tenant=a=b"), ""),
        (ProfileFilters(host="web-2"), "b"),
        (ProfileFilters(max_duration_us=5_000), "abcd"),
        (ProfileFilters(min_duration_us=1_001, max_duration_us=5_000), "d"),
        (ProfileFilters(since=START + timedelta(hours=1)), "a"),
        (ProfileFilters(until=START + timedelta(hours=1)), "bcde"),
        (ProfileFilters(since=START, until=START), ""),
    ],
)
def test_filters(project: Project, filters: ProfileFilters, expected: str) -> None:
    differences: dict[str, dict[str, Any]] = {
        "a": {"started_at": START + timedelta(hours=1)},
        "b": {"endpoint": "/b", "status": 404, "hostname": "web-2"},
        "c": {"kind": "task", "status": None, "is_error": True, "error_type": "builtins.ValueError"},
        "d": {"version_name": "2.0", "duration_us": 5_000, "trigger": "slow", "tags": {"tenant": "a=b"}},
        "e": {"environment": "staging", "duration_us": 6_000, "trace_id": "t1"},
    }
    names = {insert(project, **changes): name for name, changes in differences.items()}
    for order in Order:
        page = Profile.objects.page(project.pk, filters, order=order)
        assert sorted(names[profile_id] for profile_id in ids(page)) == list(expected)
        assert (page.total, page.total_is_capped) == (len(expected), False)


def test_total_is_capped(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "MOST_COUNTED", 5)
    for _ in range(5):
        insert(project)
    page = Profile.objects.page(project.pk, ProfileFilters(), limit=2)
    assert (page.total, page.total_is_capped) == (5, False)
    insert(project)
    page = Profile.objects.page(project.pk, ProfileFilters(), limit=2)
    assert (page.total, page.total_is_capped) == (5, True)


def test_choices(project: Project) -> None:
    insert(project, endpoint="/b", version_name="2.0")
    insert(project, endpoint="/a", environment="staging")
    insert(project, endpoint="/a")
    insert(factories.project("Elsewhere"), endpoint="/secret")
    choices = Profile.objects.choices(project.pk)
    assert choices == FilterChoices(["/a", "/b"], ["1.0", "2.0"], ["production", "staging"], ["web-1"])
    assert Profile.objects.choices(ObjectId()) == FilterChoices([], [], [], [])


def test_newest_at(project: Project) -> None:
    other, empty = factories.project("Other"), factories.project("Empty")
    for n in range(3):
        insert(project, started_at=START + timedelta(minutes=n))
    insert(other, started_at=START)
    found = Profile.objects.newest_at([project.pk, other.pk, empty.pk])
    assert found == {project.pk: START + timedelta(minutes=2), other.pk: START}
    assert Profile.objects.newest_at([]) == {}


def test_any_for(project: Project) -> None:
    assert Profile.objects.any_for(project.pk) is None
    insert(project)
    newest = insert(project, started_at=START + timedelta(seconds=1))
    found = Profile.objects.any_for(project.pk)
    assert found is not None
    assert (found.pk, found.tags) == (newest, {"tenant": "acme"})


def test_session_that_is_gone(db: None) -> None:
    with pytest.raises(SessionBlob.DoesNotExist):
        SessionBlob.objects.session("0" * 32)


def test_expiry_indexes(db: None) -> None:
    for model in (Profile, SessionBlob, Ledger):
        indexes = mongo.collection(model).index_information()
        assert indexes["expires_at_ttl"]["expireAfterSeconds"] == 0
