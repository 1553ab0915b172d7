"""What makes two sides of a comparison unlike each other, apart from their code. No Django here."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from profiles import histogram
from profiles.durations import Durations
from profiles.rollup import EndpointKey
from profiles.verdict import Caution, Warned

# Of the requests less than this share have a counterpart on the same weekday, or at the same hour.
LEAST_SHARED: Final = 0.2
MOST_MOVED: Final = 0.2
# Two groups, each of at least this share, whose means are so many deviations apart: halves of one normal
# group are 2.7 apart by this measure, those of an even one 3.5.
LEAST_GROUP: Final = 0.1
LEAST_APART: Final = 4.0
LEAST_COUNT: Final = 50

_LOG_GROWTH: Final = math.log(histogram.GROWTH)

When = Iterable[tuple[datetime, int]]
Name = TypeVar("Name")


def warnings_of_time(base: When, head: When, zone: ZoneInfo, *, hours: bool) -> list[Caution]:
    """Compare when requests came: (start of a stretch, count) of both sides, by the clocks of `zone`.

    `hours` only if stretches are so short that they lie in one.
    """
    base, head = list(base), list(head)
    found = [_shared(base, head, lambda at: at.astimezone(zone).weekday(), Warned.WEEKDAYS)]
    if hours:
        found.append(_shared(base, head, lambda at: at.astimezone(zone).hour, Warned.HOURS))
    return [warning for warning in found if warning]


def moved(base: Mapping[EndpointKey, int], head: Mapping[EndpointKey, int]) -> float:
    """Which share of requests goes to other endpoints than at base: total variation distance, 0 to 1."""
    return 1 - _overlap(base, head)


def warning_of_mix(base: Mapping[EndpointKey, int], head: Mapping[EndpointKey, int]) -> Caution | None:
    share = moved(base, head)
    return Caution(Warned.MIX, {"moved": share}) if share > MOST_MOVED else None


def groups(durations: Durations) -> Caution | None:
    """A warning if durations are two groups far apart, so that a median says little.

    Groups are cut where their means differ most against their spread on a logarithmic scale (Otsu 1979),
    and are two if Ashman's D (Ashman, Bird and Zepf 1994) is large. Costs 30 µs for 100 buckets.
    """
    if durations.count < LEAST_COUNT:
        return None
    cut = _cut(durations)
    parts = _Moments.of(durations, slice(cut)), _Moments.of(durations, slice(cut, None))
    lower, upper = parts
    if min(lower.count, upper.count) < LEAST_GROUP * durations.count:
        return None
    spread = math.sqrt((lower.variance + upper.variance) / 2)
    # One bucket alone has a width, too.
    apart = (upper.mean - lower.mean) / max(spread, 1.0)
    if apart < LEAST_APART:
        return None
    numbers = {
        "lower_us": math.exp(lower.mean * _LOG_GROWTH),
        "upper_us": math.exp(upper.mean * _LOG_GROWTH),
        "share": upper.count / durations.count,
    }
    return Caution(Warned.BIMODAL, numbers)


class _Moments:
    """Count, mean and variance of bucket numbers."""

    def __init__(self, count: int, first: float, second: float) -> None:
        self.count = count
        self.mean = first / count if count else 0.0
        self.variance = max(0.0, second / count - self.mean**2) if count else 0.0

    @classmethod
    def of(cls, durations: Durations, part: slice) -> _Moments:
        pairs = list(zip(durations.buckets[part], durations.counts[part], strict=True))
        return cls(
            sum(count for _bucket, count in pairs),
            sum(bucket * count for bucket, count in pairs),
            sum(bucket * bucket * count for bucket, count in pairs),
        )


def _cut(durations: Durations) -> int:
    """The place of the first bucket of the upper group."""
    whole = durations.count
    total = sum(bucket * count for bucket, count in zip(durations.buckets, durations.counts, strict=True))
    best, cut, below = -1.0, 0, 0
    for place in range(len(durations.buckets) - 1):
        below += durations.buckets[place] * durations.counts[place]
        count = durations.sums[place]
        between = (below * whole - total * count) ** 2 / (count * (whole - count))
        if between > best:
            best, cut = between, place + 1
    return cut


def _shared(base: When, head: When, of: Callable[[datetime], int], warned: Warned) -> Caution | None:
    ours: Counter[int] = Counter()
    theirs: Counter[int] = Counter()
    for counts, side in ((ours, base), (theirs, head)):
        for at, count in side:
            counts[of(at)] += count
    if not ours or not theirs:
        return None
    shared = _overlap(ours, theirs)
    return Caution(warned, {"shared": shared}) if shared < LEAST_SHARED else None


def _overlap(base: Mapping[Name, int], head: Mapping[Name, int]) -> float:
    """How much two distributions have in common: the sum of the smaller share of each; 1 of nothing."""
    before, after = sum(base.values()), sum(head.values())
    if not before or not after:
        return 1.0
    return sum(min(count / before, head.get(name, 0) / after) for name, count in base.items())
