"""The fold on a real MongoDB: whatever happens in between, the sums are exactly what the ledgers say."""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from bson import ObjectId
from pymongo.collection import Collection

from perfplatform import mongo
from profiles.fold import shards
from profiles.grain import MINUTE, Grain, end_of, start_of
from profiles.models import FoldMark, Lease, Ledger, MinuteForest, Rollup, TreeBlob
from profiles.models.fold_mark import Step
from profiles.models.ledger import LedgerMinute
from profiles.scope import Scope
from profiles.shard import shard_of
from profiles.tests import folding, ledgers
from profiles.tests.folding import Clock, Process, assert_folded, settle, state
from projects.models import Project
from projects.tests import factories

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long]


@pytest.fixture
def clock() -> Clock:
    return Clock()


def minute_before(clock: Clock, minutes: int) -> datetime:
    return clock.now.replace(second=0, microsecond=0) - minutes * MINUTE


def fill(project: Project, clock: Clock, *, processes: int = 3, minutes: int = 4) -> list[Process]:
    """Some processes in two versions that said something of some minutes, over more than one hour."""
    made = [Process(project, version=f"{number % 2}.0") for number in range(processes)]
    for number, process in enumerate(made):
        for ago in range(1, minutes + 1):
            routes = [f"/{letter}" for letter in "abc"[: 1 + (number + ago) % 3]]
            at = minute_before(clock, 25 * ago)
            process.send(ledgers.random_document(at, routes, seed=(number, ago), seq=ago))
    return made


def test_everything_is_derived_exactly(project: Project, clock: Clock) -> None:
    processes = fill(project, clock)
    settle(clock)
    assert_folded(processes)
    assert len({row["start"] for row in mongo.collection(Rollup).find({"grain": "hour"})}) > 1


def test_folding_again_changes_nothing(project: Project, clock: Clock) -> None:
    processes = fill(project, clock)
    settle(clock)
    first = state()
    folding.forget_everything_derived()
    settle(clock)
    assert state() == first
    for row in mongo.collection(Ledger).find({}, {"project_id": 1}):
        mongo.collection(Ledger).update_one(
            {"_id": row["_id"]}, {"$set": {"unfolded": shard_of(row["project_id"])}}
        )
    settle(clock)
    assert state() == first
    assert_folded(processes)


def test_late_resent_and_reordered_documents_give_what_one_fold_gives(project: Project, clock: Clock) -> None:
    processes = [Process(project) for _number in range(3)]
    documents = [
        (process, ledgers.random_document(minute_before(clock, 20 * ago), ["/a", "/b"], seed=ago, seq=seq))
        for process in processes
        for ago in range(1, 4)
        for seq in (1, 2, 3)
    ]
    chance = random.Random(7)
    resent = documents + chance.sample(documents, 10)
    chance.shuffle(resent)
    for number, (process, document) in enumerate(resent):
        process.send(document)
        if number % 5 == 0:
            shards.run(clock=clock)
            clock.now += timedelta(seconds=40)
    settle(clock)
    assert_folded(processes)
    piecemeal = state()
    folding.forget_everything_derived()
    settle(clock)
    assert state() == piecemeal


def test_a_document_of_six_hours_ago_is_folded(project: Project, clock: Clock) -> None:
    early, late = Process(project), Process(project)
    old = minute_before(clock, 6 * 60 - 1)
    early.send(ledgers.random_document(old, ["/a"], seed=1))
    settle(clock)
    late.send(ledgers.random_document(old, ["/a", "/b"], seed=2))
    settle(clock)
    assert_folded([early, late])


def test_what_is_about_to_expire_is_sealed(project: Project, clock: Clock) -> None:
    """Some documents of the minute may be gone already: what is computed now would be too small."""
    process = Process(project)
    process.send(ledgers.random_document(minute_before(clock, 5), ["/a"], seed=1))
    clock.now += timedelta(hours=11, minutes=50)
    assert not shards.run(clock=clock)
    assert not state()["Rollup"]


