"""Says of endpoints and functions whether they have become slower, and why. No Django here.

Pure: from the counts and histograms of two sides to verdicts. Rules, floors and families are constants below.
Costs 0.25 ms an endpoint.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final, Generic, NamedTuple, TypeVar

from profiles import histogram
from profiles.dependence import Dependence
from profiles.durations import Durations
from profiles.median_change import MedianChange, median_change
from profiles.significance import RankTest, adjusted, deviations, mann_whitney, two_proportions, two_sided
from profiles.verdict import Because, Reason, Verdict

LEAST_COUNT: Final = 20
# Of all changes that are told, at most so many are none.
MOST_FALSE: Final = 0.01
LEAST_CLIFFS_D: Final = 0.147
LEAST_SHARE: Final = 0.1
LEAST_US: Final = 1_000.0
TAIL_LEAST_COUNT: Final = 200
TAIL_QUANTILE: Final = 0.95
TAIL_LEAST_TIMES: Final = 2.0
TAIL_LEAST_RATIO: Final = 1.2
ERRORS_LEAST_POINTS: Final = 0.01
# Requests of one stretch of time resemble each other in these.
OF_TIMES: Final = (Because.LOCATION, Because.TAIL)

Name = TypeVar("Name")


@dataclass(frozen=True)
class Side:
    """One side of a comparison: `count` requests, `errors` of them failed, and what the timed ones took."""

    count: int
    errors: int
    durations: Durations


class Pair(NamedTuple):
    """What is compared: the baseline, and what is judged against it."""

    base: Side
    head: Side

    @property
    def is_enough(self) -> bool:
        """Whether there are so many timed requests on both sides that anything can be said."""
        return min(self.base.durations.count, self.head.durations.count) >= LEAST_COUNT


class Floor(NamedTuple):
    """What a change of a median must reach so that it matters: a share of the baseline's, and a time."""

    share: float
    difference_us: float

    def is_reached(self, change: MedianChange) -> bool:
        """Whether a median has changed by so much, either way."""
        return abs(change.ratio - 1) >= self.share and abs(change.difference_us) >= self.difference_us

    def lies_beyond(self, change: MedianChange) -> bool:
        """Whether the interval leaves room for a change that matters."""
        return any(
            abs(ratio - 1) >= self.share and abs(change.base_us * (ratio - 1)) >= self.difference_us
            for ratio in (change.lowest, change.highest)
        )


REQUESTS: Final = Floor(LEAST_SHARE, LEAST_US)


@dataclass
class Test:
    """One hypothesis of a family: `direction` is 1 if head is worse, -1 if better; `matters` by its size."""

    because: Because
    p: float
    direction: int
    matters: bool
    numbers: dict[str, float]
    q: float = 1.0

    @property
    def is_told(self) -> bool:
        return self.matters and self.q < MOST_FALSE

    @property
    def reason(self) -> Reason:
        return Reason(self.because, {**self.numbers, "q": self.q})


@dataclass(frozen=True)
class Judged(Generic[Name]):
    """A verdict on something by name, the most important reason first; at least one.

    `change` is that of the median, None where there are too few requests to tell.
    """

    name: Name
    pair: Pair
    verdict: Verdict
    reasons: Sequence[Reason]
    change: MedianChange | None
    dependence: Dependence | None = None


@dataclass
class _Case(Generic[Name]):
    """One name of a family on its way to its verdict."""

    name: Name
    pair: Pair
    change: MedianChange
    rank: RankTest
    tests: list[Test] = field(default_factory=list)
    dependence: Dependence | None = None


def judge(
    pairs: Mapping[Name, Pair],
    *,
    floor: Floor = REQUESTS,
    dependence: Callable[[Name], Dependence] | None = None,
) -> list[Judged[Name]]:
    """Return a verdict on each pair, in the order given. All with enough requests are one family.

    Tails are looked at where `floor` is that of requests. `dependence` is
    asked of those alone whose times would be told to have changed (see dependence.py).
    """
    cases = {name: _case(name, pair, floor) for name, pair in pairs.items() if pair.is_enough}
    _adjust(cases.values())
    if dependence:
        for case in cases.values():
            if any(test.is_told and test.because in OF_TIMES for test in case.tests):
                _correct(case, dependence(case.name))
        # A p that grows lowers no q, so what was not told before is not told now.
        _adjust(cases.values())
    return [
        _judged(cases[name], floor) if name in cases else _too_few(name, pair) for name, pair in pairs.items()
    ]


def _case(name: Name, pair: Pair, floor: Floor) -> _Case[Name]:
    base, head = pair.base.durations, pair.head.durations
    case = _Case(name, pair, median_change(base, head), mann_whitney(base, head))
    case.tests.append(_location(case.change, case.rank, floor))
    if min(base.count, head.count) >= TAIL_LEAST_COUNT and floor is REQUESTS:
        case.tests.append(_tail(base, head))
    # Without any error both shares are the same for sure, which is no hypothesis.
    if pair.base.errors + pair.head.errors:
        case.tests.append(_errors(pair))
    return case


