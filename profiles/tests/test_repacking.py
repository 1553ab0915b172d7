"""Recordings move on to where they share frames, and nobody can tell by reading them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone
from pymongo.database import Database
from pymongo.errors import AutoReconnect, OperationFailure

from perfplatform import mongo
from profiles import export, repacking, shared_blob, shared_digest
from profiles.fold.digests import fold_digests
from profiles.fold.turn import Turn
from profiles.models import Digest, PackedSession, Profile, SessionBlob, SharedFrames
from profiles.models import session_blob as blob_module
from profiles.models import shared_frames as frames_module
from profiles.models.digest import FunctionDistributions
from profiles.models.shared_frames import Shelf
from profiles.repacking import Outcome, repack
from profiles.rollup import EndpointKey
from profiles.shard import shard_of
from profiles.tests import batches, recorded
from profiles.tests.test_session_table import plain
from projects.models import Project
from projects.tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def forget_books() -> Iterator[None]:
    """The process remembers books; the rows go with every test."""
    SharedFrames.objects.forget()
    yield
    SharedFrames.objects.forget()


def stages(plan: dict[str, Any]) -> list[str]:
    """The names of all stages of a winning plan, the last one first."""
    below = [plan["inputStage"]] if "inputStage" in plan else plan.get("inputStages", [])
    return [plan["stage"], *(name for inner in below for name in stages(inner))]


def later() -> datetime:
    """When what was stored just now has waited long enough."""
    return timezone.now() + 2 * repacking.PATIENCE


def run() -> Outcome:
    return repack(now=later(), seconds=60)


def session(seed: int, *, samples: int = 60) -> dict[str, Any]:
    """A recording of its own that has most frames in common with others."""
    chance = random.Random(seed)
    records = []
    for _ in range(samples):
        stack = [recorded.own(f"view{chance.randrange(3)}", f"shop/views.py:{chance.randrange(90)}")]
        stack += [
            recorded.library(f"call{depth}", f"django/db/query{depth}.py:{chance.randrange(30)}")
            for depth in range(chance.randrange(12))
        ]
        records.append((stack, chance.randrange(900_000, 1_400_000) / 1e9))
    return recorded.session(records)


def store(project: Project, *seeds: int, **fields: Any) -> dict[str, dict[str, Any]]:
    """Store profiles with such recordings; return what their sessions must be, by id."""
    # One of the random share waits for its digest.
    said = {"endpoint": "/products", "trigger": "slow", **fields}
    profiles = [batches.profile(session=session(seed), **said) for seed in seeds]
    assert batches.store(project, batches.batch(*profiles)).accepted == len(seeds)
    return {item["id"]: plain(item["session"]).as_dict() for item in profiles}


def check(sessions: dict[str, dict[str, Any]]) -> None:
    """Everything is read as it was stored, with nothing remembered."""
    SharedFrames.objects.forget()
    for profile_id, value in sessions.items():
        assert SessionBlob.objects.session(profile_id) == value


def documents(*models: Any) -> list[Any]:
    return [list(mongo.collection(model).find(sort=[("_id", 1)])) for model in models]


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


def damage(project: Project, profile_id: str) -> None:
    """A profile whose recording can't be read."""
    batches.stored_profile(project, id=profile_id, trigger="slow")
    mongo.collection(SessionBlob).update_one({"_id": profile_id}, {"$set": {"data": b"\x01damaged"}})


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


def digest(project: Project) -> None:
    """Make the digests that are missing, as the fold does."""
    turn = Turn(shard_of(project.pk), owner="test", clock=timezone.now, seconds=60)
    while fold_digests(turn):
        pass


def distributions(project: Project) -> FunctionDistributions:
    SharedFrames.objects.forget()
    row = mongo.collection(Digest).find_one()
    assert row
    key = EndpointKey("request", "GET", "/products")
    return Digest.objects.functions(project.pk, key, version_id=row["version_id"])


def test_digests_share_the_names_of_functions_and_say_the_same(project: Project) -> None:
    store(project, *range(20), trigger="sampled")
    assert run() == Outcome()
    digest(project)
    before, whole = distributions(project), documents(Digest)[0]
    assert run() == Outcome(packed=20, left=0)
    shared = documents(Digest)[0]
    assert distributions(project) == before
    assert before.profiles == 20
    assert sum(len(row["data"]) for row in shared) < sum(len(row["data"]) for row in whole) / 1.5
    # Some are shared, some are not: the next ones stand for themselves yet.
    store(project, *range(20, 25), trigger="sampled")
    digest(project)
    mixed = distributions(project)
    run()
    assert distributions(project) == mixed


def test_digest_of_functions_that_the_book_lacks_brings_them_along(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(project, *range(5), trigger="sampled")
    digest(project)
    run()
    monkeypatch.setattr(repacking, "WORTH_A_PAGE", 10_000)
    monkeypatch.setattr(repacking, "WORTH_A_CHANGE", 2)
    records = [([recorded.own("unseen"), recorded.own(f"new{n % 30}")], n / 1e3) for n in range(90)]
    batches.store(
        project, batches.batch(batches.profile(endpoint="/products", session=recorded.session(records)))
    )
    digest(project)
    before = distributions(project)
    run()
    assert SharedFrames.objects.count() == 1
    assert SharedFrames.objects.count() == 1
    assert [row["data"][:1] for row in documents(Digest)[0]] == [shared_digest.FORMAT] * 6
    assert distributions(project) == before


def test_recording_whose_digest_never_comes_is_packed_in_the_end(project: Project) -> None:
    sessions = store(project, 1, trigger="sampled")
    assert repack(now=timezone.now() + repacking.DIGEST_PATIENCE / 2, seconds=60) == Outcome()
    assert repack(now=timezone.now() + 2 * repacking.DIGEST_PATIENCE, seconds=60) == Outcome(packed=1)
    check(sessions)


def test_digest_that_cannot_be_read_stays(project: Project) -> None:
    sessions = store(project, 1, 2, trigger="sampled")
    digest(project)
    broken = min(sessions)
    mongo.collection(Digest).update_one({"_id": broken}, {"$set": {"data": b"\x01damaged"}})
    assert run() == Outcome(packed=2)
    data = {row["_id"]: row["data"] for row in documents(Digest)[0]}
    assert data.pop(broken) == b"\x01damaged"
    assert [value[:1] for value in data.values()] == [shared_digest.FORMAT]
    check(sessions)
