"""What the SDK still does in a request's thread when Flask is done with it, after about 200 samples."""

from __future__ import annotations

from statistics import median
from typing import Any, NamedTuple

from benchmarks.sdk_apps import modes
from benchmarks.sdk_apps.long import paths
from benchmarks.sdk_apps.watching import FLASK
from benchmarks.support import paired, received
from benchmarks.support.children import Child, children
from benchmarks.support.fake_platform import FakePlatform

from .scale import Scale

TIMES = 3  # each endpoint: as often as it is kept at first
WATCHED = (modes.SAMPLER_1_MS, modes.PYINSTRUMENT)


class Aftermath(NamedTuple):
    """CPU time of the thread from Flask's return to the server's turn: a row of the table."""

    mode: str
    requests: int
    samples: float  # of a profile, median
    bare_us: float
    added: paired.Spread  # microseconds

    def row(self) -> dict[str, Any]:
        return {
            "part": "after the handler",
            "mode": self.mode,
            "requests": self.requests,
            "samples": round(self.samples),
            "bare_us": round(self.bare_us, 1),
            "added_us": round(self.added.value, 1),
            "added_us_low": round(self.added.low, 1),
            "added_us_high": round(self.added.high, 1),
        }


def measure(platform: FakePlatform, scale: Scale) -> list[Aftermath]:
    chosen = paths()[: scale.long_endpoints]
    with children(platform, [modes.BARE, *WATCHED], framework=FLASK, app="long") as ring:
        for turn in range(TIMES):
            for path in chosen:
                for child in ring:
                    child.run([path], 1, seed=turn)
        bare_us, *watched_us = ([took_ns / 1_000 for took_ns in child.report().said] for child in ring)
        for child in ring:
            child.flush()
        return [
            Aftermath(
                mode=child.mode,
                requests=len(chosen) * TIMES,
                samples=median_samples(child),
                bare_us=median(bare_us),
                added=paired.median_difference(bare_us, took_us),
            )
            for child, took_us in zip(ring[1:], watched_us, strict=True)
        ]


def median_samples(child: Child) -> float:
    found = [len(profile["session"]["samples"]) for profile in received.profiles(child.received())]
    return median(found) if found else 0.0
