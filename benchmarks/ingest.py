"""Profiles acknowledged per second by granian and MongoDB, beside what MongoDB alone would take.

The ceiling is one process with two threads that inserts the very documents which ingest makes, in the same
batches, into the same collections with the same indexes and the same write concern. Then the worker is
started, and the rate goes up until what is derived from the profiles no longer keeps up.
"""

from __future__ import annotations

import argparse
import gzip
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import requests
from pymongo import MongoClient

from benchmarks.support import steady
from benchmarks.support.report import Report, percentile

if TYPE_CHECKING:
    from benchmarks.support.recordings import Body, Mixture
    from projects.models import Project

ROOT = Path(__file__).parents[1]
CLIENTS = 4
CEILING_THREADS = 2
BATCHES, QUICK_BATCHES = 400, 40
CEILING_BATCHES, QUICK_CEILING_BATCHES = 200, 40
WARM_UP_BATCHES = 8


def main() -> None:
    options = read_arguments()
    use_own_database()
    import django

    django.setup()
    run([sys.executable, "manage.py", "migrate", "--verbosity", "0"])
    report = Report("ingest")
    try:
        measure(report, quick=options.quick)
        report.write(options.json, versions=server_versions())
    finally:
        from perfplatform import mongo

        mongo.database().client.drop_database(mongo.database().name)


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench ingest", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report there as JSON")
    parser.add_argument("--quick", action="store_true", help="fewer batches; ends within a minute")
    return parser.parse_args()


def use_own_database() -> None:
    """Point this process and its children at a database that nobody else has."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "perfplatform.settings")
    os.environ.setdefault("DEVELOPMENT", "1")
    parts = urlsplit(os.environ["MONGODB_URI"])
    os.environ["MONGODB_URI"] = urlunsplit(parts._replace(path=f"/bench_{secrets.token_hex(4)}"))


def run(command: list[str]) -> None:
    subprocess.run(command, cwd=ROOT, check=True)


def measure(report: Report, *, quick: bool) -> None:
    from projects.models import Key, Project, User

    owner = User.objects.create_user(username="bench")
    project = Project.objects.start("Bench", owner=owner)
    _key, secret = Key.issue(project, kind=Key.Kind.INGEST, name="bench")
    batches = QUICK_BATCHES if quick else BATCHES
    mixture = make_mixture()
    bodies = make_bodies(mixture, batches + WARM_UP_BATCHES)
    size = sum(len(body.content) for body in bodies) / sum(len(body.ids) for body in bodies)
    stored = documents(project, bodies[: QUICK_CEILING_BATCHES if quick else CEILING_BATCHES])
    ceiling = measure_ceiling(stored)
    with web() as server:
        send(server.url, secret, bodies[:WARM_UP_BATCHES])
        before = sum(cpu_seconds(pid) for pid in server.workers())
        result = send(server.url, secret, bodies[WARM_UP_BATCHES:])
        cpu_ms = (sum(cpu_seconds(pid) for pid in server.workers()) - before) * 1_000 / result.profiles
        memory_mb = max((resident_mb(pid) for pid in server.workers()), default=0.0)
        check_nothing_lost(bodies)
        steps = steady.climb(server.url, secret, mixture, quick=quick)
        memory_mb = max([memory_mb, *(resident_mb(pid) for pid in server.workers())])
    rate = result.profiles / result.seconds
    report.rows = [
        {"what": "ceiling", "profiles_per_s": round(ceiling), "threads": CEILING_THREADS},
        {
            "what": "ingest",
            "profiles_per_s": round(rate),
            "clients": CLIENTS,
            "profiles": result.profiles,
            "seconds": round(result.seconds, 2),
            "p50_ms": round(percentile(result.answers_ms, 0.5), 1),
            "p99_ms": round(percentile(result.answers_ms, 0.99), 1),
            "sent_bytes_per_profile": round(size),
            "recording_bytes_per_profile": round(mean_blob_bytes(stored)),
            "worker_memory_mb": round(memory_mb),
            # The figure that a busy machine distorts least.
            "worker_cpu_ms_per_profile": round(cpu_ms, 3),
        },
        *(step.row() for step in steps),
    ]
    report.at_least("acknowledged", rate, limit=1_000, unit="profiles/s")
    report.at_least("share of the ceiling", rate / ceiling, limit=0.25, unit="ratio")
    report.at_most("memory of a web worker", memory_mb, limit=200, unit="MB")
    kept_up = max((step.rate for step in steps if step.kept_up), default=0.0)
    # A step is sent at its rate within a hundredth.
    report.at_least("kept up with by the fold", round(kept_up, -1), limit=300, unit="profiles/s")


def make_mixture() -> Mixture:
    """The recording that batches are cut from is of this server writing its own schema."""
    from django.test import Client

    from benchmarks.support.recordings import SHAPES, Mixture, record

    return Mixture(
        record(lambda: Client(HTTP_HOST="127.0.0.1").get("/api/v1/schema/"), SHAPES[-1][1] * 3 // 2)
    )


def make_bodies(mixture: Mixture, count: int) -> list[Body]:
    """Compressed batches."""
    instances = [secrets.token_hex(16) for _ in range(CLIENTS)]
    now = datetime.now(UTC)
    return [mixture.body(instances[number % CLIENTS], seq=number + 1, now=now) for number in range(count)]


Stored = list[tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]]


def documents(project: Project, bodies: list[Body]) -> Stored:
    """What ingest would insert for each batch: recordings, profiles, ledger documents."""
    from profiles import blob, ingest, wire

    now = datetime.now(UTC)
    found: Stored = []
    for body in bodies:
        batch = wire.decode(gzip.decompress(body.content))
        said = ingest.common_fields(project, batch, now=now)
        items = [wire.decode_profile(raw, now=now) for raw in batch.profiles]
        ledger = [wire.decode_ledger(raw, now=now) for raw in batch.ledger]
        recordings = [
            {"_id": item.id, "project_id": project.pk, "data": blob.pack(table), "expires_at": now}
            for item, table in items
        ]
        profiles = [
            ingest.profile_document(item, table, {**said, "expires_at": now}) for item, table in items
        ]
        found.append((recordings, profiles, [ingest.ledger_document(document, said) for document in ledger]))
    return found


def measure_ceiling(stored: Stored) -> float:
    """Profiles a second that two threads insert; the collections are empty again afterwards."""
    from perfplatform import mongo
    from profiles.models import Ledger, Profile, SessionBlob

    tables = [mongo.collection(model, durable=True) for model in (SessionBlob, Profile)]

    def insert(batch: tuple[list[dict[str, Any]], ...]) -> int:
        for table, rows in zip(tables, batch, strict=False):
            table.insert_many(rows, ordered=False)
        Ledger.objects.store(batch[2])
        return len(batch[1])

    began = time.perf_counter()
    with ThreadPoolExecutor(CEILING_THREADS) as pool:
        count = sum(pool.map(insert, stored))
    seconds = time.perf_counter() - began
    for model in (SessionBlob, Profile, Ledger):
        mongo.collection(model).delete_many({})
    return count / seconds


@dataclass(frozen=True)
class Server:
    """A running granian."""

    url: str
    process: subprocess.Popen[bytes]

    def workers(self) -> list[int]:
        """Process ids of its workers, none once it has ended (Linux only, as the memory)."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in listed.read_text().split()] if listed.exists() else []


