"""The highest rate of profiles at which everything that is derived from them keeps up.

A hundred processes send as the SDK does: each every 15 s, its ledger document of the minute with every batch,
and so many profiles that all together make the rate. Web server, worker and beat run as in production. What
waits is counted from time to time; it keeps up where no more waits at the end of a step than at its middle.
"""

from __future__ import annotations

import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from .report import percentile, say

if TYPE_CHECKING:
    from .recordings import Body, Mixture

ROOT = Path(__file__).parents[2]
PROCESSES = 100
SEND_EVERY_S = 15
SENDERS = 8
RATES, QUICK_RATES = (300, 400, 500, 600, 800), (300,)
STEP_S, QUICK_STEP_S = 120, 20
LOOK_EVERY_S = 5
DRAIN_S = 120
# Of what was sent in the second half of a step, so much more may wait at its end.
TOLERANCE = 0.05
# The fold works in turns of some seconds, and so does the packing: what waits goes up and down with them.
RECENT_LOOKS = 4


@dataclass(frozen=True)
class Backlog:
    """What waits: profiles for their digest, ledger documents for their rollups and trees, recordings due."""

    at_s: float
    profiles: int
    ledgers: int
    recordings: int

    @property
    def work(self) -> int:
        return self.profiles + self.ledgers + self.recordings


@dataclass(frozen=True)
class Step:
    """One rate, and whether the rest kept up with it."""

    rate: float
    sent: int
    late_s: float
    answers_ms: list[float]
    looks: list[Backlog]
    kept_up: bool

    def row(self) -> dict[str, Any]:
        return {
            "what": "fold on",
            "profiles_per_s": round(self.rate),
            "ledgers_per_s": round(PROCESSES / SEND_EVERY_S, 1),
            "p50_ms": round(percentile(self.answers_ms, 0.5), 1),
            "p99_ms": round(percentile(self.answers_ms, 0.99), 1),
            "waiting_at_the_middle": middle(self.looks),
            "waiting_at_the_end": end(self.looks),
            "kept_up": self.kept_up,
        }


def middle(looks: Sequence[Backlog]) -> int:
    half = len(looks) // 2
    return max((look.work for look in looks[max(0, half - RECENT_LOOKS) : half]), default=0)


def end(looks: Sequence[Backlog]) -> int:
    """The least of the last looks: what no turn of the worker took away."""
    return min((look.work for look in looks[-RECENT_LOOKS:]), default=0)


def climb(url: str, secret: str, mixture: Mixture, *, quick: bool) -> list[Step]:
    """Step after step, until one does not keep up."""
    steps = []
    with background():
        for rate in QUICK_RATES if quick else RATES:
            seconds = QUICK_STEP_S if quick else STEP_S
            say(f"{rate} profiles a second for {seconds} s, with the ledgers of {PROCESSES} processes")
            step = take(url, secret, bodies(mixture, rate, seconds), rate=rate, seconds=seconds)
            steps.append(step)
            if not step.kept_up:
                break
            drain()
    return steps


def bodies(mixture: Mixture, rate: int, seconds: int) -> list[Body]:
    """The batches of a step in the order of sending: one of each process in every 15 s."""
    instances = [secrets.token_hex(16) for _ in range(PROCESSES)]
    each = rate * SEND_EVERY_S // PROCESSES
    # They are sent after they are made, so that none lies too far ahead.
    began = datetime.now(UTC).replace(second=0, microsecond=0)
    found = []
    for turn in range(seconds // SEND_EVERY_S):
        minute = began + timedelta(seconds=turn * SEND_EVERY_S)
        found += [mixture.body(instance, seq=turn + 1, now=minute, profiles=each) for instance in instances]
    return found


def take(url: str, secret: str, sent: Sequence[Body], *, rate: int, seconds: int) -> Step:
    """Send in time, and look at what waits."""
    headers = {
        "Authorization": f"Bearer {secret}",
        "Content-Type": "application/json",
        "Content-Encoding": "gzip",
    }
    local = threading.local()
    began = time.monotonic()
    per_batch = seconds / len(sent)

    def send(number: int) -> tuple[float, float]:
        due = began + number * per_batch
        time.sleep(max(0.0, due - time.monotonic()))
        if not hasattr(local, "session"):
            local.session = requests.Session()
        at = time.monotonic()
        answer = local.session.post(
            f"{url}/api/v1/ingest/", data=sent[number].content, headers=headers, timeout=60
        )
        if answer.status_code != 202 or answer.json()["data"]["rejected"]:
            raise SystemExit(f"A batch was not acknowledged: {answer.status_code} {answer.text[:500]}")
        return (time.monotonic() - at) * 1_000, at - due

    looks: list[Backlog] = []
    with ThreadPoolExecutor(SENDERS) as pool, looking(looks, began):
        taken = list(pool.map(send, range(len(sent))))
    profiles = sum(len(body.ids) for body in sent)
    late_s = max(late for _answer, late in taken)
    growth = end(looks) - middle(looks)
    return Step(
        rate=profiles / (time.monotonic() - began),
        sent=profiles,
        late_s=late_s,
        answers_ms=[answer for answer, _late in taken],
        looks=looks,
        kept_up=late_s < SEND_EVERY_S and growth <= TOLERANCE * profiles / 2,
    )


@contextmanager
def looking(looks: list[Backlog], began: float) -> Iterator[None]:
    """Counts what waits every few seconds."""
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(LOOK_EVERY_S):
            looks.append(waiting(time.monotonic() - began))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        looks.append(waiting(time.monotonic() - began))


def waiting(at_s: float) -> Backlog:
    from django.utils import timezone

    from perfplatform import mongo
    from profiles.models import Ledger, Profile, SessionBlob
    from profiles.repacking import PATIENCE

    due = timezone.now() - 2 * PATIENCE
    return Backlog(
        at_s,
        mongo.collection(Profile).count_documents({"undigested": {"$gte": 0}}),
        mongo.collection(Ledger).count_documents({"unfolded": {"$gte": 0}}),
        mongo.collection(SessionBlob).count_documents({"waiting_since": {"$lte": due}}),
    )


def drain() -> None:
    """Wait until nothing waits, but not for ever."""
    until = time.monotonic() + DRAIN_S
    while time.monotonic() < until and waiting(0).work:
        time.sleep(2)


@contextmanager
def background() -> Iterator[None]:
    """A worker with one process, as `./dev run` has, and beat."""
    celery = [sys.executable, "-m", "celery", "-A", "perfplatform"]
    with tempfile.TemporaryDirectory() as folder:
        commands = (
            [*celery, "worker", "--loglevel", "error", "--pool", "prefork", "--concurrency", "1"],
            [*celery, "beat", "--loglevel", "error", "--schedule", f"{folder}/schedule"],
        )
        processes = [
            subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for command in commands
        ]
        try:
            yield
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait(60)
