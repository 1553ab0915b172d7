"""A chart's figures, stretch by stretch, the empty ones too."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Self
from zoneinfo import ZoneInfo

from profiles.grain import MINUTE, starts
from profiles.trends import Measured, Series


@dataclass(frozen=True)
class Stretch:
    """What was measured from `start` up to `end`; None where nothing came in."""

    start: datetime
    end: datetime
    measured: Measured | None

    @property
    def minutes(self) -> float:
        return (self.end - self.start) / MINUTE

    @property
    def count(self) -> int:
        return self.measured.count if self.measured else 0

    @property
    def per_minute(self) -> float:
        return self.count / self.minutes


@dataclass(frozen=True)
class Timeline:
    """All stretches of a period in order of time; the last one may still be going on."""

    stretches: list[Stretch]

    @classmethod
    def of(cls, series: Series, *, zone: ZoneInfo) -> Self:
        """Cuts the period of a series by the clocks of `zone`; its end cuts the last stretch short."""
        period, known = series.period, {point.start: point.measured for point in series.points}
        edges = [*starts(period.grain, period.start, period.end, zone=zone), period.end]
        return cls([Stretch(start, end, known.get(start)) for start, end in pairwise(edges)])

    @property
    def edges(self) -> list[datetime]:
        """Where stretches begin, and where the last one ends."""
        return [*(stretch.start for stretch in self.stretches), self.stretches[-1].end]

    @property
    def minutes(self) -> float:
        return sum(stretch.minutes for stretch in self.stretches)

    @property
    def is_empty(self) -> bool:
        return not any(stretch.count for stretch in self.stretches)

    @property
    def full(self) -> list[Stretch]:
        """Those in which something came in, the newest first: the rows of a table."""
        return [stretch for stretch in reversed(self.stretches) if stretch.count]
