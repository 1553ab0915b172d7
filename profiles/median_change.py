"""By how much a median has changed, with an interval. No Django here."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import defaultdict
from typing import Final, NamedTuple

from profiles import histogram
from profiles.durations import Durations

# At 95 % false alarms come close to 1 %, at 98 % a change by half is missed in one of five of 20 requests.
CONFIDENCE: Final = 0.97
# What is less likely does not move the ends of an interval.
_NEGLIGIBLE: Final = 1e-5


class MedianChange(NamedTuple):
    """Ratios of head's median to that of base: `ratio` as measured, and the ends of an interval of 97 %.

    `base_us` and `head_us` are the medians; the ends of the interval are its buckets' middles.
    """

    base_us: float
    head_us: float
    ratio: float
    lowest: float
    highest: float

    @property
    def difference_us(self) -> float:
        return self.head_us - self.base_us

    @property
    def excludes_none(self) -> bool:
        """Whether no change at all lies outside of the interval."""
        return self.lowest > 1 or self.highest < 1


def median_change(base: Durations, head: Durations) -> MedianChange:
    """Compare two medians by the bootstrap, both sides having a duration.

    The bootstrap's distribution of a median is known without a draw: of n draws with replacement the
    nearest-rank median is at or below a bucket if at least half are, which is binomial (Efron 1979,
    "Bootstrap methods: another look at the jackknife", section 3). So this is what endlessly many draws
    would give, the same every time. Buckets being logarithmic, a difference of buckets is a ratio.
    """
    middle = base.bucket_at(0.5), head.bucket_at(0.5)
    shifts: defaultdict[int, float] = defaultdict(float)
    ours, theirs = _medians(base), _medians(head)
    for bucket, likely in ours:
        for other, also in theirs:
            shifts[other - bucket] += likely * also
    lowest, highest = _ends(shifts)
    return MedianChange(
        base_us=histogram.value(middle[0]),
        head_us=histogram.value(middle[1]),
        ratio=_ratio(middle[1] - middle[0]),
        lowest=_ratio(lowest),
        highest=_ratio(highest),
    )


def _medians(durations: Durations) -> list[tuple[int, float]]:
    """How likely each bucket is to hold the median of as many draws."""
    count = durations.count
    rank = max(1, math.ceil(count / 2))
    # Beyond five deviations nothing is left.
    reach = 5 * math.sqrt(count) / 2 + 1
    first = bisect_left(durations.sums, rank - reach)
    before, found = 0.0, []
    for place in range(first, len(durations.sums)):
        until = _at_least(rank, count, durations.sums[place] / count)
        if until - before > _NEGLIGIBLE:
            found.append((durations.buckets[place], until - before))
            before = until
        if durations.sums[place] > rank + reach:
            break
    return found


def _at_least(rank: int, count: int, share: float) -> float:
    """How likely `rank` of `count` draws or more are hits; the binomial by the normal, corrected by 1/2."""
    variance = count * share * (1 - share)
    if variance <= 0:
        return float(share > 0)
    return 0.5 * math.erfc((rank - 0.5 - count * share) / math.sqrt(2 * variance))


def _ends(shifts: dict[int, float]) -> tuple[int, int]:
    """The smallest and largest shift of an interval that leaves out as much at each end."""
    outside = (1 - CONFIDENCE) / 2 * sum(shifts.values())
    ordered = sorted(shifts)
    return _end(ordered, shifts, outside), _end(ordered[::-1], shifts, outside)


def _end(ordered: list[int], shifts: dict[int, float], outside: float) -> int:
    passed = 0.0
    for shift in ordered:
        passed += shifts[shift]
        if passed > outside:
            return shift
    return ordered[-1]


def _ratio(shift: int) -> float:
    return float(histogram.GROWTH**shift)
