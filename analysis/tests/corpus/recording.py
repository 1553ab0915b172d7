"""Runs a program under pyinstrument, as the SDK does, and makes evidence of it."""

from __future__ import annotations

import asyncio
import inspect
import json
import time
from typing import Any

from pyinstrument import Profiler

from analysis.evidence import Counted, Counters, Evidence
from analysis.tests.corpus.program import Program, compute, coroutine_of, is_coroutine
from profiles import calltree

SECONDS = 0.35
WARMING_UP = 0.005


def record(program: Program, seconds: float = SECONDS) -> Evidence:
    """The whole takes `seconds`, of which `program.share` is spent on what is looked at."""
    spending = seconds * program.share
    # What is made once and kept is no part of it.
    _run(program, WARMING_UP)
    started = time.perf_counter()
    with Profiler(interval=0.001) as profiler:
        count, spent_us = _run(program, spending)
        compute(seconds - spending)
    duration_us = round((time.perf_counter() - started) * 1e6)
    session: Any = profiler.last_session
    tree = calltree.from_session(json.loads(json.dumps(session.to_json())))
    return Evidence.of_recording(
        tree,
        counters=_counters(program, count, spent_us=spent_us, duration_us=duration_us),
        duration_us=sum(tree.self_us),
        cpu_us=max(round(session.cpu_time * 1e6), 1),
        framework="flask 3.1.3",
    )


def _run(program: Program, seconds: float) -> tuple[Any, int]:
    begun = time.perf_counter()
    if is_coroutine(program.spend):
        count = asyncio.run(coroutine_of(program.spend, seconds))
    else:
        count = program.spend(seconds)
    return count, round((time.perf_counter() - begun) * 1e6)


def _counters(program: Program, count: Any, *, spent_us: int, duration_us: int) -> Counters:
    if not program.counts:
        return Counters()
    code = inspect.unwrap(program.spend).__code__
    counted = Counted(
        program.counts, program.function, code.co_filename, code.co_firstlineno, "SELECT ?", count, spent_us
    )
    return Counters((counted,), 1, duration_us)
