"""What charts and tables of endpoints are asked for, and what they answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from profiles.grain import MOST_POINTS, Grain, finest, start_of
from profiles.histogram import percentiles
from profiles.rollup import UNBIASED, Calls, EndpointKey, Rollup, added

# A table reads one rollup for each endpoint and stretch: 200 endpoints of so many are 4,800.
MOST_STRETCHES: Final = 24
# One in a hundred is what a service level usually allows.
OFTEN: Final = 0.01

Name = TypeVar("Name", str, datetime)


class Group(StrEnum):
    """What measurements of an endpoint can be told apart by."""

    VERSION = "version"
    ENVIRONMENT = "environment"

    @property
    def column(self) -> str:
        return "version_name" if self is Group.VERSION else "environment"


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
    """Points in order of time; stretches without any request have none (see grain.starts).

    `whole` is all of them together, and `latency` the histogram of that (see Rollup.latency).
    """

    period: Period
    points: list[Point]
    whole: Measured
    latency: int

    @classmethod
    def of(cls, period: Period, parts: Iterable[tuple[datetime, Rollup]]) -> Series:
        """From rollups in any order, several of a stretch if there are several versions."""
        merged = _merged(parts)
        points = [Point(start, Measured.of(rollup)) for start, rollup in sorted(merged.items())]
        whole = added(merged.values())
        return cls(period, points, Measured.of(whole), whole.latency())


@dataclass(frozen=True)
class EndpointRow:
    """One line of the table of endpoints."""

    endpoint: EndpointKey
    measured: Measured
    stretches: Mapping[datetime, Rollup]

    @classmethod
    def of(cls, endpoint: EndpointKey, parts: Iterable[tuple[datetime, Rollup]]) -> EndpointRow:
        stretches = _merged(parts)
        return cls(endpoint, Measured.of(added(stretches.values())), stretches)

    def p95_us(self, starts: Iterable[datetime]) -> list[float | None]:
        """In each of these stretches; None where nothing was timed. 20 µs a stretch."""
        return [
            percentiles(rollup.latency(), (0.95,))[0] if (rollup := self.stretches.get(start)) else None
            for start in starts
        ]


@dataclass
class EndpointTotals:
    """Of an endpoint what needs no histogram; `timed` and `sum_us` as in Measured."""

    endpoint: EndpointKey
    count: int = 0
    errors: int = 0
    timed: int = 0
    sum_us: int = 0


@dataclass(frozen=True)
class GroupRow:
    """One line of a table of versions or environments, by name."""

    name: str
    measured: Measured


@dataclass(frozen=True)
class GroupTable:
    """All versions or environments of a period; the first is the one that took the most time."""

    period: Period
    rows: list[GroupRow]

    @classmethod
    def of(cls, period: Period, parts: Iterable[tuple[str, Rollup]]) -> GroupTable:
        """From rollups with the name of what they are of."""
        rows = [GroupRow(name, Measured.of(rollup)) for name, rollup in _merged(parts).items()]
        return cls(period, sorted(rows, key=lambda row: (-row.measured.sum_us, row.name)))


@dataclass(frozen=True)
class EndpointTable:
    """All endpoints of a period; the first is the one that took the most time."""

    period: Period
    rows: list[EndpointRow]


def _merged(parts: Iterable[tuple[Name, Rollup]]) -> dict[Name, Rollup]:
    """One rollup of each stretch or name. The first of each is added to, so these belong to the caller."""
    merged: dict[Name, Rollup] = {}
    for name, rollup in parts:
        if name in merged:
            merged[name].add(rollup)
        else:
            merged[name] = rollup
    return merged
