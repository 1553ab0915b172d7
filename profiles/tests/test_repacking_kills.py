"""Whoever packs may be killed, come twice, or at the same time as others."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from perfplatform import mongo
from profiles.models import Digest, PackedSession, Profile, SessionBlob, SharedFrames
from profiles.models.shared_frames import Shelf
from profiles.repacking import repack
from profiles.tests import batches
from profiles.tests.packing import check, damage, documents, later, run, store
from projects.models import Project

pytestmark = [pytest.mark.django_db, pytest.mark.long]


STEPS: list[tuple[type, str]] = [
    (SessionBlob, "waiting"),
    (Profile, "endpoints"),
    (Profile, "without_digest"),
    (Digest, "whole"),
    (SharedFrames, "newest"),
    (SharedFrames, "add"),
    (SharedFrames, "keep"),
    (PackedSession, "store"),
    (Digest, "share"),
    (SessionBlob, "remove_packed"),
    (SessionBlob, "leave"),
]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("model", "name"), STEPS, ids=[name for _, name in STEPS])
def test_a_kill_at_any_step_loses_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch, model: Any, name: str, *, after: bool
) -> None:
    sessions = store(project, *range(6))
    broken = batches.new_id()
    damage(project, broken)
    with monkeypatch.context() as patch:
        break_at(patch, model.objects, name, after=after)
        with pytest.raises(Killed):
            run()
    check(sessions)
    run()
    check(sessions)
    assert (PackedSession.objects.count(), SessionBlob.objects.count()) == (6, 1)
    assert documents(SessionBlob)[0][0]["_id"] == broken


class Killed(Exception):
    """Stands for the end of the process."""


def break_at(patch: pytest.MonkeyPatch, manager: Any, name: str, *, after: bool) -> None:
    step: Callable[..., Any] = getattr(manager, name)

    def killed(*arguments: Any, **options: Any) -> Any:
        if after:
            step(*arguments, **options)
        raise Killed

    patch.setattr(type(manager), name, lambda _self, *arguments, **options: killed(*arguments, **options))


def test_database_that_goes_away_is_said_and_made_good_later(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions = store(project, 1, 2)

    def away(*_arguments: Any, **_options: Any) -> None:
        raise AutoReconnect("away")

    with monkeypatch.context() as patch:
        patch.setattr(type(PackedSession.objects), "store", away)
        with pytest.raises(AutoReconnect):
            run()
    run()
    assert PackedSession.objects.count() == 2
    check(sessions)


def test_two_workers_at_once_change_nothing(project: Project) -> None:
    sessions = store(project, *range(30))
    now = later()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: repack(now=now, seconds=60), range(4)))
    assert (PackedSession.objects.count(), SessionBlob.objects.count()) == (30, 0)
    check(sessions)


def test_the_same_page_twice_is_once(project: Project) -> None:
    store(project, *range(4))
    waiting = documents(SessionBlob)[0]
    run()
    before = documents(SharedFrames, PackedSession)
    SharedFrames.objects.forget()
    mongo.collection(SessionBlob).insert_many(waiting)
    run()
    assert documents(SharedFrames, PackedSession) == before
    assert SessionBlob.objects.count() == 0


def test_pages_that_two_workers_added_to_one_book_are_both_read(project: Project) -> None:
    """Each goes on from the page that it knew; later everybody follows the same one of the two."""
    first = store(project, *range(5))
    run()
    shelf = Shelf(project.pk, "request GET /products")
    before = SharedFrames.objects.newest(shelf)
    assert before.pages == 1
    left = store(project, *range(100, 106))
    run()
    right = store(project, *range(300, 306))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(SharedFrames.objects), "newest", lambda _self, _shelf: before)
        run()
    assert [row["number"] for row in documents(SharedFrames)[0]].count(1) == 2
    last = store(project, *range(500, 506))
    run()
    assert PackedSession.objects.count() == 23
    check(first | left | right | last)
    for sessions in (right, left, first, last):
        for profile_id, value in sessions.items():
            assert SessionBlob.objects.session(profile_id) == value


def test_recording_that_changed_meanwhile_is_packed_again(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody lets it live longer while it is packed."""
    [profile_id] = sessions = store(project, 1)
    longer = datetime(2027, 5, 1)
    keep = SharedFrames.objects.keep

    def meanwhile(*arguments: Any, **options: Any) -> None:
        mongo.collection(SessionBlob).update_one({"_id": profile_id}, {"$set": {"expires_at": longer}})
        keep(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(SharedFrames.objects, "keep", meanwhile)
        run()
    assert SessionBlob.objects.count() == 1
    run()
    assert SessionBlob.objects.count() == 0
    [packed] = documents(PackedSession)[0]
    assert packed["expires_at"] == longer
    check(sessions)


def test_profile_deleted_meanwhile_leaves_nothing(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    [profile_id] = store(project, 1)
    keep = SharedFrames.objects.keep

    def meanwhile(*arguments: Any, **options: Any) -> None:
        for model in (Profile, SessionBlob, PackedSession):
            mongo.collection(model).delete_one({"_id": profile_id})
        keep(*arguments, **options)

    monkeypatch.setattr(SharedFrames.objects, "keep", meanwhile)
    run()
    assert documents(SessionBlob, PackedSession) == [[], []]
