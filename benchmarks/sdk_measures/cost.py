"""What being watched costs: the same requests with and without, in turns.

A process can't be watched for a while and then not: patches stay, threads stay. So each way of being
watched has a child process of its own, and the children of a ring take turns with short blocks of requests.
What the SDK does at a fixed rate (a kept profile every few seconds, a sending every 15 s) weighs as in a
server that is busy for that share of the time. CPU that a process uses while others have their turn is
counted to its last block.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from statistics import median
from typing import Any, NamedTuple

from benchmarks.sdk_apps import shop
from benchmarks.sdk_apps.modes import (
    AGAIN,
    AUTO,
    BARE,
    MIDDLEWARE,
    NONE,
    PROFILER,
    PYINSTRUMENT,
    SAMPLER,
    SENTRY,
)
from benchmarks.sdk_apps.watching import DJANGO, FLASK, FRAMEWORKS, ON_LOOP
from benchmarks.support import paired, received
from benchmarks.support.children import Block, Child, children
from benchmarks.support.fake_platform import FakePlatform
from benchmarks.support.report import say

from .scale import Scale

WARM_UP_REQUESTS = 100
CALIBRATING_REQUESTS = 10
THREADS, COROUTINES = 8, 50
MIXED, MIXED_AT_ONCE = "mixed", "mixed at once"
# What is compared stands next to each other in time; under `auto` a process is busy half of the time.
RINGS = ((BARE, AGAIN, NONE), (BARE, AUTO), (BARE, SAMPLER, SENTRY), (BARE, PROFILER, PYINSTRUMENT))


class Load(NamedTuple):
    """What is requested in a block."""

    name: str
    paths: tuple[str, ...]
    lanes: int
    rounds: int
    block_s: float


class Reading(NamedTuple):
    """One block, per request, in microseconds."""

    wall_us: float
    thread_cpu_us: float
    process_cpu_us: float
    latencies_us: list[float]  # of the requests that were not kept


Readings = dict[str, list[list[Reading]]]  # by mode and load


class Cell(NamedTuple):
    """One mode against another on one load: a row of the table."""

    framework: str
    load: str
    mode: str
    base: str
    base_readings: list[Reading]
    readings: list[Reading]

    def ratio(self, figure: str) -> paired.Spread:
        return paired.median_ratio(*self._both(figure))

    def added_us(self, figure: str) -> paired.Spread:
        return paired.mean_difference(*self._both(figure))

    def mean_ratio(self, figure: str) -> paired.Spread:
        return paired.mean_ratio(*self._both(figure))

    def p99_ratio(self) -> paired.Spread:
        base, other = (
            [reading.latencies_us for reading in side] for side in (self.base_readings, self.readings)
        )
        return paired.percentile_ratio(base, other, share=0.99)

    def _both(self, figure: str) -> tuple[list[float], list[float]]:
        base, other = (
            [getattr(reading, figure) for reading in side] for side in (self.base_readings, self.readings)
        )
        return base, other

    def row(self) -> dict[str, Any]:
        row: dict[str, Any] = {
            "part": "cost",
            "framework": self.framework,
            "load": self.load,
            "mode": self.mode,
            "against": self.base,
            "rounds": len(self.readings),
            "base_wall_us": round(median(self._both("wall_us")[0]), 1),
        }
        for figure in ("thread_cpu_us", "process_cpu_us", "wall_us"):
            name = figure.removesuffix("_us")
            row |= _named(f"{name}_ratio", self.ratio(figure), digits=3)
            row |= _named(f"{name}_added_us", self.added_us(figure), digits=1)
        row |= _named("process_cpu_mean_ratio", self.mean_ratio("process_cpu_us"), digits=3)
        if self.load in (MIXED, MIXED_AT_ONCE):
            row |= _named("p99_not_kept_ratio", self.p99_ratio(), digits=3)
        return row


def _named(name: str, spread: paired.Spread, *, digits: int) -> dict[str, float]:
    value, low, high = (round(number, digits) for number in spread)
    return {name: value, f"{name}_low": low, f"{name}_high": high}


def measure(platform: FakePlatform, scale: Scale) -> Iterator[Cell]:
    """Every ring on every framework; a quick run has all rings on Flask alone."""
    for framework in FRAMEWORKS:
        for modes in RINGS:
            if scale.quick and framework != FLASK and AUTO not in modes:
                continue
            ring = ring_of(framework, modes)
            say(f"Cost on {framework}: {', '.join(ring)}")
            yield from measure_ring(platform, framework, ring, scale)


def ring_of(framework: str, modes: Sequence[str]) -> tuple[str, ...]:
    """The modes that there are on a framework: pyinstrument's middleware is for Django."""
    # On an event loop the SDK's engine of that name records nothing: a cost without its use would mislead.
    found = [mode for mode in modes if mode != PYINSTRUMENT or framework not in ON_LOOP]
    return (*found, MIDDLEWARE) if framework == DJANGO and PROFILER in modes else tuple(found)


