"""Lists of profiles: filters, cursors, counts, and that indexes serve them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId

from perfplatform import mongo
from profiles.models import Ledger, Profile, SessionBlob
from profiles.models import profile as models
from profiles.queries import Cursor, FilterChoices, InvalidCursor, ProfileFilters, ProfilePage
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
        "tags": {"tenant": "acme"},
        "counters": [],
        **changes,
    }
    mongo.collection(Profile).insert_one(document)
    return str(document["_id"])


def ids(page: ProfilePage) -> list[str]:
    return [profile.pk for profile in page.items]


def test_newest_first_and_nothing_of_others(project: Project) -> None:
    inserted = [insert(project, started_at=START + timedelta(minutes=n)) for n in range(3)]
    insert(factories.project("Elsewhere"))
    page = Profile.objects.page(project.pk, ProfileFilters())
    assert ids(page) == inserted[::-1]
    assert (page.total, page.total_is_capped, page.next_cursor) == (3, False, None)
    assert page.items[0].started_at == START + timedelta(minutes=2)
    assert page.items[0].tags == {}


def test_cursor_walks_through_equal_times_without_loss(project: Project) -> None:
    for n in range(23):
        insert(project, started_at=START + timedelta(milliseconds=n // 7))
    walked: list[str] = []
    cursor = None
    while True:
        page = Profile.objects.page(project.pk, ProfileFilters(), cursor=cursor, limit=4)
        walked += ids(page)
        assert page.total == 23
        cursor = page.next_cursor
        if cursor is None:
            break
    assert walked == ids(Profile.objects.page(project.pk, ProfileFilters(), limit=100))
    assert len(set(walked)) == 23


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
        "Wy05OTk5OTk5OTk5OTk5OTk5OSwiYSJd",
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
    ],
)
def test_filters(project: Project, filters: ProfileFilters, expected: str) -> None:
    differences: dict[str, dict[str, Any]] = {
        "a": {},
        "b": {"endpoint": "/b", "status": 404},
        "c": {"kind": "task", "status": None, "is_error": True},
        "d": {"version_name": "2.0", "duration_us": 5_000},
        "e": {"environment": "staging", "duration_us": 6_000},
    }
    names = {insert(project, **changes): name for name, changes in differences.items()}
    page = Profile.objects.page(project.pk, filters)
    assert sorted(names[profile_id] for profile_id in ids(page)) == list(expected)
    assert page.total == len(expected)


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
    assert choices == FilterChoices(["/a", "/b"], ["1.0", "2.0"], ["production", "staging"])
    assert Profile.objects.choices(ObjectId()) == FilterChoices([], [], [])


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


def stages(plan: dict[str, Any]) -> list[str]:
    """Return the names of all stages of a winning plan, the last one first."""
    below = [plan["inputStage"]] if "inputStage" in plan else plan.get("inputStages", [])
    return [plan["stage"], *(name for inner in below for name in stages(inner))]


@pytest.mark.parametrize(
    "filters",
    [
        ProfileFilters(),
        ProfileFilters(endpoint="/a"),
        ProfileFilters(version="1.0"),
        ProfileFilters(status="error"),
        ProfileFilters(min_duration_us=5_000),
        ProfileFilters(endpoint="/a", environment="production"),
    ],
)
@pytest.mark.parametrize("with_cursor", [False, True])
def test_lists_are_served_by_an_index(
    project: Project, filters: ProfileFilters, *, with_cursor: bool
) -> None:
    for n in range(40):
        insert(project, started_at=START + timedelta(minutes=n))
    cursor = Profile.objects.page(project.pk, ProfileFilters(), limit=9).next_cursor
    query: dict[str, Any] = {"project_id": project.pk, **filters.query()}
    if with_cursor and cursor:
        query = {"$and": [query, Cursor.read(cursor).query()]}
    found = mongo.collection(Profile).find(query, sort=models.NEWEST_FIRST, limit=26)
    used = stages(found.explain()["queryPlanner"]["winningPlan"])
    assert "IXSCAN" in used
    assert not {"SORT", "COLLSCAN"} & set(used), used


def test_choices_jump_from_value_to_value(project: Project) -> None:
    """The aggregation reads one index key for each value, not one for each profile."""
    for n in range(60):
        insert(project, endpoint=f"/{n % 3}")
    pipeline = models.distinct_stages(project.pk, "endpoint")
    command = {"aggregate": Profile._meta.db_table, "pipeline": pipeline, "cursor": {}}
    explained = mongo.database().command("explain", command, verbosity="executionStats")
    assert "DISTINCT_SCAN" in str(explained)


def test_expiry_indexes(db: None) -> None:
    for model in (Profile, SessionBlob, Ledger):
        indexes = mongo.collection(model).index_information()
        assert indexes["expires_at_ttl"]["expireAfterSeconds"] == 0
