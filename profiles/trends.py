"""What charts and tables of endpoints are asked for, and what they answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from profiles.grain import MOST_POINTS, Grain, finest, start_of
from profiles.histogram import percentiles
from profiles.rollup import UNBIASED, Calls, EndpointKey, Rollup, added

# A table reads one rollup for each endpoint and stretch: 200 endpoints of so many are 4,800.
MOST_STRETCHES: Final = 24
# One in a hundred is what a service level usually allows.
OFTEN: Final = 0.01


@dataclass(frozen=True)
class Period:
    """Whole stretches of a grain, from `start` up to `end`."""

    grain: Grain
    start: datetime
    end: datetime

    @classmethod
    def of(
        cls, start: datetime, end: datetime, *, now: datetime, zone: ZoneInfo, most: int = MOST_POINTS
    ) -> Period:
        """The finest that gives at most so many stretches and is still kept, from that of `start` on.

        Seen by whole hours or days, a period begins up to one of them earlier than asked for.
        """
        grain = finest(end - start, most, age=now - start)
        return cls(grain, start_of(grain, start, zone), end)


@dataclass(frozen=True)
class Measured:
    """All requests of an endpoint in a stretch or a period.

    Times are of requests that no precise profiler slowed, and percentiles at most 1 % off; None without any.
    """

    count: int
    errors: int
    timed: int
    sum_us: int
    p50_us: float | None
    p95_us: float | None
    p99_us: float | None
    counters: Mapping[str, Calls]

    @classmethod
    def of(cls, rollup: Rollup) -> Measured:
        timed = [rollup.classes[name] for name in UNBIASED if name in rollup.classes]
        p50_us, p95_us, p99_us = percentiles(rollup.latency())
        return cls(
            count=rollup.count,
            errors=rollup.errors,
            timed=sum(totals.count for totals in timed),
            sum_us=sum(totals.sum_us for totals in timed),
            p50_us=p50_us,
            p95_us=p95_us,
            p99_us=p99_us,
            counters=rollup.counters,
        )

    @property
    def mean_us(self) -> float | None:
        return self.sum_us / self.timed if self.timed else None

    @property
    def error_rate(self) -> float:
        return self.errors / self.count if self.count else 0.0

    @property
    def fails_often(self) -> bool:
        """Whether pages mark the error rate."""
        return self.error_rate >= OFTEN


@dataclass(frozen=True)
class Point:
    """A stretch in which something was measured."""

    start: datetime
    measured: Measured


@dataclass(frozen=True)
class Series:
    """Points in order of time; stretches without any request have none (see grain.starts)."""

    period: Period
    points: list[Point]
    whole: Measured

    @classmethod
    def of(cls, period: Period, parts: Iterable[tuple[datetime, Rollup]]) -> Series:
        """From rollups in any order, several of a stretch if there are several versions."""
        merged = _by_start(parts)
        points = [Point(start, Measured.of(rollup)) for start, rollup in sorted(merged.items())]
        return cls(period, points, Measured.of(added(merged.values())))


@dataclass(frozen=True)
class EndpointRow:
    """One line of the table of endpoints."""

    endpoint: EndpointKey
    measured: Measured
    stretches: Mapping[datetime, Rollup]

    @classmethod
    def of(cls, endpoint: EndpointKey, parts: Iterable[tuple[datetime, Rollup]]) -> EndpointRow:
        stretches = _by_start(parts)
        return cls(endpoint, Measured.of(added(stretches.values())), stretches)

    def p95_us(self, starts: Iterable[datetime]) -> list[float | None]:
        """In each of these stretches; None where nothing was timed. 20 µs a stretch."""
        return [
            percentiles(rollup.latency(), (0.95,))[0] if (rollup := self.stretches.get(start)) else None
            for start in starts
        ]


@dataclass(frozen=True)
class EndpointTable:
    """All endpoints of a period; the first is the one that took the most time."""

    period: Period
    rows: list[EndpointRow]


def _by_start(parts: Iterable[tuple[datetime, Rollup]]) -> dict[datetime, Rollup]:
    """One rollup of each stretch. The first of a stretch is added to, so these belong to the caller."""
    merged: dict[datetime, Rollup] = {}
    for start, rollup in parts:
        if start in merged:
            merged[start].add(rollup)
        else:
            merged[start] = rollup
    return merged
