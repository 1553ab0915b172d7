"""Ledger documents of one's choice, as an SDK sends them. No Django here."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from profiles import histogram
from profiles.tests import vectors

Json = dict[str, Any]


def endpoint(
    route: str = "/a",
    *,
    durations: Sequence[int] = (1_000,),
    engine: str = "sampler",
    errors: int = 0,
    kind: str = "request",
    method: str = "GET",
    counters: Sequence[Sequence[int]] = (),
    stacks: Json | None = None,
) -> Json:
    """An entry of `endpoints` in which one engine saw every request."""
    buckets = sorted(Counter(map(histogram.index, durations)).items())
    seen = {engine: {"buckets": buckets, "sum_us": sum(durations)}} if durations else {}
    return {
        "kind": kind,
        "method": method,
        "route": route,
        "count": len(durations),
        "errors": errors,
        "histograms": seen,
        "counters": [list(row) for row in counters],
        "stacks": stacks or {},
    }


def document(minute: datetime, *endpoints: Json, seq: int = 1, **changes: Any) -> Json:
    """A valid document with three frames: `view` calls `query` and `render`."""
    return {
        "minute": vectors.rfc3339(minute),
        "seq": seq,
        "strings": ["view", "shop/views.py", "", "query", "shop/db.py", "render", "db", "SELECT 1", "http"],
        "frames": [[0, 1, 10, 2, 0], [3, 4, 20, 2, 0], [5, 1, 30, 2, 1]],
        "dropped": {},
        "endpoints": list(endpoints),
        **changes,
    }


def stacks(query_us: int, render_us: int) -> list[list[int]]:
    """A tree of the frames of `document`: rows of parent, frame, self time, samples."""
    return [[-1, 0, 5, 1], [0, 1, query_us, 2], [0, 2, render_us, 3]]


def random_document(minute: datetime, routes: Iterable[str], *, seed: object, seq: int = 1) -> Json:
    """A document of these routes with times of its own."""
    choose = random.Random(f"{seed} {seq}")
    entries = []
    for route in routes:
        durations = [round(choose.lognormvariate(10, 0.5)) for _ in range(choose.randint(1, 9))]
        tree = {"sampler": stacks(choose.randint(0, 9_000), choose.randint(0, 9_000))}
        calls = [[6, 1, 7, choose.randint(0, 9), choose.randint(0, 900)]]
        entries.append(
            endpoint(
                route,
                durations=durations,
                errors=choose.randint(0, len(durations)),
                counters=calls,
                stacks=tree,
            )
        )
    return document(minute, *entries, seq=seq)
