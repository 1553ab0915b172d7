"""How alike the requests of one stretch of time are, which makes many of them say as little as few.

A slow minute slows all of its requests. Tests that count each of them as its own witness then see changes
where there are only other minutes. No Django here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import Final, NamedTuple

from profiles.durations import Durations

# One-sided; a factor beyond this is not by chance.
_DEVIATIONS: Final = 1.645


class Dependence(NamedTuple):
    """`factor` is how many requests say as much as one that stood alone, 1 if they seem independent.

    `freedom` is how many stretches that was seen in, less one a side.
    """

    factor: float
    freedom: int

    def corrected(self, z: float) -> float:
        """A rank test's `z` as it is if stretches are drawn, not requests.

        Its variance is estimated from the stretches, so it is Student's t; made normal by Wallace 1959,
        "Bounds on normal approximations to Student's and the chi-square distributions", formula for t.
        """
        if self.factor <= 1:
            return z
        t, freedom = z / math.sqrt(self.factor), self.freedom
        size = math.sqrt(freedom * math.log1p(t * t / freedom))
        return math.copysign((8 * freedom + 1) / (8 * freedom + 3) * size, t)


INDEPENDENT: Final = Dependence(1.0, 0)


def dependence(base: Sequence[Durations], head: Sequence[Durations]) -> Dependence:
    """Estimate it from the durations of each stretch of both sides.

    The variance of a rank statistic is that of each side's mean placement among the other side; of whole
    stretches as of single requests (Obuchowski 1997, "Nonparametric analysis of clustered ROC curve data").
    Costs 15 µs for each stretch of 50 buckets.
    """
    freedom = len(base) + len(head) - 2
    if min(len(base), len(head)) < 2:
        return INDEPENDENT
    ours, theirs = _variances(base, _places(head)), _variances(head, _places(base))
    single = ours.of_single + theirs.of_single
    if single <= 0:
        return INDEPENDENT
    factor = (ours.of_stretches + theirs.of_stretches) / single
    return Dependence(factor, freedom) if factor > _largest_by_chance(freedom) else INDEPENDENT


class _Variances(NamedTuple):
    of_stretches: float
    of_single: float


def _variances(stretches: Sequence[Durations], places: list[float]) -> _Variances:
    count = sum(stretch.count for stretch in stretches)
    sums = [_placed(stretch, places) for stretch in stretches]
    mean = sum(first for first, _second in sums) / count
    single = sum(second for _first, second in sums) / count - mean * mean
    among = sum(
        (first - mean * stretch.count) ** 2 for (first, _second), stretch in zip(sums, stretches, strict=True)
    )
    correction = len(stretches) / (len(stretches) - 1)
    return _Variances(correction * among / count**2, single / count)


def _placed(stretch: Durations, places: list[float]) -> tuple[float, float]:
    """The sum of placements of a stretch's requests, and that of their squares."""
    first = second = 0.0
    last = len(places) - 1
    for bucket, count in zip(stretch.buckets, stretch.counts, strict=True):
        place = places[min(bucket, last)]
        first += place * count
        second += place * place * count
    return first, second


def _places(stretches: Sequence[Durations]) -> list[float]:
    """For each bucket which share of all requests is below it, half of its own included; 1 at the end."""
    highest = max(stretch.buckets[-1] for stretch in stretches)
    counts = [0] * (highest + 2)
    for stretch in stretches:
        for bucket, count in zip(stretch.buckets, stretch.counts, strict=True):
            counts[bucket] += count
    sums = list(accumulate(counts))
    return [(until - own / 2) / sums[-1] for until, own in zip(sums, counts, strict=True)]


def _largest_by_chance(freedom: int) -> float:
    """The 95 % point of chi-square over its degrees of freedom (Wilson and Hilferty 1931)."""
    spread = 2 / (9 * freedom)
    return (1 - spread + _DEVIATIONS * math.sqrt(spread)) ** 3
