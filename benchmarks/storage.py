"""Bytes that a profile takes with everything that belongs to it, before and after its recording is packed.

Two apps on Django, 16 pages each, in two versions, are recorded by pyinstrument request after request; none
is stored twice. Batches go through ingest, and what waits is packed after every 500 profiles, as it would be
every minute. Whole files are counted: data, free space and all indexes of each collection, divided by the
profiles. "Before" are the same documents as they came in, in collections and indexes that MongoDB makes by
itself. Every profile is one of the random share here, so each has a digest.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import zstandard

from benchmarks.ingest import run, server_versions, use_own_database
from benchmarks.support.recorders import BATCH_PROFILES, Archive, Recorded, recording
from benchmarks.support.report import Report, percentile, say

if TYPE_CHECKING:
    from projects.models import Project

APPS = ("library", "clinic")
VERSIONS = ("1.0", "1.1")
PROFILES = 20_000
QUICK_SECONDS = 12.0
REPACK_AFTER = 500
MOST_READ = 400
# What a digest would take that shared the names of its functions.
SMALL_DIGEST_BYTES = 300
# minSnapshotHistoryWindowInSeconds is 300.
SETTLE_SECONDS = 420


def main() -> None:
    options = read_arguments()
    use_own_database()
    import django

    django.setup()
    run([sys.executable, "manage.py", "migrate", "--verbosity", "0"])
    report = Report("storage")
    try:
        measure(report, Archive(options.recordings), profiles=options.profiles, quick=options.quick)
        report.write(options.json, versions=server_versions())
    finally:
        from perfplatform import mongo

        mongo.database().client.drop_database(mongo.database().name)


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench storage", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report there as JSON")
    parser.add_argument("--quick", action="store_true", help="a few hundred profiles; ends within a minute")
    parser.add_argument("--profiles", type=int, default=PROFILES, help="how many to record (%(default)s)")
    parser.add_argument(
        "--recordings",
        type=Path,
        metavar="FILE",
        help="take recordings from there as far as there are any; further ones are added to it",
    )
    return parser.parse_args()


def measure(report: Report, archive: Archive, *, profiles: int, quick: bool) -> None:
    store = Store()
    for number, version in enumerate(VERSIONS, 1):
        end = profiles * number // len(VERSIONS)
        for recorded in archive.of_version(version):
            if store.stored < end:
                store.add(recorded)
        if store.stored < end:
            with recording(APPS, version) as batches:
                began = time.monotonic()
                for recorded in batches:
                    archive.add(recorded)
                    store.add(recorded)
                    if store.stored >= end or (quick and time.monotonic() - began > QUICK_SECONDS):
                        break
    store.digest()
    store.repack()
    checkpoint()
    sizes = [*store.sizes("before"), *store.sizes("after")]
    report.rows = [*store.figures(), store.losses(), *reading(store.ids())]
    if not quick:
        settle()
        sizes += store.sizes("settled")
    report.rows = [*sizes, *report.rows]
    judge(report)


class Store:
    """Puts recordings in as ingest does, and keeps a copy of every document as it came."""

    def __init__(self) -> None:
        from projects.models import Project, User

        owner = User.objects.create_user(username="bench")
        self.projects = {app: Project.objects.start(app.title(), owner=owner) for app in APPS}
        self.stored = self.samples = self.packed = self.left = 0
        self.ingest_s = self.repack_s = 0.0
        self.sessions: dict[str, Any] = {}
        for model in counted_models()[:2]:
            copy_indexes(model)

    def add(self, recorded: Recorded) -> None:
        """Store a batch as ingest did when it came; pack what waits, as every minute of traffic."""
        self._store(self.projects[recorded.app], zstandard.decompress(recorded.body), recorded.at)
        if self.stored % REPACK_AFTER == 0:
            self.digest()
            self.repack()
            say(f"{self.stored} profiles stored")

    def digest(self) -> None:
        """Make the digests that are missing, as the fold does every few seconds."""
        from django.utils import timezone

        from profiles.fold.digests import fold_digests
        from profiles.fold.turn import Turn
        from profiles.shard import shard_of

        for project in self.projects.values():
            turn = Turn(shard_of(project.pk), owner="bench", clock=timezone.now, seconds=3_600)
            while fold_digests(turn):
                pass

    def repack(self) -> None:
        from django.utils import timezone

        from profiles import repacking

        began = time.process_time()
        done = repacking.repack(now=timezone.now() + repacking.PATIENCE, seconds=3_600)
        self.repack_s += time.process_time() - began
        self.packed += done.packed
        self.left += done.left

    def ids(self) -> list[str]:
        from perfplatform import mongo

        return [row["_id"] for row in mongo.database()["before_profiles_profile"].find({}, {"_id": 1})]

    def sizes(self, when: str) -> list[dict[str, Any]]:
        """A row for each collection, in bytes a profile."""
        tables = [model._meta.db_table for model in counted_models()]
        if when == "before":
            tables = [f"before_{name}" for name in tables[:2]]
        rows = [collection_row(when, table, self.stored) for table in tables]
        return [*rows, {"when": when, "collection": "all", "total": round(total(rows), 1)}]

    def figures(self) -> Iterator[dict[str, Any]]:
        yield {
            "what": "recordings",
            "profiles": self.stored,
            "samples": round(self.samples / self.stored, 1),
            "self_contained_bytes": round(mean_bytes("before_profiles_sessionblob")),
            "packed_bytes": round(mean_bytes("profiles_packedsession")),
            "digest_bytes": round(mean_bytes("profiles_digest")),
            "packed": self.packed,
            "left": self.left,
        }
        yield {
            "what": "cpu",
            "ingest_ms": round(self.ingest_s * 1_000 / self.stored, 2),
            "repack_ms": round(self.repack_s * 1_000 / self.stored, 2),
        }

    def losses(self) -> dict[str, Any]:
        """Compares what was kept aside with what is read back."""
        from profiles.models import SessionBlob

        differing = sum(SessionBlob.objects.session(key) != value for key, value in self.sessions.items())
        return {"what": "read back", "compared": len(self.sessions), "differing": differing}

    def _store(self, project: Project, body: bytes, at: datetime) -> None:
        from perfplatform import mongo
        from profiles import ingest, wire
        from profiles.session_table import session_from_table

        batch = wire.decode(body)
        began = time.process_time()
        outcome = ingest.record_batch(project, batch, now=at)
        self.ingest_s += time.process_time() - began
        assert outcome.accepted == BATCH_PROFILES, outcome.rejected
        items = [wire.decode_profile(raw, now=at) for raw in batch.profiles]
        self.samples += sum(len(table.samples) for _item, table in items)
        item, table = random.choice(items)
        self.sessions[item.id] = session_from_table(table).as_dict()
        for model in counted_models()[:2]:
            name = model._meta.db_table
            found = mongo.collection(model).find({"_id": {"$in": [item.id for item, _table in items]}})
            mongo.database()[f"before_{name}"].insert_many(list(found))
        self.stored += outcome.accepted


def counted_models() -> list[Any]:
    """Every collection that a profile touches; the first two are there before packing."""
    from profiles.models import Digest, PackedSession, Profile, SessionBlob, SharedFrames

    return [Profile, SessionBlob, PackedSession, SharedFrames, Digest]


def copy_indexes(model: Any) -> None:
    """Make a collection with the indexes of a model's, all as MongoDB makes them by itself."""
    from perfplatform import mongo

    rows = mongo.database()[f"before_{model._meta.db_table}"]
    for index in mongo.collection(model).list_indexes():
        if index["name"] != "_id_" and not {"sparse", "partialFilterExpression"} & set(index):
            rows.create_index(list(index["key"].items()), name=index["name"])


