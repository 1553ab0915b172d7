"""A latency histogram as bars: how many requests took how long, on a logarithmic scale."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Final

from profiles import histogram

MOST_BARS: Final = 40
# Around a few buckets alone there is room, so that a bar looks like one.
LEAST_BARS: Final = 15
TICKS: Final = 5
# Up to which share of all, and what a bar up to there looks like: classes of endpoint.css.
BANDS: Final = ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
REST: Final = "rest"


@dataclass(frozen=True)
class Bar:
    """Requests of over `start_us` and up to `end_us`.

    `up_to` counts those of this bar and all before it; `look` says in which part of all it begins.
    """

    start_us: float
    end_us: float
    count: int
    up_to: int
    look: str


@dataclass(frozen=True)
class Distribution:
    """Bars of equal width on a logarithmic scale, empty ones between them included; none of nothing."""

    bars: list[Bar]

    @classmethod
    def of(cls, merged: int, most: int = MOST_BARS) -> Distribution:
        """From a histogram as one integer (see profiles/histogram.py), in at most so many bars."""
        buckets = histogram.buckets(merged)
        if not buckets:
            return cls([])
        first, last = buckets[0][0], buckets[-1][0]
        room = max(0, min(LEAST_BARS, most) - (last - first + 1))
        first, last = max(0, first - room // 2), last + room - min(first, room // 2)
        width = -(-(last - first + 1) // most)
        counts: Counter[int] = Counter()
        for bucket, count in buckets:
            counts[(bucket - first) // width] += count
        numbers = range((last - first) // width + 1)
        edges = [_end(first + number * width - 1) for number in (*numbers, len(numbers))]
        sums = list(accumulate(counts[number] for number in numbers))
        return cls(
            [
                Bar(start_us, end_us, counts[number], up_to, _look(up_to - counts[number], sums[-1]))
                for number, ((start_us, end_us), up_to) in enumerate(zip(pairwise(edges), sums, strict=True))
            ]
        )

    @property
    def total(self) -> int:
        return self.bars[-1].up_to if self.bars else 0

    @property
    def highest(self) -> int:
        return max((bar.count for bar in self.bars), default=0)

    @property
    def ticks(self) -> list[float]:
        """Microseconds at equal distances along the scale, its ends included."""
        edges = [*(bar.start_us for bar in self.bars), *(bar.end_us for bar in self.bars[-1:])]
        last = len(edges) - 1
        places = sorted({round(last * tick / (TICKS - 1)) for tick in range(TICKS)}) if edges else []
        return [edges[place] for place in places]

    @property
    def full(self) -> list[Bar]:
        """Those with anything in them: the rows of a table."""
        return [bar for bar in self.bars if bar.count]


def _look(before: int, total: int) -> str:
    return next((look for share, look in BANDS if before < share * total), REST)


def _end(bucket: int) -> float:
    """The largest duration of a bucket in microseconds: growth^i."""
    return histogram.GROWTH**bucket if bucket >= 0 else 0.0
