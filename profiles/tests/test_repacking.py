"""Recordings move on to where they share frames, and nobody can tell by reading them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone
from pymongo.database import Database
from pymongo.errors import OperationFailure

from perfplatform import mongo
from profiles import export, repacking, shared_blob
from profiles.models import PackedSession, Profile, SessionBlob, SharedFrames
from profiles.models import session_blob as blob_module
from profiles.repacking import Outcome, repack
from profiles.tests import batches
from profiles.tests.packing import check, damage, documents, later, run, session, store
from projects.models import Project
from projects.tests import factories

pytestmark = pytest.mark.django_db


def stages(plan: dict[str, Any]) -> list[str]:
    """The names of all stages of a winning plan, the last one first."""
    below = [plan["inputStage"]] if "inputStage" in plan else plan.get("inputStages", [])
    return [plan["stage"], *(name for inner in below for name in stages(inner))]


def test_packed_recordings_are_read_as_before_and_are_small(project: Project) -> None:
    sessions = store(project, *range(20))
    before = sum(len(row["data"]) for row in mongo.collection(SessionBlob).find())
    check(sessions)
    assert run() == Outcome(packed=20, left=0)
    check(sessions)
    assert SessionBlob.objects.count() == 0
    after = sum(len(row["data"]) for row in mongo.collection(PackedSession).find())
    assert after < before / 3
    assert SharedFrames.objects.count() == 1
    assert run() == Outcome()


@pytest.mark.parametrize("name", export.FORMATS)
def test_pyinstrument_renders_the_same_after_packing(project: Project, name: str) -> None:
    [profile_id] = store(project, 1)
    store(project, *range(2, 8))
    render = export.FORMATS[name].render
    before = list(render(SessionBlob.objects.session(profile_id)))
    run()
    assert PackedSession.objects.filter(pk=profile_id).exists()
    assert list(render(SessionBlob.objects.session(profile_id))) == before


def test_only_what_has_waited_is_packed(project: Project) -> None:
    store(project, 1)
    assert repack(now=timezone.now(), seconds=60) == Outcome()
    assert SessionBlob.objects.count() == 1


def test_what_cannot_be_packed_is_marked_and_the_rest_goes_on(project: Project) -> None:
    sessions = store(project, 1, 2, 3)
    broken, alone = batches.new_id(), batches.new_id()
    damage(project, broken)
    sessions |= {alone: next(iter(store(project, 4, id=alone).values()))}
    mongo.collection(Profile).delete_one({"_id": alone})
    assert run() == Outcome(packed=3, left=2)
    left = documents(SessionBlob)[0]
    assert {row["_id"] for row in left} == {broken, alone}
    assert not any("waiting_since" in row for row in left)
    assert run() == Outcome()
    check(sessions)
    with pytest.raises(SessionBlob.DoesNotExist):
        SessionBlob.objects.session(broken)


def test_recording_without_profit_stays_as_it_is(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    sessions = store(project, 1, 2)
    before = [row["data"] for row in documents(SessionBlob)[0]]
    monkeypatch.setattr(repacking, "WORTH_A_CHANGE", 0.01)
    assert run() == Outcome(packed=0, left=2)
    [left] = documents(SessionBlob)
    assert [row["data"] for row in left] == before
    assert not any("waiting_since" in row for row in left)
    check(sessions)


def test_large_recording_stays_as_it_is(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repacking, "LARGEST_BYTES", 1_000)
    sessions = store(project, 1)
    assert run() == Outcome(packed=0, left=1)
    check(sessions)


def test_recording_that_would_not_be_read_back_stays(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions = store(project, 1, 2)
    pack = shared_blob.pack
    first: list[Any] = []

    def mistaken(table: Any, *arguments: Any) -> bytes:
        first.append(table)
        data: bytes = pack(first[0], *arguments)
        return data

    monkeypatch.setattr(shared_blob, "pack", mistaken)
    assert run() == Outcome(packed=1, left=1)
    check(sessions)


def test_resent_batch_changes_nothing_after_packing(project: Project) -> None:
    profiles = [batches.profile(session=session(seed), trigger="slow") for seed in range(4)]
    sent = batches.batch(*profiles)
    batches.store(project, sent)
    run()
    before = documents(Profile, SessionBlob, PackedSession, SharedFrames)
    assert batches.store(project, sent).accepted == 4
    assert documents(Profile, SessionBlob, PackedSession, SharedFrames) == before


def test_id_of_another_project_is_refused_after_packing(project: Project) -> None:
    [profile_id] = sessions = store(project, 1)
    run()
    taken = batches.profile(id=profile_id, session=session(2))
    outcome = batches.store(factories.project("Other"), batches.batch(taken))
    assert [refused["code"] for refused in outcome.rejected] == ["id_taken"]
    assert SessionBlob.objects.count() == 0
    check(sessions)


def test_every_look_has_an_index(project: Project) -> None:
    store(project, *range(40))
    run()
    store(project, *range(3))
    waits = mongo.collection(SessionBlob).find(
        {"waiting_since": {"$lte": later()}}, sort=[("waiting_since", 1)], limit=500
    )
    newest = mongo.collection(SharedFrames).find(
        {"project_id": project.pk, "endpoint": "request GET /products"},
        sort=[("born_at", -1), ("number", -1), ("_id", 1)],
        limit=1,
    )
    book = mongo.collection(SharedFrames).find({"first_page": "0" * 24})
    for found in (waits, newest, book):
        used = stages(found.explain()["queryPlanner"]["winningPlan"])
        assert "IXSCAN" in used
        assert not {"SORT", "COLLSCAN"} & set(used), used


def test_beat_packs() -> None:
    from perfplatform.celery import app

    app.loader.import_default_modules()
    schedule: dict[str, Any] = settings.CELERY_BEAT_SCHEDULE
    for entry in schedule.values():
        assert entry["task"] in app.tasks
        assert entry["options"]["expires"] <= entry["schedule"]


def test_what_is_stored_is_json_of_the_same_numbers(project: Project) -> None:
    """No float becomes an integer, and none loses a digit."""
    sessions = store(project, *range(3))
    before = {key: json.dumps(SessionBlob.objects.session(key)) for key in sessions}
    run()
    assert {key: json.dumps(SessionBlob.objects.session(key)) for key in sessions} == before


def test_space_is_given_back_where_most_of_a_file_is_free(
    project: Project, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sessions = store(project, *range(3))
    assert SessionBlob.objects.give_space_back() is False
    # How much of a file is free depends on what other tests left, and on when mongod forgets it.
    monkeypatch.setattr(blob_module, "LEAST_FREE_BYTES", -1)
    stats = mongo.database().command("collStats", SessionBlob._meta.db_table)
    stats["wiredTiger"]["block-manager"]["file bytes available for reuse"] = stats["storageSize"]
    sent: list[str] = []
    command = Database.command

    def answered(database: Database[Any], name: str, *arguments: Any, **options: Any) -> Any:
        sent.append(name)
        return stats if name == "collStats" else command(database, name, *arguments, **options)

    monkeypatch.setattr(Database, "command", answered)
    assert SessionBlob.objects.give_space_back() is True
    assert sent == ["collStats", "compact"]
    assert not caplog.records
    check(sessions)


def test_space_that_mongodb_does_not_give_back_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An account without the right to compact."""
    free = {"storageSize": 10**9, "wiredTiger": {"block-manager": {"file bytes available for reuse": 10**9}}}

    def refused(_database: Any, name: str, *_arguments: Any, **_options: Any) -> Any:
        if name == "compact":
            raise OperationFailure("not authorized", 13)
        return free

    monkeypatch.setattr(Database, "command", refused)
    assert SessionBlob.objects.give_space_back() is True
    assert "not authorized" in caplog.text
