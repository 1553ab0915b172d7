"""Requests of endpoints in a period, with no more than a comparison of two such needs. No Django here."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Self

from profiles import histogram
from profiles.compare import Side
from profiles.durations import Durations
from profiles.rollup import EndpointKey
from profiles.trends import Period


class Part(NamedTuple):
    """A stretch: `lanes` is the histogram of what no precise profiler slowed (see profiles/histogram.py)."""

    start: datetime
    requests: int
    errors: int
    lanes: int


@dataclass
class Timed:
    """All requests of an endpoint."""

    endpoint: EndpointKey
    parts: list[Part] = field(default_factory=list)

    @property
    def count(self) -> int:
        return sum(part.requests for part in self.parts)

    @property
    def side(self) -> Side:
        """For a verdict."""
        return Side(
            self.count,
            sum(part.errors for part in self.parts),
            Durations.of(sum(part.lanes for part in self.parts)),
        )


@dataclass
class TimedTable:
    """All endpoints of a version in a period."""

    period: Period
    endpoints: dict[EndpointKey, Timed] = field(default_factory=dict)

    def add(self, endpoint: EndpointKey, part: Part) -> None:
        known = self.endpoints.get(endpoint)
        if known is None:
            known = self.endpoints[endpoint] = Timed(endpoint)
        known.parts.append(part)


@dataclass(frozen=True)
class Figures:
    """What is shown of an endpoint; `timed` is how many times there are, percentiles are at most 1 % off."""

    endpoint: EndpointKey
    count: int
    errors: int
    timed: int
    p50_us: float | None
    p95_us: float | None

    @classmethod
    def of(cls, endpoint: EndpointKey, side: Side) -> Self:
        durations = side.durations
        p50_us, p95_us = (
            histogram.value(durations.bucket_at(quantile)) if durations.count else None
            for quantile in (0.5, 0.95)
        )
        return cls(endpoint, side.count, side.errors, durations.count, p50_us, p95_us)

    @property
    def error_rate(self) -> float:
        return self.errors / self.count if self.count else 0.0
