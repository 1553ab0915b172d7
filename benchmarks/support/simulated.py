"""Requests as they might be, and what rules say of them."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import fmean, variance
from typing import Final

from profiles.compare import Judged, Pair, Side, judge
from profiles.dependence import dependence
from profiles.durations import Durations
from profiles.significance import two_sided
from profiles.verdict import Verdict

RULE_SHARE: Final = 0.1
RULE_P: Final = 0.01

Shape = Callable[[random.Random], float]


def lognormal(sigma: float) -> Shape:
    return lambda draw: math.exp(sigma * draw.gauss(0, 1))


def heavy_tailed(draw: random.Random) -> float:
    """3 % of requests take two or any number of times as long."""
    times = 2 * draw.paretovariate(1.2) if draw.random() < 0.03 else 1.0
    return times * math.exp(0.3 * draw.gauss(0, 1))


def bimodal(draw: random.Random) -> float:
    """40 % of requests miss a cache, and take four times as long."""
    return (4.0 if draw.random() < 0.4 else 1.0) * math.exp(0.2 * draw.gauss(0, 1))


SHAPES: Final[dict[str, Shape]] = {
    "lognormal 0.3": lognormal(0.3),
    "lognormal 0.6": lognormal(0.6),
    "heavy tails": heavy_tailed,
    "bimodal": bimodal,
}


def with_slow_ones(shape: Shape, *, share: float, times: float) -> Shape:
    """The same, but for some requests that take so many times as long."""
    return lambda draw: shape(draw) * (times if draw.random() < share else 1.0)


def requests(draw: random.Random, shape: Shape, *, median_us: float, count: int) -> list[float]:
    """Durations in microseconds."""
    return [median_us * shape(draw) for _ in range(count)]


@dataclass(frozen=True)
class Said:
    """What each rule says of the same requests: 1 slower, -1 faster, 0 neither."""

    ours: int
    p95: int
    welch: int
    is_inconclusive: bool


def said(base: list[float], head: list[float]) -> Said:
    """Of an endpoint tested alone."""
    [judged] = judge({"endpoint": pair(base, head)})
    return _said(judged, base, head)


def said_of_minutes(base: list[list[float]], head: list[list[float]]) -> Said:
    """The same of requests in minutes, which ours are told."""
    before, after = list(chain.from_iterable(base)), list(chain.from_iterable(head))
    [judged] = judge(
        {"endpoint": pair(before, after)},
        dependence=lambda _name: dependence([*map(durations, base)], [*map(durations, head)]),
    )
    return _said(judged, before, after)


def pair(base: list[float], head: list[float]) -> Pair:
    return Pair(Side(len(base), 0, durations(base)), Side(len(head), 0, durations(head)))


def durations(values_us: Sequence[float]) -> Durations:
    return Durations.of_values(map(round, values_us))


def direction(judged: Judged[str]) -> int:
    return {Verdict.REGRESSED: 1, Verdict.IMPROVED: -1}.get(judged.verdict, 0)


def _said(judged: Judged[str], base: list[float], head: list[float]) -> Said:
    return Said(
        direction(judged), p95_rule(base, head), welch(base, head), judged.verdict is Verdict.INCONCLUSIVE
    )


def p95_rule(base: list[float], head: list[float]) -> int:
    """By nearest rank, moved by over 10 %."""
    before, after = (sorted(side)[math.ceil(0.95 * len(side)) - 1] for side in (base, head))
    return _moved(before, after)


def welch(base: list[float], head: list[float]) -> int:
    """A mean moved by over 10 %, and p < 0.01 by Welch's test (t made normal by Wallace's formula)."""
    before, after = fmean(base), fmean(head)
    parts = [variance(side) / len(side) for side in (base, head)]
    freedom = sum(parts) ** 2 / sum(
        part**2 / (len(side) - 1) for part, side in zip(parts, (base, head), strict=True)
    )
    t = (after - before) / math.sqrt(sum(parts))
    z = (8 * freedom + 1) / (8 * freedom + 3) * math.sqrt(freedom * math.log1p(t * t / freedom))
    return _moved(before, after) if two_sided(z) < RULE_P else 0


def _moved(before: float, after: float) -> int:
    return 0 if abs(after / before - 1) <= RULE_SHARE else 1 if after > before else -1
