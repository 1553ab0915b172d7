"""Statistics of two things that were measured in turns, round by round."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from statistics import mean, median
from typing import NamedTuple, TypeVar

from .report import percentile

Round = TypeVar("Round")

_RESAMPLES = 400
_SHARE_OUTSIDE = 0.05


class Spread(NamedTuple):
    """A figure, and the range in which it lies by what was seen."""

    value: float
    low: float
    high: float


def median_ratio(base: Sequence[float], other: Sequence[float]) -> Spread:
    """The median of the rounds' ratios, other / base, with their quartiles."""
    return _median_and_quartiles([b / a for a, b in zip(base, other, strict=True)])


def median_difference(base: Sequence[float], other: Sequence[float]) -> Spread:
    """The median of the rounds' differences, other - base, with their quartiles."""
    return _median_and_quartiles([b - a for a, b in zip(base, other, strict=True)])


def mean_difference(base: Sequence[float], other: Sequence[float]) -> Spread:
    """mean(other) - mean(base), with the range that holds it 95 times of 100."""
    return resampled(base, other, lambda a, b: mean(b) - mean(a))


def mean_ratio(base: Sequence[float], other: Sequence[float]) -> Spread:
    """sum(other) / sum(base), with the range that holds it 95 times of 100."""
    return resampled(base, other, lambda a, b: sum(b) / sum(a))


def percentile_ratio(
    base: Sequence[Sequence[float]], other: Sequence[Sequence[float]], *, share: float
) -> Spread:
    """The ratio of percentiles of all values, whichever round they are of; the range as in `mean_ratio`."""

    def ratio(a: Sequence[Sequence[float]], b: Sequence[Sequence[float]]) -> float:
        before = percentile([value for values in a for value in values], share)
        return percentile([value for values in b for value in values], share) / before

    return resampled(base, other, ratio)


def resampled(
    base: Sequence[Round],
    other: Sequence[Round],
    figure: Callable[[Sequence[Round], Sequence[Round]], float],
) -> Spread:
    """The figure of all rounds, and the range that holds it if rounds are drawn again (percentile bootstrap).

    A round is drawn with both of its halves, so what disturbed both does not widen the range.
    """
    random = Random(1)
    rounds = range(len(base))
    found = []
    for _ in range(_RESAMPLES):
        drawn = random.choices(rounds, k=len(rounds))
        found.append(figure([base[number] for number in drawn], [other[number] for number in drawn]))
    found.sort()
    outside = int(_RESAMPLES * _SHARE_OUTSIDE / 2)
    return Spread(figure(base, other), found[outside], found[-outside - 1])


def _median_and_quartiles(values: Sequence[float]) -> Spread:
    return Spread(median(values), percentile(values, 0.25), percentile(values, 0.75))
