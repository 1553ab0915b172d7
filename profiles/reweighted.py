"""All endpoints together, as if head had been asked for the same ones as often as base. No Django here."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from profiles import histogram
from profiles.compare import Pair
from profiles.rollup import EndpointKey

QUANTILES: Final = (0.5, 0.95)


@dataclass(frozen=True)
class Total:
    """`count` requests in fact; the rest by the mix of the baseline. Times are None where none was timed."""

    count: int
    p50_us: float | None
    p95_us: float | None
    error_rate: float


@dataclass(frozen=True)
class Totals:
    """Of the endpoints that both sides have; `share` of the baseline's requests went to these."""

    base: Total
    head: Total
    share: float


def totals(pairs: Mapping[EndpointKey, Pair], *, base_count: int) -> Totals:
    """Add up the endpoints of both sides, each weighted by its requests at base, `base_count` in all."""
    shared = [pair for pair in pairs.values() if pair.base.count and pair.head.count]
    return Totals(_total(shared, 0), _total(shared, 1), _share(shared, base_count))


def _total(pairs: list[Pair], side: int) -> Total:
    weights: defaultdict[int, float] = defaultdict(float)
    errors = 0.0
    for pair in pairs:
        measured, weight = pair[side], pair.base.count
        errors += weight * measured.errors / measured.count
        durations = measured.durations
        if all(of.durations.count for of in pair):
            scale = weight / durations.count
            for bucket, count in zip(durations.buckets, durations.counts, strict=True):
                weights[bucket] += scale * count
    whole = sum(pair.base.count for pair in pairs)
    p50_us, p95_us = _quantiles(weights)
    count = sum(pair[side].count for pair in pairs)
    return Total(count, p50_us, p95_us, errors / whole if whole else 0.0)


def _quantiles(weights: Mapping[int, float]) -> list[float | None]:
    """By the smallest bucket up to which there is the quantile's share of the weight."""
    limits = [quantile * math.fsum(weights.values()) for quantile in QUANTILES]
    found: list[float | None] = [None] * len(limits)
    passed = 0.0
    for bucket in sorted(weights):
        passed += weights[bucket]
        for place, limit in enumerate(limits):
            # What is added up in floats may fall short of its own sum.
            if found[place] is None and passed >= limit * (1 - 1e-9):
                found[place] = histogram.value(bucket)
    return found


def _share(shared: list[Pair], base_count: int) -> float:
    return sum(pair.base.count for pair in shared) / base_count if base_count else 0.0
