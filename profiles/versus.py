"""Two tables of endpoints side by side, with a verdict on each endpoint and on all. No Django here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from profiles import likeness
from profiles.compare import Judged, Pair, judge
from profiles.dependence import Dependence, dependence
from profiles.durations import Durations
from profiles.grain import MINUTE, Grain, end_of
from profiles.reweighted import Totals, totals
from profiles.rollup import EndpointKey
from profiles.timed import Figures, Timed, TimedTable
from profiles.verdict import Caution, Verdict, Warned

# As many requests are on endpoints that are known to be unchanged, or nothing is known of all together.
LEAST_KNOWN: Final = 0.5

# From an endpoint to the histograms of finer stretches on both sides than those of the tables.
Finer = Callable[[EndpointKey], tuple[list[int], list[int]]]


@dataclass(frozen=True)
class Row:
    """An endpoint that both sides have; rates are per minute of the time in which its side had requests."""

    judged: Judged[EndpointKey]
    base: Figures
    head: Figures
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
    """Rows, those first that need eyes most; what only one side has is apart, the most called first."""

    rows: list[Row]
    new: list[Figures]
    vanished: list[Figures]
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


def compare(base: TimedTable, head: TimedTable, *, zone: ZoneInfo, finer: Finer) -> Comparison:
    """Judge all endpoints that both tables have as one family.

    `finer` is asked of those that would be told to have changed. Hours and weekdays are those of `zone`.
    """
    ours, theirs = base.endpoints, head.endpoints
    pairs = {name: Pair(ours[name].side, theirs[name].side) for name in ours if name in theirs}
    judged = judge(pairs, dependence=lambda name: _dependence(name, ours[name], theirs[name], finer))
    before, after = _minutes(base, zone), _minutes(head, zone)
    rows = [
        Row(
            judged=one,
            base=Figures.of(one.name, one.pair.base),
            head=Figures.of(one.name, one.pair.head),
            base_per_minute=one.pair.base.count / before,
            head_per_minute=one.pair.head.count / after,
            warnings=_warnings(one),
        )
        for one in judged
    ]
    order = list(Verdict)
    rows.sort(key=lambda row: (order.index(row.judged.verdict), -row.moved_us, row.endpoint))
    counts, counts_after = _counts(base), _counts(head)
    mix = likeness.warning_of_mix(counts, counts_after)
    return Comparison(
        rows=rows,
        new=_one_sided(timed for name, timed in theirs.items() if name not in ours),
        vanished=_one_sided(timed for name, timed in ours.items() if name not in theirs),
        totals=totals(pairs, base_count=sum(counts.values())),
        warnings=[*_warnings_of_time(base, head, zone), *([mix] if mix else [])],
        base_count=sum(counts.values()),
        head_count=sum(counts_after.values()),
    )


def _dependence(name: EndpointKey, base: Timed, head: Timed, finer: Finer) -> Dependence:
    """Of the finer stretches or of the table's own, whichever tells more."""
    minutes = dependence(*(_durations(side) for side in finer(name)))
    own = dependence(*(_durations(part.lanes for part in side.parts) for side in (base, head)))
    return max(minutes, own)


def _durations(histograms: Iterable[int]) -> list[Durations]:
    return [Durations.of(lanes) for lanes in histograms if lanes]


def _one_sided(endpoints: Iterable[Timed]) -> list[Figures]:
    found = [Figures.of(timed.endpoint, timed.side) for timed in endpoints]
    return sorted(found, key=lambda figures: (-figures.count, figures.endpoint))


def _warnings(judged: Judged[EndpointKey]) -> list[Caution]:
    """Of what a verdict may hang on; one that nothing has changed does not hang on a median."""
    if judged.verdict is Verdict.UNCHANGED:
        return []
    found = []
    if judged.dependence and judged.dependence.factor > 1:
        found.append(Caution(Warned.DEPENDENCE, {"factor": judged.dependence.factor}))
    # Of the same groups on both sides one warning is enough.
    groups = likeness.groups(judged.pair.head.durations) or likeness.groups(judged.pair.base.durations)
    return [*found, *([groups] if groups else [])]


def _warnings_of_time(base: TimedTable, head: TimedTable, zone: ZoneInfo) -> list[Caution]:
    fine = Grain.DAY not in (base.period.grain, head.period.grain)
    return likeness.warnings_of_time(_times(base).items(), _times(head).items(), zone, hours=fine)


def _times(table: TimedTable) -> Counter[datetime]:
    times: Counter[datetime] = Counter()
    for timed in table.endpoints.values():
        for part in timed.parts:
            times[part.start] += part.requests
    return times


def _counts(table: TimedTable) -> dict[EndpointKey, int]:
    return {name: timed.count for name, timed in table.endpoints.items()}


def _minutes(table: TimedTable, zone: ZoneInfo) -> float:
    """From the first to the last stretch with any request; at least one minute."""
    starts = {part.start for timed in table.endpoints.values() for part in timed.parts}
    if not starts:
        return 1.0
    last = min(end_of(table.period.grain, max(starts), zone), max(table.period.end, max(starts)))
    return max((last - min(starts)) / MINUTE, 1.0)
