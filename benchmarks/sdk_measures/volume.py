"""How much is sent: by a process that serves one request a second, and by one that serves a thousand."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from benchmarks.sdk_apps import modes, rare
from benchmarks.sdk_apps.watching import FLASK
from benchmarks.support import received
from benchmarks.support.children import children
from benchmarks.support.fake_platform import FakePlatform

from .cost import THREADS
from .scale import Scale

PER_SECOND = (1, 1_000)
ENDPOINTS = 20
_NEVER = 10**9  # requests before one is special


class Volume(NamedTuple):
    """What one process sent under `auto` with its defaults, for 20 endpoints: a row of the table."""

    per_second: int
    reached_per_second: float
    seconds: float
    posts: int
    sent_bytes: int  # bodies, compressed
    profiles: int

    @property
    def bytes_per_second(self) -> float:
        return self.sent_bytes / self.seconds

    def row(self) -> dict[str, Any]:
        return {
            "part": "volume",
            **self._asdict(),
            "reached_per_second": round(self.reached_per_second, 1),
            "seconds": round(self.seconds, 1),
            "bytes_per_second": round(self.bytes_per_second),
            "mb_per_day": round(self.bytes_per_second * 86_400 / 1e6, 1),
        }


def measure(platform: FakePlatform, per_second: int, scale: Scale) -> Volume:
    """Serve at that pace; the first profiles of each endpoint and what is sent at the end are part of it."""
    with children(
        platform, [modes.AUTO], framework=FLASK, app="rare", endpoints=ENDPOINTS, requests=_NEVER
    ) as [child]:
        count = round(per_second * scale.volume_s)
        began = time.perf_counter()
        child.run(rare.paths(ENDPOINTS), count, lanes=THREADS, seed=3, per_second=per_second)
        seconds = max(time.perf_counter() - began, count / per_second)
        child.flush()
        batches = child.received()
    return Volume(
        per_second=per_second,
        reached_per_second=count / seconds,
        seconds=seconds,
        posts=len(batches),
        sent_bytes=sum(batch.sent_bytes for batch in batches),
        profiles=len(received.profiles(batches)),
    )
