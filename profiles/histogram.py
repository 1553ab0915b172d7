"""Latency histograms with logarithmic buckets, at most 1 % off (DDSketch, arXiv:1908.10693, section 2.1)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

GROWTH: Final = 1.01 / 0.99
LARGEST_INDEX: Final = 1300

_LOG_GROWTH: Final = math.log(GROWTH)


def index(duration_us: int) -> int:
    """Return the bucket of a duration in microseconds: ceil(log(us) / log(growth)), 0 up to 1 µs."""
    return max(0, math.ceil(math.log(duration_us) / _LOG_GROWTH)) if duration_us > 0 else 0


def value(bucket: int) -> float:
    """Return the duration in microseconds that stands for a bucket: 2 g^i / (g + 1)."""
    return 2 * GROWTH**bucket / (GROWTH + 1)


def is_valid(buckets: Sequence[tuple[int, int]]) -> bool:
    """Tell whether (index, count) pairs ascend, each index once."""
    return all(buckets[n][0] < buckets[n + 1][0] for n in range(len(buckets) - 1))