def loads(framework: str, modes: Sequence[str], scale: Scale) -> list[Load]:
    rounds = scale.auto_mixed_rounds if AUTO in modes else scale.mixed_rounds
    at_once = COROUTINES if framework in ON_LOOP else THREADS
    return [
        *(Load(view, (view,), 1, scale.view_rounds, scale.view_block_s) for view in shop.VIEWS),
        Load(MIXED, shop.VIEWS, 1, rounds, scale.mixed_block_s),
        Load(MIXED_AT_ONCE, shop.VIEWS, at_once, rounds, scale.mixed_block_s),
    ]


def measure_ring(
    platform: FakePlatform, framework: str, modes: Sequence[str], scale: Scale
) -> Iterator[Cell]:
    """Processes differ a little from each other by chance, so there are several generations of them."""
    planned = loads(framework, modes, scale)
    readings: Readings = {mode: [[] for _ in planned] for mode in modes}
    for _ in range(scale.generations):
        with children(platform, modes, framework=framework, app="shop") as ring:
            take_turns(ring, planned)
            for child in ring:
                for known, new in zip(readings[child.mode], split(read(child), planned), strict=True):
                    known += new
    pairs = [(modes[0], mode) for mode in modes[1:]]
    if PROFILER in modes and PYINSTRUMENT in modes:
        pairs.append((PROFILER, PYINSTRUMENT))
    for number, load in enumerate(planned):
        for base, mode in pairs:
            yield Cell(framework, load.name, mode, base, readings[base][number], readings[mode][number])


def take_turns(ring: Sequence[Child], planned: Sequence[Load]) -> None:
    """All loads, round by round; everyone is first as often as the others."""
    for child in ring:
        child.run(shop.VIEWS, WARM_UP_REQUESTS, lanes=THREADS)
    counts = {child.mode: [calibrate(child, load) for load in planned] for child in ring}
    for child in ring:
        child.report()  # of what is no part of any round
    for number, load in enumerate(planned):
        for turn in range(load.rounds):
            for child in [*ring[turn % len(ring) :], *ring[: turn % len(ring)]]:
                child.run(load.paths, counts[child.mode][number], lanes=load.lanes, seed=turn)


def calibrate(child: Child, load: Load) -> int:
    """How many requests fill a block."""
    step = max(len(load.paths), load.lanes)  # as many of each path, and work for every lane
    requests = max(step, CALIBRATING_REQUESTS)
    began = time.perf_counter()
    child.run(load.paths, requests, lanes=load.lanes)
    per_request_s = (time.perf_counter() - began) / requests
    return max(step, round(load.block_s / per_request_s / step) * step)


def read(child: Child) -> list[Reading]:
    """What the child measured, block by block."""
    child.flush()
    report = child.report()
    recorded = received.profiles(child.received())
    ends_ns = [block.process_cpu_began_ns for block in report.blocks[1:]] + [report.process_cpu_ns]
    return [
        _reading(block, end_ns - block.process_cpu_began_ns, recorded)
        for block, end_ns in zip(report.blocks, ends_ns, strict=True)
    ]


def _reading(block: Block, process_cpu_ns: int, recorded: list[dict[str, Any]]) -> Reading:
    number = len(block.served) * 1_000
    kept = received.kept(block.served, recorded)
    latencies_us = [one.duration_ns / 1_000 for place, one in enumerate(block.served) if place not in kept]
    return Reading(
        block.wall_ns / number, block.thread_cpu_ns / number, process_cpu_ns / number, latencies_us
    )


def split(readings: Sequence[Reading], planned: Iterable[Load]) -> Iterator[list[Reading]]:
    """Of each load its own."""
    begin = 0
    for load in planned:
        yield list(readings[begin : begin + load.rounds])
        begin += load.rounds
