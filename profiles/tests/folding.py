"""What the tests of the fold share: ledgers of many processes, and what must become of them."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from perfplatform import mongo
from profiles import function_sums, ingest, merged, tree_blob, wire
from profiles.calltree import CallTree
from profiles.fold import shards
from profiles.forest import TreeKey
from profiles.function_sums import Part, Table
from profiles.function_times import functions
from profiles.ledger import LedgerDocument
from profiles.merged import Key, key_of
from profiles.models import (
    EndpointName,
    FoldMark,
    FunctionSums,
    Lease,
    Ledger,
    MinuteForest,
    Rollup,
    TreeBlob,
)
from profiles.rollup import EVERYTHING, EndpointKey
from profiles.shard import shard_of
from profiles.tests import batches
from projects.models import Project

Json = dict[str, Any]
DERIVED = (Rollup, MinuteForest, TreeBlob, FunctionSums, EndpointName)


class Clock:
    """Says what time it is, and is put forward by hand."""

    def __init__(self, now: datetime | None = None) -> None:
        self.now = now or datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


class Process:
    """One process of the target app; remembers the last that it said of each minute."""

    def __init__(self, project: Project, *, version: str = "1.0", environment: str = "production") -> None:
        self.project = project
        self.environment = environment
        self.instance = uuid.uuid4().hex
        self.said: dict[str, Json] = {}
        self._about: Json = {
            "version": {"name": version},
            "environment": environment,
            "process": {
                "instance": self.instance,
                "hostname": "web-1",
                "pid": 1,
                "python": "3.11.7",
            },
        }

    def say_as(self, other: Process) -> None:
        """Be the same process as `other`, which has changed its mind about its version."""
        self.instance, self.said = other.instance, other.said
        self._about["process"] = other._about["process"]

    def send(self, *documents: Json, now: datetime | None = None) -> None:
        """Send documents; only the newest of a minute counts, whatever comes after it."""
        for document in documents:
            known = self.said.get(document["minute"])
            if known is None or known["seq"] < document["seq"]:
                self.said[document["minute"]] = document
        sent = batches.batch(ledger=list(documents), **self._about)
        batch = wire.decode(msgspec.json.encode(sent))
        outcome = ingest.record_batch(self.project, batch, now=now or datetime.now(UTC))
        assert outcome.accepted == len(documents), outcome.rejected


def settle(clock: Clock) -> None:
    """Fold until nothing is left to do, letting all pauses pass."""
    for _round in range(20):
        while shards.run(clock=clock, seconds=60):
            pass
        if not mongo.collection(FoldMark).count_documents({"due_at": {"$exists": True}}):
            return
        clock.now += timedelta(minutes=11)
    raise AssertionError("the fold does not come to an end")


def state() -> dict[str, dict[str, Json]]:
    """All that was derived, by collection and id."""
    return {model.__name__: {row["_id"]: row for row in mongo.collection(model).find()} for model in DERIVED}


def forget_everything_derived() -> None:
    """As if nothing had been folded yet."""
    for model in (*DERIVED, FoldMark, Lease):
        mongo.collection(model).delete_many({})
    for row in mongo.collection(Ledger).find({}, {"project_id": 1}):
        unfolded = {"$set": {"unfolded": shard_of(row["project_id"])}}
        mongo.collection(Ledger).update_one({"_id": row["_id"]}, unfolded)


def leases_run_out() -> None:
    """What happens 30 s after a worker's death."""
    mongo.collection(Lease).delete_many({})


def said(processes: Iterable[Process]) -> list[LedgerDocument]:
    return [
        msgspec.convert(document, LedgerDocument)
        for process in processes
        for document in process.said.values()
    ]


Totals = dict[EndpointKey, tuple[int, ...]]


