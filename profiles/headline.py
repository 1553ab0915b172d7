"""An endpoint's figures of a period beside those of the one before it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from profiles.grain import MINUTE
from profiles.trends import Measured, Period

# Of fewer requests a change says nothing.
LEAST_COUNT: Final = 20
# A change of less is called none.
LEAST_PERCENT: Final = 1.0


class Figure(StrEnum):
    """What is compared."""

    COUNT = "count"
    RATE = "rate"
    P50 = "p50"
    P95 = "p95"
    P99 = "p99"
    ERRORS = "errors"

    @property
    def is_better_low(self) -> bool:
        """More requests are neither good nor bad."""
        return self not in (Figure.COUNT, Figure.RATE)


@dataclass(frozen=True)
class Compared:
    """A figure now and before: a number, per minute, microseconds, or a share of 1; None if unknown."""

    figure: Figure
    now: float | None
    before: float | None

    @property
    def change_percent(self) -> float | None:
        """By how much it has grown, None where nothing can be said."""
        if self.now is None or not self.before:
            return None
        return 100 * (self.now - self.before) / self.before

    @property
    def size_percent(self) -> float:
        return abs(self.change_percent or 0)

    @property
    def sign(self) -> str:
        """A plus, a minus, or nothing where it is the same as before."""
        change = self.change_percent
        if change is None or abs(change) < LEAST_PERCENT:
            return ""
        return "+" if change > 0 else "−"

    @property
    def is_worse(self) -> bool:
        return self.figure.is_better_low and self.sign == "+"

    @property
    def is_better(self) -> bool:
        return self.figure.is_better_low and self.sign == "−"


def compare(now: Measured, before: Measured, *, minutes: float, minutes_before: float) -> list[Compared]:
    """All figures of an endpoint, in the order of a page."""
    enough = min(now.count, before.count) >= LEAST_COUNT
    timed = min(now.timed, before.timed) >= LEAST_COUNT

    def figure(of: Figure, value: float | None, known: float | None, *, comparable: bool) -> Compared:
        return Compared(of, value, known if comparable else None)

    return [
        # Counts of periods of different length are compared by their rates.
        figure(Figure.COUNT, now.count, None, comparable=False),
        figure(Figure.RATE, now.count / minutes, before.count / minutes_before, comparable=enough),
        figure(Figure.P50, now.p50_us, before.p50_us, comparable=timed),
        figure(Figure.P95, now.p95_us, before.p95_us, comparable=timed),
        figure(Figure.P99, now.p99_us, before.p99_us, comparable=timed),
        figure(Figure.ERRORS, now.error_rate if now.count else None, before.error_rate, comparable=enough),
    ]


def minutes_of(period: Period) -> float:
    return max((period.end - period.start) / MINUTE, 1e-9)
