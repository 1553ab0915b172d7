"""Books of frames: who shares one, how it grows, how long it lives."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from perfplatform import mongo
from profiles import repacking
from profiles.models import PackedSession, SessionBlob, SharedFrames
from profiles.models import shared_frames as frames_module
from profiles.repacking import Outcome
from profiles.tests import batches
from profiles.tests.packing import check, documents, run, session, store
from projects.models import Project
from projects.tests import factories

pytestmark = pytest.mark.django_db


def test_each_endpoint_has_a_book_that_versions_share(project: Project) -> None:
    other = factories.project("Other")
    for version in ("1.0", "1.1"):
        item = batches.profile(session=session(1), endpoint="/a", trigger="slow")
        batches.store(project, batches.batch(item, version={"name": version}))
    store(project, 2, endpoint="/b")
    store(other, 3, endpoint="/a")
    run()
    rows = mongo.collection(SharedFrames)
    assert sorted((row["project_id"] == project.pk, row["endpoint"]) for row in rows.find()) == [
        (False, "request GET /a"),
        (True, "request GET /a"),
        (True, "request GET /b"),
    ]


def test_a_book_grows_by_pages_and_never_changes(project: Project) -> None:
    first = store(project, *range(5))
    run()
    [page] = documents(SharedFrames)[0]
    second = store(project, *range(100, 106))
    run()
    pages = documents(SharedFrames)[0]
    assert len(pages) == 2
    [new] = [row for row in pages if row["_id"] != page["_id"]]
    assert (new["before"], new["first_page"], new["number"]) == (page["_id"], page["_id"], 1)
    assert page in pages
    check(first | second)


def test_little_that_is_new_is_brought_along(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    store(project, *range(5))
    run()
    monkeypatch.setattr(repacking, "WORTH_A_PAGE", 10_000)
    sessions = store(project, *range(200, 203))
    run()
    assert SharedFrames.objects.count() == 1
    assert PackedSession.objects.count() == 8
    check(sessions)


def test_full_book_is_followed_by_a_new_one(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames_module, "MOST_NODES", 100)
    sessions = store(project, *range(5))
    run()
    sessions |= store(project, *range(5, 10))
    run()
    assert [row["before"] for row in documents(SharedFrames)[0]] == ["", ""]
    check(sessions)


def test_shared_frames_outlive_every_recording(project: Project) -> None:
    store(project, *range(3))
    run()
    expiry = timezone.now() + timedelta(days=365)
    [page] = documents(SharedFrames)[0]
    assert page["expires_at"].replace(tzinfo=UTC) > expiry
    mongo.collection(SharedFrames).update_many({}, {"$set": {"expires_at": datetime(2026, 12, 1)}})
    sessions = store(project, *range(3))
    run()
    [page] = documents(SharedFrames)[0]
    assert page["expires_at"].replace(tzinfo=UTC) > expiry
    SharedFrames.objects.keep_all(project.pk, until=datetime(2031, 1, 1, tzinfo=UTC))
    [page] = documents(SharedFrames)[0]
    assert page["expires_at"] > datetime(2031, 1, 1)
    check(sessions)


def test_recording_whose_frames_are_lost_is_gone_and_not_a_fault(project: Project) -> None:
    [profile_id] = store(project, 1)
    run()
    SharedFrames.objects.forget()
    mongo.collection(SharedFrames).delete_many({})
    with pytest.raises(SessionBlob.DoesNotExist):
        SessionBlob.objects.session(profile_id)


def test_a_damaged_book_is_followed_by_a_new_one(project: Project) -> None:
    """What points into it is lost, but nobody else waits because of it."""
    store(project, *range(3))
    run()
    mongo.collection(SharedFrames).update_many({}, {"$set": {"data": b"\x01damaged"}})
    SharedFrames.objects.forget()
    sessions = store(project, *range(3, 6))
    assert run() == Outcome(packed=3, left=0)
    sessions |= store(project, *range(6, 9))
    assert run() == Outcome(packed=3, left=0)
    check(sessions)


def test_books_are_remembered_up_to_a_bound(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames_module, "CACHED_BOOKS", 2)
    sessions: dict[str, Any] = {}
    for number in range(4):
        sessions |= store(project, number, endpoint=f"/{number}")
    run()
    assert len(SharedFrames.objects._volumes) == 2
    check(sessions)
    assert len(SharedFrames.objects._volumes) == 2


def test_a_book_is_read_once_for_all_of_its_recordings(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions: dict[str, Any] = {}
    for start in range(0, 18, 6):
        sessions |= store(project, *range(start, start + 6))
        run()
    assert SharedFrames.objects.count() == 3
    SharedFrames.objects.forget()
    loads: list[bytes] = []
    load = SharedFrames.objects._load

    def counted(page: bytes) -> Any:
        loads.append(page)
        return load(page)

    monkeypatch.setattr(SharedFrames.objects, "_load", counted)
    for profile_id in sorted(sessions):
        SessionBlob.objects.session(profile_id)
    assert len(loads) == 1