def expected_totals(processes: Iterable[Process]) -> Totals:
    """Count, errors, sum of times, and calls with their time of each endpoint, from what was said."""
    found: dict[EndpointKey, list[int]] = defaultdict(lambda: [0] * 5)
    for document in said(processes):
        for entry in document.endpoints:
            numbers = (
                entry.count,
                entry.errors,
                sum(part.sum_us for part in entry.histograms.values()),
                sum(row[3] for row in entry.counters),
                sum(row[4] for row in entry.counters),
            )
            own = EndpointKey(entry.kind, entry.method, entry.route)
            for key in (own, EndpointKey(entry.kind, "", "*"), EVERYTHING):
                found[key] = [one + other for one, other in zip(found[key], numbers, strict=True)]
    return {key: tuple(numbers) for key, numbers in found.items()}


def stored_totals(grain: str, **query: Any) -> Totals:
    """The same from the rollups of a grain."""
    found: dict[EndpointKey, list[int]] = defaultdict(lambda: [0] * 5)
    for row in mongo.collection(Rollup).find({"grain": grain, **query}):
        numbers = (
            row["count"],
            row["errors"],
            sum(part["sum_us"] for part in row["classes"].values()),
            sum(calls["count"] for calls in row["counters"].values()),
            sum(calls["total_us"] for calls in row["counters"].values()),
        )
        key = EndpointKey(row["kind"], row["method"], row["route"])
        found[key] = [one + other for one, other in zip(found[key], numbers, strict=True)]
    return {key: tuple(numbers) for key, numbers in found.items()}


def expected_trees(processes: Iterable[Process]) -> dict[TreeKey, CallTree]:
    """The merged stacks of each endpoint and engine, straight from what was said."""
    found: dict[TreeKey, list[CallTree]] = defaultdict(list)
    for document in said(processes):
        for entry in document.endpoints:
            for engine in entry.stacks:
                key = TreeKey(entry.kind, entry.method, entry.route, engine)
                found[key].append(merged.from_ledger(document, entry, engine))
    return {key: merged.merge(trees) for key, trees in found.items()}


def stored_trees(grain: str, **query: Any) -> dict[TreeKey, CallTree]:
    """The trees of all stretches of a grain, merged."""
    found: dict[TreeKey, list[CallTree]] = defaultdict(list)
    for row in mongo.collection(TreeBlob).find({"grain": grain, **query}):
        tree = tree_blob.unpack(row["data"])
        assert (sum(tree.samples), sum(tree.self_us)) == (row["samples"], row["total_us"])
        found[TreeKey(row["kind"], row["method"], row["route"], row["engine"])].append(tree)
    return {key: merged.merge(trees) for key, trees in found.items()}


FunctionTotals = dict[tuple[str, Key], tuple[int, int, int]]


def expected_functions(trees: Mapping[TreeKey, CallTree]) -> FunctionTotals:
    """Self time, total and samples of each engine's functions in all endpoints, from their whole trees."""
    found: FunctionTotals = {}
    for key, tree in trees.items():
        for time in functions(tree):
            name = (key.engine, key_of(time.function))
            known = found.get(name, (0, 0, 0))
            found[name] = (known[0] + time.self_us, known[1] + time.total_us, known[2] + time.samples)
    return found


def stored_functions(grain: str) -> FunctionTotals:
    """The same from the sums of all stretches of a grain."""
    parts: dict[str, list[Part]] = defaultdict(list)
    for row in mongo.collection(FunctionSums).find({"grain": grain}):
        parts[row["engine"]].append(function_sums.unpack(row["data"]))
    tables = {engine: Table(found) for engine, found in parts.items()}
    return {
        (engine, key_of(row.function)): (row.self_us, row.total_us, row.samples)
        for engine, table in tables.items()
        for row in table.sums().rows
    }


def assert_folded(processes: Iterable[Process]) -> None:
    """Every grain says exactly what the ledgers say, and nothing is waiting."""
    processes = list(processes)
    for grain in ("minute", "hour", "day"):
        assert stored_totals(grain) == expected_totals(processes), grain
    expected = expected_trees(processes)
    for grain in ("hour", "day"):
        assert stored_trees(grain) == expected, grain
        assert stored_functions(grain) == expected_functions(expected), grain
    assert not mongo.collection(Ledger).count_documents({"unfolded": {"$exists": True}})