def collection_row(when: str, table: str, profiles: int) -> dict[str, Any]:
    from perfplatform import mongo

    stats = mongo.database().command("collStats", table)
    indexes = {name: round(size / profiles, 1) for name, size in stats["indexSizes"].items()}
    return {
        "when": when,
        "collection": table,
        "documents": stats["count"],
        "data": round(stats["storageSize"] / profiles, 1),
        "free": round(stats["wiredTiger"]["block-manager"]["file bytes available for reuse"] / profiles, 1),
        "indexes": indexes,
        "total": round((stats["storageSize"] + stats["totalIndexSize"]) / profiles, 1),
    }


def mean_bytes(table: str) -> float:
    from perfplatform import mongo

    stages = [{"$group": {"_id": None, "mean": {"$avg": {"$binarySize": "$data"}}}}]
    return float(sum(row["mean"] for row in mongo.database()[table].aggregate(stages)))


def total(rows: list[dict[str, Any]]) -> float:
    return float(sum(row["total"] for row in rows))


def settle() -> None:
    """Wait until mongod forgets what was deleted, which it keeps for five minutes for snapshot reads.

    Until then the file of recordings as they come in holds all that came in these minutes; then it is shrunk,
    as a task does every hour.
    """
    from profiles.models import SessionBlob

    say("waiting until what was deleted is forgotten")
    for _ in range(SETTLE_SECONDS // 20):
        time.sleep(20)
        checkpoint()
    SessionBlob.objects.give_space_back()
    checkpoint()


def checkpoint() -> None:
    """What was written is in the files."""
    from perfplatform import mongo

    mongo.database().client.admin.command("fsync")


def reading(ids: list[str]) -> Iterator[dict[str, Any]]:
    """Times to read some recordings: with the shared frames at hand, and with nothing at hand."""
    from profiles.models import SessionBlob, SharedFrames

    chosen = random.sample(ids, min(MOST_READ, len(ids)))
    for what in ("warm", "cold"):
        times_ms = []
        for number, profile_id in enumerate(chosen * 2 if what == "warm" else chosen):
            if what == "cold":
                SharedFrames.objects.forget()
            began = time.perf_counter()
            SessionBlob.objects.session(profile_id)
            if what == "cold" or number >= len(chosen):
                times_ms.append((time.perf_counter() - began) * 1_000)
        yield {
            "what": f"read {what}",
            "p50_ms": round(percentile(times_ms, 0.5), 2),
            "p95_ms": round(percentile(times_ms, 0.95), 2),
        }


def judge(report: Report) -> None:
    rows = {row.get("what") or (row["when"], row["collection"]): row for row in report.rows}
    when = "settled" if ("settled", "all") in rows else "after"
    stored = rows[when, "all"]["total"]
    kilobyte = 1_000
    report.at_most(
        "recording as ingested", rows["recordings"]["self_contained_bytes"], limit=6 * kilobyte, unit="bytes"
    )
    report.at_most("stored for a profile", stored, limit=1.5 * kilobyte, unit="bytes")
    smaller = stored - rows["recordings"]["digest_bytes"] + SMALL_DIGEST_BYTES
    what = f"stored if a digest were {SMALL_DIGEST_BYTES} bytes"
    report.at_most(what, smaller, limit=1.5 * kilobyte, unit="bytes")
    report.at_most("reading a recording", rows["read warm"]["p95_ms"], limit=5, unit="ms (p95)")
    report.at_most("reading a recording, cold", rows["read cold"]["p95_ms"], limit=5, unit="ms (p95)")
    report.at_most("recordings not read back as they came", rows["read back"]["differing"], limit=0, unit="")


if __name__ == "__main__":
    main()