def _location(change: MedianChange, rank: RankTest, floor: Floor) -> Test:
    agree = (rank.cliffs_d > 0) == (change.ratio > 1)
    return Test(
        Because.LOCATION,
        rank.p,
        direction=1 if rank.cliffs_d > 0 else -1,
        matters=agree
        and abs(rank.cliffs_d) >= LEAST_CLIFFS_D
        and floor.is_reached(change)
        and change.excludes_none,
        numbers={**_numbers(change), "cliffs_d": rank.cliffs_d},
    )


def _tail(base: Durations, head: Durations) -> Test:
    """Whether more requests of the slower side are above the p95 of the faster one."""
    base_bucket, head_bucket = base.bucket_at(TAIL_QUANTILE), head.bucket_at(TAIL_QUANTILE)
    limit = min(base_bucket, head_bucket)
    base_above, head_above = base.above(limit), head.above(limit)
    base_share, head_share = base_above / base.count, head_above / head.count
    fewer, more = sorted((base_share, head_share))
    ratio = histogram.GROWTH ** abs(head_bucket - base_bucket)
    direction = 1 if head_bucket > base_bucket else -1
    return Test(
        Because.TAIL,
        two_proportions(base_above, base.count, head_above, head.count),
        direction=direction,
        matters=more >= TAIL_LEAST_TIMES * fewer
        and ratio >= TAIL_LEAST_RATIO
        and (head_share > base_share) == (direction > 0),
        numbers={
            "limit_us": histogram.value(limit),
            "base_share": base_share,
            "head_share": head_share,
            "base_us": histogram.value(base_bucket),
            "head_us": histogram.value(head_bucket),
        },
    )


def _errors(pair: Pair) -> Test:
    base, head = pair
    base_share, head_share = base.errors / base.count, head.errors / head.count
    return Test(
        Because.ERRORS,
        two_proportions(base.errors, base.count, head.errors, head.count),
        direction=1 if head_share > base_share else -1,
        matters=abs(head_share - base_share) >= ERRORS_LEAST_POINTS,
        numbers={"base_share": base_share, "head_share": head_share},
    )


def _adjust(cases: Iterable[_Case[Name]]) -> None:
    family = list(chain.from_iterable(case.tests for case in cases))
    for test, q in zip(family, adjusted([test.p for test in family]), strict=True):
        test.q = q


def _correct(case: _Case[Name], found: Dependence) -> None:
    """Weaken what is said of times. A tail depends on its stretches no more than the ranks do."""
    case.dependence = found
    for test in case.tests:
        if test.because in OF_TIMES:
            test.p = two_sided(found.corrected(deviations(test.p)))


def _judged(case: _Case[Name], floor: Floor) -> Judged[Name]:
    told = sorted((test for test in case.tests if test.is_told), key=lambda test: -test.direction)
    if told:
        verdict = Verdict.REGRESSED if told[0].direction > 0 else Verdict.IMPROVED
        reasons = [test.reason for test in told]
    else:
        verdict, reason = _not_told(case, floor)
        reasons = [reason]
    return Judged(case.name, case.pair, verdict, reasons, case.change, case.dependence)


def _not_told(case: _Case[Name], floor: Floor) -> tuple[Verdict, Reason]:
    """Why no change is told: there is none that matters, or it cannot be known yet."""
    location = case.tests[0]
    if case.dependence and case.dependence.factor > 1:
        seen = {**_counts(case.pair), "factor": case.dependence.factor}
        return Verdict.INCONCLUSIVE, Reason(Because.DEPENDENT, {**location.reason.numbers, **seen})
    if floor.lies_beyond(case.change):
        needed = _needed(case)
        return Verdict.INCONCLUSIVE, Reason(Because.UNCERTAIN, {**location.numbers, "needed": needed})
    if location.q < MOST_FALSE:
        return Verdict.UNCHANGED, Reason(Because.SMALL, location.reason.numbers)
    return Verdict.UNCHANGED, Reason(Because.NO_CHANGE, location.numbers)


def _needed(case: _Case[Name]) -> int:
    """So many requests a side make the interval about as narrow as a change that matters."""
    change, fewest = case.change, min(side.durations.count for side in case.pair)
    half = math.log(change.highest / change.lowest) / 2
    return math.ceil(fewest * max(1.0, half / math.log1p(LEAST_SHARE)) ** 2)


def _too_few(name: Name, pair: Pair) -> Judged[Name]:
    reason = Reason(Because.TOO_FEW, {"least": LEAST_COUNT, **_counts(pair)})
    return Judged(name, pair, Verdict.INCONCLUSIVE, [reason], None)


def _counts(pair: Pair) -> dict[str, float]:
    return {"base_count": pair.base.durations.count, "head_count": pair.head.durations.count}


def _numbers(change: MedianChange) -> dict[str, float]:
    return {
        "base_us": change.base_us,
        "head_us": change.head_us,
        "ratio": change.ratio,
        "lowest": change.lowest,
        "highest": change.highest,
    }
