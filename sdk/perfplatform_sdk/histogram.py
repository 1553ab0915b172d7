"""The latency histogram of the wire format: buckets grow by a constant factor, values are at most 1 % off."""

from __future__ import annotations

import math

LAST_INDEX = 1_300
_LOG_GROWTH = math.log(1.01 / 0.99)


def bucket(duration_us: int) -> int:
    """The index of a duration: `max(0, ceil(log(us) / log(g)))`, `g = 1.01 / 0.99` (docs/wire.md, 3)."""
    if duration_us <= 1:
        return 0
    return min(LAST_INDEX, math.ceil(math.log(duration_us) / _LOG_GROWTH))