@contextmanager
def web() -> Iterator[Server]:
    """granian as in production, with two workers, on a port of its own."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    options = ["--interface", "wsgi", "--workers", "2", "--host", "127.0.0.1", "--port", str(port)]
    command = [
        sys.executable,
        "-m",
        "granian",
        *options,
        "--log-level",
        "error",
        "perfplatform.wsgi:application",
    ]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    server = Server(f"http://127.0.0.1:{port}", process)
    try:
        await_answer(f"{server.url}/healthz", process)
        yield server
    finally:
        stop(server)


def stop(server: Server) -> None:
    """End granian with its workers, which it waits for; on a busy machine not for ever."""
    everyone = {server.process.pid, *server.workers()}
    server.process.terminate()
    try:
        server.process.wait(30)
    except subprocess.TimeoutExpired:
        for pid in everyone:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        server.process.wait()


def await_answer(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            requests.get(url, timeout=10)
        except requests.RequestException:
            time.sleep(0.1)
        else:
            return
    raise SystemExit(f"granian did not answer at {url}")


@dataclass
class Result:
    """What the load generator saw."""

    profiles: int
    seconds: float
    answers_ms: list[float]


def send(url: str, secret: str, bodies: list[Body]) -> Result:
    """Send all batches with some clients at once, each on one connection; every one must be acknowledged."""
    headers = {
        "Authorization": f"Bearer {secret}",
        "Content-Type": "application/json",
        "Content-Encoding": "gzip",
    }

    def client(number: int) -> list[float]:
        answers_ms = []
        with requests.Session() as session:
            for body in bodies[number::CLIENTS]:
                began = time.perf_counter()
                answer = session.post(f"{url}/api/v1/ingest/", data=body.content, headers=headers, timeout=60)
                answers_ms.append((time.perf_counter() - began) * 1_000)
                if answer.status_code != 202 or answer.json()["data"]["rejected"]:
                    raise SystemExit(
                        f"A batch was not acknowledged: {answer.status_code} {answer.text[:500]}"
                    )
        return answers_ms

    began = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        answers_ms = [value for found in pool.map(client, range(CLIENTS)) for value in found]
    return Result(sum(len(body.ids) for body in bodies), time.perf_counter() - began, answers_ms)


def check_nothing_lost(bodies: list[Body]) -> None:
    from profiles.models import Profile

    sent = sum(len(body.ids) for body in bodies)
    if Profile.objects.count() != sent:
        raise SystemExit(f"{sent} profiles were acknowledged, {Profile.objects.count()} are stored.")


def resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


def mean_blob_bytes(stored: Stored) -> float:
    sizes = [len(recording["data"]) for batch in stored for recording in batch[0]]
    return sum(sizes) / len(sizes)


def server_versions() -> dict[str, str]:
    client: MongoClient[dict[str, Any]] = MongoClient(os.environ["MONGODB_URI"])
    with client:
        return {"mongod": str(client.server_info()["version"])}


if __name__ == "__main__":
    main()
