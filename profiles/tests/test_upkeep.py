"""How long profiles are kept: by settings that change, by being slow, and by a quota."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pymongo.collection import Collection

from perfplatform import mongo
from profiles import storage, tasks, upkeep
from profiles.lifetime import LEAST, Terms
from profiles.models import Profile, SessionBlob, Upkeep
from profiles.tests import batches
from projects.models import Project
from projects.tests import factories

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)


class Killed(BaseException):
    """Stands for the end of the worker: nothing catches it."""


def insert(project: Project, **changes: Any) -> str:
    """A stored profile with its recording, as ingest leaves them."""
    received_at = changes.pop("received_at", NOW)
    expires_at = received_at + project.retention_days * DAY
    document = {
        "_id": batches.new_id(),
        "project_id": project.pk,
        "version_name": "1.0",
        "environment": "production",
        "kind": "request",
        "endpoint": "/a",
        "method": "GET",
        "started_at": received_at,
        "received_at": received_at,
        "duration_us": 1_000,
        "expires_at": expires_at,
        **changes,
    }
    mongo.collection(Profile).insert_one(document)
    recording = {"_id": document["_id"], "project_id": project.pk, "data": os.urandom(3_000)}
    mongo.collection(SessionBlob).insert_one({**recording, "expires_at": expires_at})
    return str(document["_id"])


def lives(model: type[Profile] | type[SessionBlob], since: datetime = NOW) -> dict[str, float]:
    """Until when each is kept, in days after `since`."""
    found = mongo.collection(model).find({}, {"expires_at": 1})
    return {row["_id"]: (row["expires_at"].replace(tzinfo=UTC) - since) / DAY for row in found}


def change(project: Project, **settings: Any) -> Project:
    Project.objects.filter(pk=project.pk).update(**settings)
    project.refresh_from_db()
    return project


def left(project: Project) -> set[str]:
    profiles = {row["_id"] for row in mongo.collection(Profile).find({"project_id": project.pk})}
    recordings = {row["_id"] for row in mongo.collection(SessionBlob).find({"project_id": project.pk})}
    assert profiles == recordings
    return profiles


@contextmanager
def killed_at(write: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The worker dies at its write of this number; the list holds how many there were."""
    writes = [0]
    with monkeypatch.context() as patch:
        for name in ("update_many", "update_one", "bulk_write", "delete_many"):
            plain = getattr(Collection, name)

            def call(rows: Any, *arguments: Any, plain: Any = plain, **options: Any) -> Any:
                writes[0] += 1
                if writes[0] == write:
                    raise Killed
                return plain(rows, *arguments, **options)

            patch.setattr(Collection, name, call)
        yield writes


