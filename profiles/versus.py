"""Two tables of endpoints side by side, with a verdict on each endpoint and on all. No Django here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from profiles import likeness
from profiles.compare import Judged, Pair, Side, judge
from profiles.dependence import Dependence, dependence
from profiles.durations import Durations
from profiles.grain import MINUTE, Grain, end_of
from profiles.reweighted import Totals, totals
from profiles.rollup import EndpointKey, Rollup
from profiles.trends import EndpointRow, EndpointTable, Measured
from profiles.verdict import Caution, Verdict, Warned

# As many requests are on endpoints that are known to be unchanged, or nothing is known of all together.
LEAST_KNOWN: Final = 0.5

# From an endpoint to the rollups of its stretches on both sides, finer than those of the tables.
Finer = Callable[[EndpointKey], tuple[list[Rollup], list[Rollup]]]


@dataclass(frozen=True)
class Row:
    """An endpoint that both sides have; rates are per minute of the time in which its side had requests."""

    judged: Judged[EndpointKey]
    base: Measured
    head: Measured
    base_per_minute: float
    head_per_minute: float
    warnings: list[Caution]

    @property
    def endpoint(self) -> EndpointKey:
        return self.judged.name

    @property
    def moved_us(self) -> float:
        """What its change adds to the time of all requests of head, or saves."""
        change = self.judged.change
        return abs(change.difference_us) * self.head.count if change else 0.0


@dataclass(frozen=True)
class Comparison:
    """Rows, those first that need eyes most; what only one side has is apart."""

    rows: list[Row]
    new: list[EndpointRow]
    vanished: list[EndpointRow]
    totals: Totals
    warnings: list[Caution]
    base_count: int
    head_count: int

    @property
    def tally(self) -> dict[Verdict, int]:
        """How many endpoints each verdict is of."""
        counts = Counter(row.judged.verdict for row in self.rows)
        return {verdict: counts[verdict] for verdict in Verdict}

    @property
    def verdict(self) -> Verdict:
        """On all: a regression counts whatever else there is, and what is not known is no good news."""
        tally = self.tally
        for verdict in (Verdict.REGRESSED, Verdict.IMPROVED):
            if tally[verdict]:
                return verdict
        known = sum(row.base.count for row in self.rows if row.judged.verdict is Verdict.UNCHANGED)
        enough = known and known >= LEAST_KNOWN * self.base_count
        return Verdict.UNCHANGED if enough else Verdict.INCONCLUSIVE


def compare(base: EndpointTable, head: EndpointTable, *, zone: ZoneInfo, finer: Finer) -> Comparison:
    """Judge all endpoints that both tables have as one family.

    `finer` is asked of those that would be told to have another median. Hours and weekdays are those of
    `zone`. Costs 0.5 ms an endpoint.
    """
    ours, theirs = _by_endpoint(base), _by_endpoint(head)
    pairs = {name: Pair(_side(ours[name]), _side(theirs[name])) for name in ours if name in theirs}
    judged = judge(pairs, dependence=lambda name: _dependence(name, ours[name], theirs[name], finer))
    before, after = _minutes(base, zone), _minutes(head, zone)
    rows = [
        Row(
            judged=one,
            base=(base_row := ours[one.name]).measured,
            head=(head_row := theirs[one.name]).measured,
            base_per_minute=base_row.measured.count / before,
            head_per_minute=head_row.measured.count / after,
            warnings=_warnings(one),
        )
        for one in judged
    ]
    order = list(Verdict)
    rows.sort(key=lambda row: (order.index(row.judged.verdict), -row.moved_us, row.endpoint))
    base_count = sum(row.measured.count for row in base.rows)
    return Comparison(
        rows=rows,
        new=[row for row in head.rows if row.endpoint not in ours],
        vanished=[row for row in base.rows if row.endpoint not in theirs],
        totals=totals(pairs, base_count=base_count),
        warnings=_warnings_of_all(base, head, zone),
        base_count=base_count,
        head_count=sum(row.measured.count for row in head.rows),
    )


def dependence_of(base: Iterable[Rollup], head: Iterable[Rollup]) -> Dependence:
    """How alike requests of one stretch are, from the rollups of stretches."""
    return dependence(*(_timed(side) for side in (base, head)))


def _dependence(name: EndpointKey, base: EndpointRow, head: EndpointRow, finer: Finer) -> Dependence:
    """Of the finer stretches or of the table's own, whichever tells more."""
    return max(dependence_of(*finer(name)), dependence_of(base.stretches.values(), head.stretches.values()))


def _timed(stretches: Iterable[Rollup]) -> list[Durations]:
    found = (Durations.of(stretch.latency()) for stretch in stretches)
    return [durations for durations in found if durations.count]


def _by_endpoint(table: EndpointTable) -> dict[EndpointKey, EndpointRow]:
    return {row.endpoint: row for row in table.rows}


def _side(row: EndpointRow) -> Side:
    latency = sum(stretch.latency() for stretch in row.stretches.values())
    return Side(row.measured.count, row.measured.errors, Durations.of(latency))


def _warnings(judged: Judged[EndpointKey]) -> list[Caution]:
    found = []
    if judged.dependence and judged.dependence.factor > 1:
        found.append(Caution(Warned.DEPENDENCE, {"factor": judged.dependence.factor}))
    # Of the same groups on both sides one warning is enough.
    groups = [likeness.groups(side.durations) for side in judged.pair]
    return [*found, *[warning for warning in groups if warning][:1]]


def _warnings_of_all(base: EndpointTable, head: EndpointTable, zone: ZoneInfo) -> list[Caution]:
    fine = Grain.DAY not in (base.period.grain, head.period.grain)
    found = likeness.warnings_of_time(_times(base), _times(head), zone, hours=fine)
    mix = likeness.warning_of_mix(_counts(base), _counts(head))
    return [*found, *([mix] if mix else [])]


def _times(table: EndpointTable) -> list[tuple[datetime, int]]:
    return [(start, rollup.count) for row in table.rows for start, rollup in row.stretches.items()]


def _counts(table: EndpointTable) -> dict[EndpointKey, int]:
    return {row.endpoint: row.measured.count for row in table.rows}


def _minutes(table: EndpointTable, zone: ZoneInfo) -> float:
    """From the first to the last stretch with any request; at least one minute."""
    starts = [start for row in table.rows for start in row.stretches]
    if not starts:
        return 1.0
    last = min(end_of(table.period.grain, max(starts), zone), max(table.period.end, max(starts)))
    return max((last - min(starts)) / MINUTE, 1.0)
