"""Batches for the load generator: cut from a real recording, each session different from every other."""

from __future__ import annotations

import gzip
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

import msgspec
from pyinstrument.profiler import Profiler

from profiles import histogram
from profiles.recording import Plain
from profiles.session_table import table_from_session

BATCH_PROFILES = 50
LEDGER_ENDPOINTS = 200
# Of the merged stacks of each endpoint, and what they are of.
STACK_NODES = 20
LEDGER_FUNCTIONS = 200
STRINGS = ["", *(f"function_{number}" for number in range(LEDGER_FUNCTIONS)), "shop/views.py", "django/db.py"]
FRAMES = [
    [number + 1, LEDGER_FUNCTIONS + 1 + number % 2, 10 * number + 1, 0, number % 2]
    for number in range(LEDGER_FUNCTIONS)
]
# Share of profiles and their samples: requests of 50 ms, 200 ms and 2 s at one sample a millisecond.
SHAPES = ((0.60, 26), (0.35, 129), (0.05, 1287))


@dataclass(frozen=True)
class Body:
    """A compressed batch, and what it holds."""

    content: bytes
    ids: list[str]


def record(work: Callable[[], object], samples: int) -> dict[str, Any]:
    """Record `work` over and over until there are that many samples; return the session in plain form."""
    records: list[Any] = []
    while len(records) < samples:
        profiler = Profiler(interval=0.001, async_mode="disabled")
        with profiler:
            work()
        assert profiler.last_session
        session: dict[str, Any] = profiler.last_session.to_json()
        records += session["frame_records"]
    return {**session, "frame_records": records}


class Mixture:
    """Makes batches of the shapes above from one long recording."""

    def __init__(self, session: dict[str, Any], *, seed: int = 1) -> None:
        self.session = session
        self.random = Random(seed)

    def body(self, instance: str, *, seq: int, now: datetime, profiles: int = BATCH_PROFILES) -> Body:
        """A batch with one ledger document and so many profiles that nobody else has."""
        made = [self._profile(now) for _ in range(profiles)]
        batch = {
            "schema": 1,
            "sdk": {"name": "bench", "version": "1"},
            "process": {"instance": instance, "hostname": "bench", "pid": 1, "python": "3.11.7"},
            "environment": "production",
            "version": {"name": "1.0"},
            "ledger": [self._ledger(seq, now)],
            "profiles": made,
        }
        return Body(gzip.compress(msgspec.json.encode(batch), 6), [profile["id"] for profile in made])

    def _profile(self, now: datetime) -> dict[str, Any]:
        [samples] = self.random.choices([count for _, count in SHAPES], [share for share, _ in SHAPES])
        duration_us = samples * 1_000 + self.random.randrange(60_000)
        return {
            "id": secrets.token_hex(16),
            "kind": "request",
            "endpoint": f"/endpoint/{self.random.randrange(LEDGER_ENDPOINTS)}/<int:item>",
            "method": "GET",
            "status": 200,
            "started_at": now - timedelta(microseconds=duration_us),
            "duration_us": duration_us,
            "cpu_us": duration_us // 2,
            "engine": "pyinstrument",
            "interval_us": 1_000,
            "trigger": "sampled",
            "session": self._session(samples),
        }

    def _session(self, samples: int) -> Any:
        """A window of the recording somewhere, with times of its own."""
        records = self.session["frame_records"]
        start = self.random.randrange(len(records) - samples + 1)
        window = [
            (stack, self.random.uniform(0.001, 0.0016)) for stack, _ in records[start : start + samples]
        ]
        cut = {**self.session, "frame_records": window, "sample_count": samples}
        return table_from_session(msgspec.convert(cut, Plain))

    def _ledger(self, seq: int, now: datetime) -> dict[str, Any]:
        durations = [sorted(self.random.choices(range(800, 90_000), k=20)) for _ in range(LEDGER_ENDPOINTS)]
        return {
            "minute": now.replace(second=0, microsecond=0),
            "seq": seq,
            "strings": STRINGS,
            "frames": FRAMES,
            "endpoints": [
                _entry(number, found, self._stacks(found)) for number, found in enumerate(durations)
            ],
            "dropped": {},
        }

    def _stacks(self, durations_us: list[int]) -> list[list[int]]:
        """A tree with the time of an endpoint's requests: functions that call each other, two at a time."""
        first = self.random.randrange(LEDGER_FUNCTIONS)
        each_us = sum(durations_us) // STACK_NODES
        return [
            [(node - 1) // 2, (first + node) % LEDGER_FUNCTIONS, each_us, 1]
            if node
            else [-1, first, each_us, 1]
            for node in range(STACK_NODES)
        ]


def _entry(number: int, durations_us: list[int], stacks: list[list[int]]) -> dict[str, Any]:
    counts: dict[int, int] = {}
    for duration_us in durations_us:
        index = histogram.index(duration_us)
        counts[index] = counts.get(index, 0) + 1
    buckets = sorted(counts.items())
    return {
        "kind": "request",
        "method": "GET",
        "route": f"/endpoint/{number}/<int:item>",
        "count": len(durations_us),
        "errors": 0,
        "histograms": {"sampler": {"buckets": buckets, "sum_us": sum(durations_us)}},
        "counters": [],
        "stacks": {"sampler": stacks},
    }