def run_through_kills(task: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs a task that dies one write later each time, until it gets through."""
    for write in range(1, 300):
        with killed_at(write, monkeypatch) as writes:
            try:
                task()
            except Killed:
                continue
        assert writes[0] < write
        return
    pytest.fail("it never got through")


# Days


@pytest.mark.parametrize(("before", "after"), [(14, 3), (14, 200)])
def test_changed_days_hold_for_what_is_stored(
    project: Project, monkeypatch: pytest.MonkeyPatch, before: int, after: int
) -> None:
    monkeypatch.setattr(upkeep, "BATCH", 4)
    change(project, retention_days=before)
    other = factories.project("Other", retention_days=before)
    for n in range(10):
        # Seven start in the same millisecond, more than a batch.
        insert(project, started_at=NOW - timedelta(hours=min(n, 3)))
    untouched = insert(other)
    tasks.apply_retention()
    assert set(lives(Profile).values()) == {before}
    change(project, retention_days=after)
    tasks.apply_retention()
    for model in (Profile, SessionBlob):
        found = lives(model)
        assert found.pop(untouched) == before
        assert set(found.values()) == {after}


def test_changed_days_survive_a_kill_at_any_write(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "BATCH", 3)
    for n in range(10):
        insert(project, started_at=NOW - timedelta(minutes=n))
    change(project, retention_days=5)
    run_through_kills(tasks.apply_retention, monkeypatch)
    assert set(lives(Profile).values()) == set(lives(SessionBlob).values()) == {5}


def test_once_applied_nothing_is_walked_again(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    insert(project)
    tasks.apply_retention()
    monkeypatch.setattr(upkeep, "_walk", lambda *_arguments, **_options: pytest.fail("walked again"))
    tasks.apply_retention()


def test_walk_goes_on_where_time_was_up(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "BATCH", 2)
    for n in range(6):
        insert(project, started_at=NOW - timedelta(minutes=n))
    change(project, retention_days=5)
    clock = iter([0.0, 2.0, 2.0, 2.0])
    with monkeypatch.context() as patch:
        patch.setattr(upkeep, "time", SimpleNamespace(monotonic=lambda: next(clock)))
        upkeep.apply_terms(until=1.0)
    assert sorted(lives(Profile).values()) == [5, 5, 14, 14, 14, 14]
    tasks.apply_retention()
    assert set(lives(Profile).values()) == {5}


def test_no_life_is_shorter_than_half_a_day() -> None:
    terms = Terms(retention_days=0, slowest_days=0)
    assert terms.expires_at(NOW) == NOW + LEAST
    assert Terms(retention_days=20, slowest_days=7).expires_at(NOW, is_slowest=True) == NOW + 20 * DAY


# The slowest


def test_slowest_of_each_endpoint_version_and_method_are_kept_longer(project: Project) -> None:
    change(project, slowest_kept=2)
    groups = [
        {"endpoint": "/a", "version_name": "1.0", "method": "GET"},
        {"endpoint": "/a", "version_name": "2.0", "method": "GET"},
        {"endpoint": "/a", "version_name": "1.0", "method": "POST"},
        {"endpoint": "/b", "version_name": "1.0", "method": "GET"},
    ]
    slowest = set()
    for start, group in enumerate(groups):
        ids = [insert(project, **group, duration_us=start * 100 + n) for n in (1, 4, 2, 3, 5)]
        slowest |= {ids[1], ids[4]}
    other = insert(factories.project("Other"), duration_us=10**9)
    tasks.keep_slowest()
    for model in (Profile, SessionBlob):
        found = lives(model)
        assert {key for key, days in found.items() if days == 90} - {other} == slowest
        assert {days for key, days in found.items() if key not in slowest | {other}} == {14}


def test_those_that_are_no_longer_the_slowest_are_released(project: Project) -> None:
    change(project, slowest_kept=1)
    first = insert(project, duration_us=5, received_at=NOW - 20 * DAY)
    upkeep.choose_slowest(project, "/a")
    assert lives(Profile)[first] == 70
    second = insert(project, duration_us=6)
    upkeep.choose_slowest(project, "/a")
    # Its ordinary days are over: MongoDB removes it within a minute.
    assert lives(Profile) == lives(SessionBlob) == {first: -6, second: 90}
    assert [life.profile_id for life in Profile.lives.marked_slowest(project.pk, "/a")] == [second]
    change(project, slowest_kept=0)
    upkeep.choose_slowest(project, "/a")
    assert lives(Profile)[second] == 14
    assert mongo.collection(Profile).count_documents({"is_slowest": {"$exists": True}}) == 0


def test_equally_slow_ones_do_not_take_turns(project: Project) -> None:
    change(project, slowest_kept=2)
    for _ in range(5):
        insert(project, duration_us=7)
    upkeep.choose_slowest(project, "/a")
    chosen = {life.profile_id for life in Profile.lives.marked_slowest(project.pk, "/a")}
    assert len(chosen) == 2
    upkeep.choose_slowest(project, "/a")
    assert {life.profile_id for life in Profile.lives.marked_slowest(project.pk, "/a")} == chosen


def test_choosing_survives_a_kill_at_any_write(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    change(project, slowest_kept=1)
    old = [insert(project, endpoint=f"/{n}", duration_us=5) for n in range(3)]
    tasks.keep_slowest()
    new = [insert(project, endpoint=f"/{n}", duration_us=6) for n in range(3)]
    Upkeep.objects.update(slowest_done_at=None)
    run_through_kills(tasks.keep_slowest, monkeypatch)
    expected = dict.fromkeys(old, 14.0) | dict.fromkeys(new, 90.0)
    assert lives(Profile) == lives(SessionBlob) == expected


def test_changed_days_leave_the_slowest_their_own(project: Project) -> None:
    change(project, slowest_kept=1)
    slow, fast = insert(project, duration_us=5), insert(project, duration_us=1)
    tasks.keep_slowest()
    change(project, retention_days=3, slowest_days=30)
    tasks.apply_retention()
    assert lives(Profile) == lives(SessionBlob) == {slow: 30, fast: 3}
    change(project, retention_days=60)
    tasks.apply_retention()
    assert set(lives(Profile).values()) == {60}


def test_choice_holds_for_an_hour(project: Project) -> None:
    insert(project, duration_us=5)
    tasks.keep_slowest()
    done_at = Upkeep.objects.of(project.pk).slowest_done_at
    tasks.keep_slowest()
    assert Upkeep.objects.of(project.pk).slowest_done_at == done_at
    Upkeep.objects.update(slowest_done_at=NOW - timedelta(hours=2))
    tasks.keep_slowest()
    assert Upkeep.objects.of(project.pk).slowest_done_at != NOW - timedelta(hours=2)


def test_choice_reads_no_profile_that_it_does_not_choose(project: Project) -> None:
    for n in range(200):
        insert(project, duration_us=n, version_name=f"1.{n % 2}")
    groups = [
        {"$match": {"project_id": project.pk, "endpoint": "/a"}},
        {"$group": {"_id": {"v": "$version_name", "m": "$method"}, "n": {"$max": "$duration_us"}}},
    ]
    command = {
        "aggregate": Profile._meta.db_table,
        "pipeline": groups,
        "cursor": {},
        "hint": "profile_endpoint_slowest",
    }
    plan = str(mongo.database().command("explain", command, verbosity="executionStats"))
    assert "'FETCH'" not in plan
    of_group = {"version_name": "1.1", "method": "GET", "duration_us": {"$gte": 190}}
    found = mongo.collection(Profile).find({"project_id": project.pk, "endpoint": "/a", **of_group})
    done = found.sort("duration_us", -1).hint("profile_endpoint_slowest").limit(5).explain()["executionStats"]
    assert done["totalDocsExamined"] == 5


def test_endpoints_are_walked_in_order(project: Project) -> None:
    for n in (3, 1, 2, 1):
        insert(project, endpoint=f"/{n}")
    assert Profile.lives.endpoints_after(project.pk, "", 2) == ["/1", "/2"]
    assert Profile.lives.endpoints_after(project.pk, "/2", 2) == ["/3"]
    assert Profile.lives.endpoints_after(project.pk, "/3", 2) == []


# The quota


def of_quota(project: Project, profiles: float) -> Project:
    """A quota for so many of the project's profiles."""
    settle()
    used = storage.measure(project.pk)
    return change(project, storage_quota_bytes=round(used.other_bytes + profiles * used.profile_bytes))


def settle() -> None:
    """Writes everything into the files, whose sizes are measured; MongoDB does it once a minute."""
    mongo.database().client.admin.command("fsync")


def test_oldest_profiles_go_until_the_quota_holds(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "BATCH", 3)
    other = factories.project("Other")
    ids = [insert(project, received_at=NOW - (20 - n) * DAY) for n in range(20)]
    others = {insert(other, received_at=NOW - 30 * DAY)}
    of_quota(project, 8.5)
    tasks.hold_quotas()
    assert left(project) == set(ids[-8:])
    assert left(other) == others
    # Nothing more goes, whatever the files still hold.
    tasks.hold_quotas()
    assert left(project) == set(ids[-8:])
    assert Upkeep.objects.of(project.pk).profiles == 8


def test_without_a_quota_nothing_goes(project: Project) -> None:
    ids = {insert(project, received_at=NOW - 20 * DAY) for _ in range(5)}
    tasks.hold_quotas()
    assert left(project) == ids
    assert Upkeep.objects.of(project.pk).profiles == 5


def test_nothing_goes_within_half_a_day_of_its_arrival(project: Project) -> None:
    young = insert(project, received_at=timezone.now() - timedelta(hours=11, minutes=50))
    # It started long before it came: what counts is the arrival.
    late = insert(project, received_at=timezone.now(), started_at=NOW - 2 * DAY)
    old = insert(project, received_at=timezone.now() - timedelta(hours=12, minutes=10))
    assert old in left(project)
    of_quota(project, 0.5)
    tasks.hold_quotas()
    assert left(project) == {young, late}


def test_the_slowest_go_last(project: Project) -> None:
    change(project, slowest_kept=1)
    slow = insert(project, duration_us=9_000, received_at=NOW - 10 * DAY)
    fast = [insert(project, received_at=NOW - n * DAY) for n in (9, 8, 7)]
    tasks.keep_slowest()
    of_quota(project, 2.5)
    tasks.hold_quotas()
    assert left(project) == {slow, fast[2]}
    Upkeep.objects.update(measured_at=None)
    change(project, storage_quota_bytes=1)
    tasks.hold_quotas()
    assert left(project) == set()


def test_quota_survives_a_kill_at_any_write(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "BATCH", 2)
    ids = [insert(project, received_at=NOW - (20 - n) * DAY) for n in range(12)]
    of_quota(project, 4.5)
    run_through_kills(tasks.hold_quotas, monkeypatch)
    assert left(project) == set(ids[-4:])


def test_a_project_with_large_recordings_uses_more(project: Project) -> None:
    large, small = project, factories.project("Small")
    for n in range(40):
        insert(small, received_at=NOW - n * DAY)
        key = insert(large, received_at=NOW - n * DAY)
        mongo.collection(SessionBlob).update_one({"_id": key}, {"$set": {"data": os.urandom(30_000)}})
    settle()
    assert storage.measure(large.pk).stored_bytes > 3 * storage.measure(small.pk).stored_bytes
    assert storage.measure(large.pk).profiles == 40
    assert storage.measure(factories.project("Empty").pk).profile_bytes == 0


def test_projects_that_are_being_deleted_are_left_alone(project: Project) -> None:
    insert(project, received_at=NOW - 20 * DAY)
    change(project, storage_quota_bytes=1)
    project.mark_for_deletion()
    for task in (tasks.apply_retention, tasks.keep_slowest, tasks.hold_quotas):
        task()
    assert len(left(project)) == 1
    assert not Upkeep.objects.exists()


def test_time_that_is_up_ends_every_task(project: Project) -> None:
    insert(project, received_at=NOW - 20 * DAY)
    change(project, storage_quota_bytes=1, retention_days=1)
    before = (lives(Profile), lives(SessionBlob))
    for work in (upkeep.apply_terms, upkeep.keep_slowest, upkeep.hold_quotas):
        work(until=time.monotonic() - 1)
    assert (lives(Profile), lives(SessionBlob)) == before


# The page


def test_settings_show_what_is_used(owner_client: Client, project: Project) -> None:
    address = f"/projects/{project.slug}/storage/"
    assert address in owner_client.get(f"/projects/{project.slug}/settings/").content.decode()
    assert "measured within minutes" in owner_client.get(address).content.decode()
    Upkeep.objects.of(project.pk)
    measured = {"profiles": 12_000, "profile_bytes": 1_400, "other_bytes": 3_200_000}
    Upkeep.objects.note(project.pk, **measured, measured_at=timezone.now())
    page = owner_client.get(address).content.decode()
    for fact in ("20.0 MB", "12,000", "1.40 KB", "none"):
        assert fact in page
    change(project, storage_quota_bytes=40_000_000)
    page = owner_client.get(address).content.decode()
    assert "50.0 %" in page
    assert "of 40.0 MB" in page