def test_less_never_replaces_more(project: Project, clock: Clock) -> None:
    """A worker that was held up for long, and read when there was less, overwrites nothing."""
    processes = fill(project, clock)
    settle(clock)
    complete = state()
    scope = scope_of(Rollup)
    start = datetime.fromisoformat(processes[0].said.copy().popitem()[0])
    Rollup.objects.replace(scope, Grain.MINUTE, start, rollups={}, source=0)
    for grain in (Grain.HOUR, Grain.DAY):
        row = mongo.collection(Rollup).find_one({"grain": grain, "route": "*"})
        assert row
        key = next(iter(Rollup.objects.parts(scope_of_row(row), grain, **period(row))))
        Rollup.objects.replace(
            scope_of_row(row), grain, period(row)["start"], rollups=dict([key]), source=row["source"] - 1
        )
    tree = mongo.collection(TreeBlob).find_one({})
    assert tree
    TreeBlob.objects.forget_older(
        scope_of_row(tree), Grain(tree["grain"]), period(tree)["start"], source=tree["source"] - 1
    )
    assert state() == complete


def scope_of(model: Any) -> Scope:
    row = mongo.collection(model).find_one({})
    assert row
    return scope_of_row(row)


def scope_of_row(row: dict[str, Any]) -> Scope:
    return Scope(row["project_id"], row["version_id"], row["version_name"], row["environment"])


def period(row: dict[str, Any]) -> dict[str, datetime]:
    start = row["start"].replace(tzinfo=UTC)
    return {"start": start, "end": start + timedelta(minutes=1)}


def test_an_endpoint_that_a_process_takes_back_goes(project: Project, clock: Clock) -> None:
    """What is computed is a function of what is there, so nothing stays of what is no longer said."""
    process = Process(project)
    at = minute_before(clock, 5)
    process.send(ledgers.random_document(at, ["/a", "/b"], seed=1))
    settle(clock)
    process.send(ledgers.random_document(at, ["/a"], seed=1, seq=2))
    settle(clock)
    assert_folded([process])


def test_without_stacks_there_are_no_trees(project: Project, clock: Clock) -> None:
    process = Process(project)
    process.send(ledgers.document(minute_before(clock, 2), ledgers.endpoint()))
    settle(clock)
    assert_folded([process])
    assert not state()["TreeBlob"]


def test_engine_classes_stay_apart(project: Project, clock: Clock) -> None:
    process = Process(project)
    tree = {"sampler": ledgers.stacks(10, 20), "pyinstrument": ledgers.stacks(1_000, 2_000)}
    process.send(ledgers.document(minute_before(clock, 2), ledgers.endpoint(stacks=tree)))
    settle(clock)
    assert_folded([process])
    assert {(row["engine"], row["grain"]): row["total_us"] for row in mongo.collection(TreeBlob).find()} == {
        ("sampler", "hour"): 35,
        ("sampler", "day"): 35,
        ("pyinstrument", "hour"): 3_005,
        ("pyinstrument", "day"): 3_005,
    }


def test_versions_environments_and_projects_stay_apart(project: Project, clock: Clock) -> None:
    other = factories.project("Elsewhere")
    processes = [
        Process(project, version="1"),
        Process(project, version="2"),
        Process(project, version="2", environment="staging"),
        Process(other, version="2"),
    ]
    for number, process in enumerate(processes):
        process.send(ledgers.random_document(minute_before(clock, 3), ["/a"], seed=number))
    settle(clock)
    for process, about in zip(processes, ("1", "2", "2", "2"), strict=True):
        query = {
            "project_id": process.project.pk,
            "version_name": about,
            "environment": process.environment,
        }
        for grain in ("minute", "hour", "day"):
            assert folding.stored_totals(grain, **query) == folding.expected_totals([process])
        for grain in ("hour", "day"):
            assert folding.stored_trees(grain, **query) == folding.expected_trees([process])


