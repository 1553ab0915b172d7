"""The functions of an endpoint on two sides, with a verdict on each. No Django here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from profiles.calltree import Function
from profiles.compare import LEAST_SHARE, Floor, Judged, Pair, Side, judge
from profiles.durations import Durations
from profiles.merged import Key, key_of
from profiles.verdict import Verdict

# A sample more or less is no change.
FLOOR_INTERVALS: Final = 2
SELF, TOTAL = "self", "total"


class FunctionTimes(NamedTuple):
    """A function's times in those profiles among whose largest it was, in microseconds."""

    function: Function
    self_us: Sequence[int]
    total_us: Sequence[int]


class Seen(NamedTuple):
    """One side: how many profiles were read, and the functions in them."""

    profiles: int
    functions: Sequence[FunctionTimes]


@dataclass(frozen=True)
class FunctionRow:
    """Means per profile in microseconds; verdicts are None where both sides took too little to matter."""

    function: Function
    base_self_us: float
    head_self_us: float
    base_total_us: float
    head_total_us: float
    of_self: Judged[tuple[Key, str]] | None
    of_total: Judged[tuple[Key, str]] | None

    @property
    def verdict(self) -> Verdict:
        """What is said of its own time, or else of all."""
        told = [judged.verdict for judged in (self.of_self, self.of_total) if judged]
        return min(told, key=list(Verdict).index, default=Verdict.UNCHANGED)

    @property
    def judged(self) -> Judged[tuple[Key, str]] | None:
        """The one that the verdict is of."""
        told = (judged for judged in (self.of_self, self.of_total) if judged)
        return next((judged for judged in told if judged.verdict is self.verdict), None)

    @property
    def is_new(self) -> bool:
        return not self.base_total_us

    @property
    def is_vanished(self) -> bool:
        return not self.head_total_us


@dataclass(frozen=True)
class FunctionChanges:
    """Rows, those first that need eyes most; `interval_us` is the sampling interval."""

    base_profiles: int
    head_profiles: int
    interval_us: int
    rows: list[FunctionRow]

    @property
    def suspect(self) -> FunctionRow | None:
        """Of those found slower the one whose own time has grown the most, if any has of itself."""
        slower = [row for row in self.rows if row.verdict is Verdict.REGRESSED]
        own = [row for row in slower if row.of_self and row.of_self.verdict is Verdict.REGRESSED]
        return max(own or slower, key=lambda row: row.head_self_us - row.base_self_us, default=None)


def compare(base: Seen, head: Seen, *, interval_us: int) -> FunctionChanges:
    """Judge the own and whole times of all functions as one family.

    Left out are functions that took so little on both sides together that no median can have moved by the
    floor; that looks at both sides as one, so it favours no answer (Bourgon, Gentleman and Huber 2010).
    Costs about 0.5 ms a function with 500 profiles a side.
    """
    floor = Floor(LEAST_SHARE, float(FLOOR_INTERVALS * interval_us))
    ours, theirs = _by_key(base), _by_key(head)
    least_us = floor.difference_us * min(base.profiles, head.profiles) / 2
    pairs: dict[tuple[Key, str], Pair] = {}
    for key in ours.keys() | theirs.keys():
        before, after = ours.get(key), theirs.get(key)
        for what in (SELF, TOTAL):
            values = _values(before, what), _values(after, what)
            if sum(values[0]) + sum(values[1]) >= least_us:
                pairs[key, what] = Pair(_side(values[0], base.profiles), _side(values[1], head.profiles))
    judged = {one.name: one for one in judge(pairs, floor=floor)}
    rows = [
        FunctionRow(
            function=(theirs.get(key) or ours[key]).function,
            base_self_us=_mean(ours.get(key), SELF, base.profiles),
            head_self_us=_mean(theirs.get(key), SELF, head.profiles),
            base_total_us=_mean(ours.get(key), TOTAL, base.profiles),
            head_total_us=_mean(theirs.get(key), TOTAL, head.profiles),
            of_self=judged.get((key, SELF)),
            of_total=judged.get((key, TOTAL)),
        )
        for key in ours.keys() | theirs.keys()
    ]
    return FunctionChanges(base.profiles, head.profiles, interval_us, sorted(rows, key=_rank))


def _by_key(seen: Seen) -> dict[Key, FunctionTimes]:
    return {key_of(times.function): times for times in seen.functions}


def _values(times: FunctionTimes | None, what: str) -> Sequence[int]:
    if times is None:
        return ()
    return times.self_us if what == SELF else times.total_us


def _side(values: Sequence[int], profiles: int) -> Side:
    return Side(profiles, 0, Durations.of_values(values, count=profiles))


def _mean(times: FunctionTimes | None, what: str, profiles: int) -> float:
    return sum(_values(times, what)) / profiles if profiles else 0.0


def _rank(row: FunctionRow) -> tuple[int, float, float, Function]:
    moved = abs(row.head_self_us - row.base_self_us)
    return list(Verdict).index(row.verdict), -moved, -max(row.head_total_us, row.base_total_us), row.function
