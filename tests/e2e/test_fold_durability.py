"""What is derived equals what was acknowledged, however often the worker is killed while ledgers arrive."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from bson import ObjectId
from pymongo import MongoClient
from pymongo.database import Database

from profiles.tests import ledgers
from tests.e2e.test_durability import make_project
from tests.instance import Instance, descendants, wait_until

pytestmark = pytest.mark.timeout(600)

PROCESSES = 4
ROUTES = ("/a", "/b", "/c")
# The pause of a minute's trees, of its hour's and of the worker's next turn, on a busy machine.
LONGEST_FOLD_SECONDS = 180

Json = dict[str, Any]
Rows = Database[Json]


class App:
    """Processes of a target app that send all they know of a minute, again and again until it is accepted."""

    def __init__(self, instance: Instance, key: str) -> None:
        self.instance = instance
        self.key = key
        self.acknowledged: dict[tuple[str, str], Json] = {}
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=[uuid.uuid4().hex], daemon=True)
            for _number in range(PROCESSES)
        ]

    def __enter__(self) -> App:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=90)
            assert not thread.is_alive()

    def _run(self, process: str) -> None:
        seq = 0
        while not self._stop.is_set():
            seq += 1
            minute = datetime.now(UTC).replace(second=0, microsecond=0)
            document = ledgers.random_document(minute, ROUTES[: 1 + seq % 3], seed=process, seq=seq)
            self._send_until_accepted(process, document)
            time.sleep(0.05)

    def _send_until_accepted(self, process: str, document: Json) -> None:
        """As the SDK does: what nobody answered may be stored or not, so it is sent again unchanged."""
        batch = {
            "schema": 1,
            "sdk": {"name": "perfplatform-sdk", "version": "0.1.0"},
            "process": {"instance": process, "hostname": "web-1", "pid": 1, "python": "3.11.7"},
            "environment": "production",
            "version": {"name": "1.0"},
            "ledger": [document],
        }
        while True:
            try:
                answer = self.instance.post_batch(self.key, batch)
            except requests.RequestException:
                time.sleep(0.2)
                continue
            if answer.status_code == 202:
                assert answer.json()["data"]["accepted"] == 1, answer.text
                self.acknowledged[process, document["minute"]] = document
                return


def expected(documents: list[Json]) -> Json:
    """Requests, errors and time, and the time and samples of all stacks."""
    entries = [entry for document in documents for entry in document["endpoints"]]
    rows = [row for entry in entries for row in entry["stacks"]["sampler"]]
    return {
        "metrics": [
            sum(entry["count"] for entry in entries),
            sum(entry["errors"] for entry in entries),
            sum(entry["histograms"]["sampler"]["sum_us"] for entry in entries),
        ],
        "trees": [sum(row[2] for row in rows), sum(row[3] for row in rows)],
    }


def derived(rows: Rows, project: ObjectId, grain: str) -> Json:
    """The same from what is stored."""
    of_grain = {"project_id": project, "grain": grain}
    rollups = list(rows.profiles_rollup.find({**of_grain, "route": {"$ne": "*"}}))
    trees = list(rows.profiles_treeblob.find(of_grain))
    return {
        "metrics": [
            sum(row["count"] for row in rollups),
            sum(row["errors"] for row in rollups),
            sum(row["classes"]["sampler"]["sum_us"] for row in rollups),
        ],
        "trees": [sum(row["total_us"] for row in trees), sum(row["samples"] for row in trees)],
    }


def is_folded(rows: Rows, project: ObjectId) -> bool:
    """Whether nothing waits any more. Pauses, which are for the machine's sake, are cut short."""
    now = datetime.now(UTC)
    waiting = {"project_id": project, "due_at": {"$exists": True}}
    rows.profiles_foldmark.update_many({**waiting, "due_at": {"$gt": now}}, {"$set": {"due_at": now}})
    unfolded = {"project_id": project, "unfolded": {"$exists": True}}
    return not (
        rows.profiles_ledger.count_documents(unfolded) or rows.profiles_foldmark.count_documents(waiting)
    )


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    made = Instance(tmp_path, demo=False)
    yield made
    if made.process:
        made.stop()


def wait_for_a_fold(mongodb_uri: str) -> None:
    """Until a worker has a lease, which it gives back when it has done what there was to do."""
    with MongoClient[Json](mongodb_uri) as client:
        leases = client.get_default_database().profiles_lease
        deadline = time.monotonic() + 60
        while not leases.find_one({"until": {"$gt": datetime.now(UTC)}}):
            assert time.monotonic() < deadline, "nobody folds"
            time.sleep(0.005)


def kill_with_children(pid: int) -> None:
    """The children do the work, and would finish what they are at."""
    for victim in (pid, *descendants(pid)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)


def kill_rounds(instance: Instance, count: int) -> None:
    """In each round the worker dies at a random moment of the load; in the end the sums are compared."""
    status = instance.start()
    project, key = make_project(instance)
    chance = random.Random()
    with App(instance, key) as app:
        for number in range(count):
            wait_until(anything_new(app), 60)
            time.sleep(chance.uniform(0, 6))
            wait_for_a_fold(status["mongodb_uri"])
            # A fold takes some tenths of a second.
            time.sleep(chance.uniform(0, 0.2))
            kill_with_children(status["pids"]["worker"])
            assert instance.wait_for_its_end() == 1, f"round {number}"
            assert "worker was killed by SIGKILL" in instance.output
            status = instance.start()
    with MongoClient[Json](status["mongodb_uri"]) as client:
        rows = client.get_default_database()
        found = ObjectId(project)
        wait_until(lambda: is_folded(rows, found), LONGEST_FOLD_SECONDS)
        said = expected(list(app.acknowledged.values()))
        assert said["metrics"][0] > 0
        minutes = derived(rows, found, "minute")
        assert minutes["metrics"] == said["metrics"]
        for grain in ("hour", "day"):
            assert derived(rows, found, grain) == said, grain


def anything_new(app: App) -> Callable[[], bool]:
    """Whether something new was acknowledged since now."""
    before = sum(document["seq"] for document in list(app.acknowledged.values()))
    return lambda: sum(document["seq"] for document in list(app.acknowledged.values())) > before


def test_a_killed_worker_neither_loses_nor_doubles(instance: Instance) -> None:
    kill_rounds(instance, 2)


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_many_killed_workers_neither_lose_nor_double(instance: Instance) -> None:
    kill_rounds(instance, 20)