@pytest.mark.parametrize(
    ("zone", "now", "hours"),
    [
        ("Asia/Shanghai", "2099-11-24T18:30", 24),
        ("Asia/Kolkata", "2099-11-24T21:10", 24),
        ("America/New_York", "2099-03-08T09:20", 23),
        ("America/New_York", "2099-11-01T08:20", 25),
    ],
)
def test_hours_and_days_follow_the_clocks_of_the_project(
    owner: object, zone: str, now: str, hours: int
) -> None:
    """Six hours of traffic across a midnight; in New York across a change of clocks too.

    In a far year, since MongoDB deletes within a minute what has expired by its own clock.
    """
    project = factories.project(time_zone=zone)
    clock = Clock(datetime.fromisoformat(now).replace(tzinfo=UTC))
    process = Process(project)
    for ago in range(5, 6 * 60, 10):
        process.send(ledgers.random_document(minute_before(clock, ago), ["/a"], seed=ago), now=clock.now)
    settle(clock)
    assert_folded([process])
    place = ZoneInfo(zone)
    for row in mongo.collection(Rollup).find({"grain": "hour", "route": "/a"}):
        local = row["start"].replace(tzinfo=UTC).astimezone(place)
        assert local.minute == 0
        assert row["count"] == count_said(process, row["start"], Grain.HOUR, place)
    lengths = []
    for row in mongo.collection(Rollup).find({"grain": "day", "route": "/a"}):
        start = row["start"].replace(tzinfo=UTC)
        assert start.astimezone(place).time() == datetime.min.time()
        assert row["count"] == count_said(process, row["start"], Grain.DAY, place)
        lengths.append((end_of(Grain.DAY, start, place) - start) // timedelta(hours=1))
    assert hours in lengths


def count_said(process: Process, start: datetime, grain: Grain, zone: ZoneInfo) -> int:
    return sum(
        document["endpoints"][0]["count"]
        for minute, document in process.said.items()
        if start_of(grain, datetime.fromisoformat(minute), zone) == start.replace(tzinfo=UTC)
    )


# Workers that die or meet


class Killed(BaseException):
    """As SIGKILL: nothing catches it."""


WRITES = ("bulk_write", "insert_one", "insert_many", "update_one", "update_many", "delete_many")


@contextmanager
def killed_at(number: int, *, after: bool) -> Iterator[None]:
    """The n-th write of anything but leases is the last thing that happens; or it is not even done."""
    left = itertools.count(1)

    def deadly(write: Callable[..., Any]) -> Callable[..., Any]:
        def done(rows: Collection, *arguments: Any, **options: Any) -> Any:
            if rows.name == Lease._meta.db_table or next(left) != number:
                return write(rows, *arguments, **options)
            if after:
                write(rows, *arguments, **options)
            raise Killed

        return done

    with pytest.MonkeyPatch.context() as patch:
        for name in WRITES:
            patch.setattr(Collection, name, deadly(getattr(Collection, name)))
        yield


@pytest.mark.parametrize("after", [False, True])
def test_a_kill_at_any_step_neither_loses_nor_doubles(project: Project, clock: Clock, *, after: bool) -> None:
    process = Process(project)
    for ago in (2, 80):
        process.send(ledgers.random_document(minute_before(clock, ago), ["/a", "/b"], seed=ago))
    settle(clock)
    undisturbed = state()
    began = clock.now
    for number in itertools.count(1):
        folding.forget_everything_derived()
        clock.now = began
        try:
            with killed_at(number, after=after):
                settle(clock)
        except Killed:
            folding.leases_run_out()
            settle(clock)
        else:
            break
        assert state() == undisturbed, f"killed at write {number}"
    assert number > 20
    assert_folded([process])


@pytest.mark.parametrize("after", [False, True])
def test_a_kill_between_two_changes_neither_loses_nor_doubles(
    project: Project, clock: Clock, *, after: bool
) -> None:
    """The same where all is there already and a newer document of a minute replaces another."""
    process = Process(project)
    at = minute_before(clock, 3)
    for seq in itertools.count(1):
        process.send(ledgers.random_document(at, ["/a", "/b"], seed=1, seq=seq))
        try:
            with killed_at(seq, after=after):
                settle(clock)
        except Killed:
            folding.leases_run_out()
            settle(clock)
        else:
            break
        assert_folded([process])
        clock.now += timedelta(minutes=11)
        if clock.now - at > timedelta(hours=10):
            clock.now = at + timedelta(minutes=3)
            mongo.collection(FoldMark).update_many({}, {"$unset": {"ready_at": ""}})
    assert seq > 10


def test_workers_that_meet_change_nothing(
    project: Project, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four workers that all believe to have every shard, while documents arrive and replace each other."""
    monkeypatch.setattr(type(Lease.objects), "take", lambda *_arguments: True)
    processes = [Process(project) for _number in range(3)]
    arriving = threading.Event()
    arriving.set()
    failures: list[BaseException] = []

    def work() -> None:
        try:
            while arriving.is_set():
                shards.run(clock=clock)
                mongo.collection(FoldMark).update_many({}, {"$unset": {"ready_at": ""}})
        except BaseException as error:
            failures.append(error)

    workers = [threading.Thread(target=work) for _number in range(4)]
    for worker in workers:
        worker.start()
    for seq in range(1, 16):
        for number, process in enumerate(processes):
            routes = [f"/{letter}" for letter in "abcdef"[: 1 + seq % 6]]
            for ago in (1, 2):
                at = minute_before(clock, ago)
                process.send(ledgers.random_document(at, routes, seed=(number, ago), seq=seq))
    arriving.clear()
    for worker in workers:
        worker.join(60)
    assert not failures
    monkeypatch.undo()
    settle(clock)
    assert_folded(processes)


def test_a_shard_is_worked_on_by_one_and_passes_on_after_a_death(project: Project, clock: Clock) -> None:
    process = Process(project)
    process.send(ledgers.random_document(minute_before(clock, 2), ["/a"], seed=1))
    name = f"fold:{shard_of(project.pk)}"
    assert Lease.objects.take(name, "another")
    assert not Lease.objects.take(name, "mine")
    assert not shards.run(clock=clock)
    mongo.collection(Lease).update_one({"_id": name}, {"$set": {"until": datetime.now(UTC) - MINUTE}})
    settle(clock)
    assert_folded([process])


def test_leases_are_renewed_and_given_back(db: None) -> None:
    assert Lease.objects.take("work", "one")
    assert Lease.objects.take("work", "one")
    assert not Lease.objects.take("work", "two")
    Lease.objects.release("work", "two")
    assert not Lease.objects.take("work", "two")
    Lease.objects.release("work", "one")
    assert Lease.objects.take("work", "two")


def test_one_of_many_gets_a_lease(db: None) -> None:
    start = threading.Barrier(8)
    got: list[bool] = []

    def take(number: int) -> None:
        start.wait()
        got.append(Lease.objects.take("work", f"worker {number}"))

    workers = [threading.Thread(target=take, args=[number]) for number in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    assert sorted(got) == [False] * 7 + [True]


# What is wrong with the data


def test_a_ledger_that_cannot_be_read_holds_nobody_up(project: Project, clock: Clock) -> None:
    good, bad = Process(project), Process(project)
    good.send(ledgers.random_document(minute_before(clock, 2), ["/a"], seed=1))
    bad.send(ledgers.random_document(minute_before(clock, 2), ["/a"], seed=2))
    broken = {"instance": bad.instance}
    mongo.collection(Ledger).update_one(broken, {"$set": {"data": b"nonsense"}})
    settle(clock)
    assert_folded([good])


def test_a_forest_that_cannot_be_read_holds_nobody_up(project: Project, clock: Clock) -> None:
    other = factories.project("Elsewhere")
    processes = [Process(project), Process(other)]
    for process in processes:
        process.send(ledgers.random_document(minute_before(clock, 2), ["/a"], seed=1))
    settle(clock)
    mongo.collection(MinuteForest).update_one({"project_id": project.pk}, {"$set": {"data": b"?"}})
    for process in processes:
        at = minute_before(clock, 2)
        start = start_of(Grain.HOUR, at, ZoneInfo("UTC"))
        row = mongo.collection(MinuteForest).find_one({"project_id": process.project.pk})
        assert row
        FoldMark.objects.touch(Step.HOUR_TREES, scope_of_row(row), start=start, now=clock.now)
    clock.now += 2 * MINUTE
    shards.run(clock=clock)
    waiting = {"step": "hour_trees", "due_at": {"$exists": True}}
    assert mongo.collection(FoldMark).distinct("project_id", waiting) == [project.pk]
    assert folding.stored_trees("day") == folding.expected_trees([*processes])


def test_absurd_numbers_are_folded(project: Project, clock: Clock) -> None:
    process = Process(project)
    most = 2**53 - 1
    absurd = {
        "kind": "request",
        "method": "GET",
        "route": "/a",
        "count": most,
        "errors": most,
        "histograms": {"none": {"buckets": [[1300, most]], "sum_us": most}},
        "counters": [[6, 1, 7, most, most]] * 500,
        "stacks": {"sampler": [[-1, 0, most, most]] * 50},
    }
    for ago in range(1, 4):
        process.send(ledgers.document(minute_before(clock, ago), absurd, seq=most))
    settle(clock)
    day = mongo.collection(Rollup).find_one({"grain": "day", "route": "/a"})
    assert day
    assert day["count"] == 3 * most
    assert day["counters"]["db"] == {"count": 2**63 - 1, "total_us": 2**63 - 1}
    assert folding.stored_trees("day") == folding.expected_trees([process])


def test_a_deleted_project_gets_no_rollups(project: Project, clock: Clock) -> None:
    process = Process(project)
    process.send(ledgers.random_document(minute_before(clock, 2), ["/a"], seed=1))
    project.mark_for_deletion()
    settle(clock)
    assert state() == {model.__name__: {} for model in folding.DERIVED}
    assert Ledger.objects.lag(now=clock.now) == timedelta(0)


def test_the_lag_is_the_age_of_the_oldest_that_waits(project: Project, clock: Clock) -> None:
    assert Ledger.objects.lag(now=clock.now) == timedelta(0)
    for age in (30, 90, 60):
        process = Process(project)
        document = ledgers.random_document(minute_before(clock, 3), ["/a"], seed=age)
        process.send(document, now=clock.now.replace(microsecond=0) - timedelta(seconds=age))
    now = clock.now.replace(microsecond=0)
    assert Ledger.objects.lag(now=now) == timedelta(seconds=90)
    settle(clock)
    assert Ledger.objects.lag(now=now) == timedelta(0)


def explained(model: Any, query: dict[str, Any], projection: dict[str, Any], **more: Any) -> dict[str, Any]:
    command = {"find": model._meta.db_table, "filter": query, "projection": projection, **more}
    return mongo.database().command("explain", command, verbosity="executionStats")


def test_an_index_serves_what_the_fold_asks_again_and_again(project: Project, clock: Clock) -> None:
    """Of what is folded already, and of other minutes and shards, nothing is read."""
    fill(project, clock, processes=4, minutes=8)
    settle(clock)
    waiting = [Process(project) for _number in range(3)]
    for process in waiting:
        process.send(ledgers.random_document(minute_before(clock, 1), ["/a"], seed=1))
    shard = shard_of(project.pk)
    [minute] = Ledger.objects.unfolded_minutes(shard, now=clock.now)
    unfolded = {"unfolded": shard, "minute": {"$gt": clock.now - timedelta(hours=11)}}
    everywhere = {"unfolded": {"$in": list(range(16))}}
    by_arrival = {"sort": {"received_at": 1}}
    for query, projection, more, keys in (
        (unfolded, {"_id": 0, **dict.fromkeys(LedgerMinute._fields, 1)}, by_arrival, 4),
        (everywhere, {"_id": 0, "unfolded": 1, "received_at": 1}, {**by_arrival, "limit": 1}, 4),
        (minute._asdict(), {"seq": 1}, {}, 3),
    ):
        found = explained(Ledger, query, projection, **more)
        plan = str(found["queryPlanner"]["winningPlan"])
        assert "IXSCAN" in plan
        assert "'SORT'" not in plan
        assert found["executionStats"]["totalDocsExamined"] == 0, plan
        assert found["executionStats"]["totalKeysExamined"] <= keys, plan
    due = {"shard": shard, "step": "hour", "due_at": {"$lte": clock.now}}
    found = explained(FoldMark, due, {}, sort={"due_at": 1})
    assert found["executionStats"]["totalDocsExamined"] == 0
    assert found["executionStats"]["totalKeysExamined"] <= 1
    assert (Ledger.objects.busy_shards(), FoldMark.objects.busy_shards(now=clock.now)) == ({shard}, set())


def test_a_mark_that_is_renewed_while_it_is_worked_on_stays_due(db: None, clock: Clock) -> None:
    scope = Scope(ObjectId(), ObjectId(), "1.0", "production")
    shard, start = shard_of(scope.project_id), minute_before(clock, 5)

    def touch() -> None:
        FoldMark.objects.touch(Step.HOUR, scope, start=start, now=clock.now)

    touch()
    [mark] = FoldMark.objects.due(shard, Step.HOUR, now=clock.now)
    assert (mark.scope, mark.start) == (scope, start)
    touch()
    FoldMark.objects.done(mark, ready_at=clock.now + MINUTE)
    assert not FoldMark.objects.due(shard, Step.HOUR, now=clock.now)
    [mark] = FoldMark.objects.due(shard, Step.HOUR, now=clock.now + MINUTE)
    FoldMark.objects.done(mark, ready_at=clock.now + 2 * MINUTE)
    assert not FoldMark.objects.due(shard, Step.HOUR, now=clock.now + 9 * MINUTE)
    touch()
    assert not FoldMark.objects.due(shard, Step.HOUR, now=clock.now + MINUTE)
    assert FoldMark.objects.due(shard, Step.HOUR, now=clock.now + 2 * MINUTE)
