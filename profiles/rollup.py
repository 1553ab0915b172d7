"""What was measured of endpoints in a stretch of time, computed from the ledger or from shorter stretches.

Pure: nothing is added to what was there before. Cost: 2 ms for a ledger document of 200 endpoints (its stacks
are passed over unread), 7 µs for each endpoint of a shorter stretch, 55 µs for each endpoint that comes out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any, Final, NamedTuple

import msgspec

from profiles import histogram
from profiles.bounds import LARGEST_STORED

OTHER: Final = "(other)"
ALL: Final = "*"
# Requests that nothing slowed, or next to nothing: what is shown as latency.
UNBIASED: Final = ("none", "sampler")


class EndpointKey(NamedTuple):
    """An endpoint. Route `*` stands for all of a kind, and kind `*` for everything."""

    kind: str
    method: str
    route: str

    @classmethod
    def named(cls, kind: str, method: str, route: str) -> EndpointKey:
        """The endpoint of this name. One that is called like the sum of all is told apart from it."""
        return cls(kind, method, route if route != ALL else f"({ALL})")


EVERYTHING: Final = EndpointKey(ALL, "", ALL)


class ClassTotals(msgspec.Struct):
    """Requests that one engine slowed: how many, their exact time, and their histogram as lanes."""

    count: int = 0
    sum_us: int = 0
    lanes: int = 0


class Calls(msgspec.Struct):
    """Calls of a database or of HTTP servers."""

    count: int = 0
    total_us: int = 0


class Rollup(msgspec.Struct):
    """All requests of one endpoint in one stretch of time; `classes` by engine class, `counters` by type."""

    count: int = 0
    errors: int = 0
    classes: dict[str, ClassTotals] = {}
    counters: dict[str, Calls] = {}

    def latency(self) -> int:
        """The histogram of what was not slowed by a precise profiler."""
        return sum(self.classes[name].lanes for name in UNBIASED if name in self.classes)

    def add(self, other: Rollup) -> None:
        """Make this the rollup of both stretches."""
        self.count += other.count
        self.errors += other.errors
        for name, theirs in other.classes.items():
            ours = self.classes.setdefault(name, ClassTotals())
            ours.count += theirs.count
            ours.sum_us += theirs.sum_us
            ours.lanes += theirs.lanes
        for name, calls in other.counters.items():
            known = self.counters.setdefault(name, Calls())
            known.count += calls.count
            known.total_us += calls.total_us


Rollups = dict[EndpointKey, Rollup]


class _Histogram(msgspec.Struct, gc=False):
    buckets: list[tuple[int, int]]
    sum_us: int


class LedgerEndpoint(msgspec.Struct, gc=False):
    """Of an endpoint's entry in a ledger document all but its stacks, which cost more than all the rest."""

    kind: str
    method: str
    route: str
    count: int
    errors: int
    histograms: dict[str, _Histogram]
    counters: list[tuple[int, int, int, int, int]]

    @property
    def key(self) -> EndpointKey:
        return EndpointKey.named(self.kind, self.method, self.route)


class LedgerMetrics(msgspec.Struct, gc=False):
    """A stored ledger document without its stacks. It was checked when it came."""

    strings: list[str]
    endpoints: list[LedgerEndpoint]


def from_ledger(documents: Iterable[LedgerMetrics]) -> Rollups:
    """Return the rollups of one minute from the ledger documents of all processes, read one at a time."""
    found: Rollups = {}
    buckets: dict[EndpointKey, dict[str, dict[int, int]]] = {}
    for document in documents:
        for entry in document.endpoints:
            key = entry.key
            rollup = found.get(key)
            if rollup is None:
                rollup, buckets[key] = found.setdefault(key, Rollup()), {}
            rollup.count += entry.count
            rollup.errors += entry.errors
            _count_classes(entry, rollup, buckets[key])
            _count_calls(entry, rollup, document.strings)
    for key, of_classes in buckets.items():
        for name, counts in of_classes.items():
            totals = found[key].classes[name]
            totals.count = sum(counts.values())
            totals.lanes = histogram.lanes(counts.items())
    return found


def with_sums(found: Rollups, names: Mapping[EndpointKey, EndpointKey]) -> Rollups:
    """Return the rollups of endpoints with those of each kind, and of everything.

    `names` says under which name an endpoint is kept: its own, or that of the others of its kind.
    """
    return combined(
        chain.from_iterable(
            ((names[key], rollup), (EndpointKey(key.kind, "", ALL), rollup), (EVERYTHING, rollup))
            for key, rollup in found.items()
        )
    )


def combined(parts: Iterable[tuple[EndpointKey, Rollup]]) -> Rollups:
    """Return the rollups of the stretch that shorter stretches make up."""
    found: Rollups = {}
    for key, part in parts:
        rollup = found.get(key)
        if rollup is None:
            rollup = found[key] = Rollup()
        rollup.add(part)
    return found


def added(parts: Iterable[Rollup]) -> Rollup:
    """Return the rollup of all parts together."""
    whole = Rollup()
    for part in parts:
        whole.add(part)
    return whole


def to_fields(rollup: Rollup) -> dict[str, Any]:
    """Return a rollup as the fields of a document; absurd sums are cut to what MongoDB takes."""
    p50_us, p95_us, p99_us = histogram.percentiles(rollup.latency())
    return {
        "count": _bounded(rollup.count),
        "errors": _bounded(rollup.errors),
        "classes": {
            name: {
                "count": _bounded(totals.count),
                "sum_us": _bounded(totals.sum_us),
                "histogram": histogram.pack(totals.lanes),
            }
            for name, totals in rollup.classes.items()
        },
        "p50_us": p50_us,
        "p95_us": p95_us,
        "p99_us": p99_us,
        "counters": {
            name: {"count": _bounded(calls.count), "total_us": _bounded(calls.total_us)}
            for name, calls in rollup.counters.items()
        },
    }


def from_fields(fields: Mapping[str, Any]) -> Rollup:
    """Return the rollup that `to_fields` wrote."""
    return Rollup(
        fields["count"],
        fields["errors"],
        {
            name: ClassTotals(totals["count"], totals["sum_us"], histogram.unpack(totals["histogram"]))
            for name, totals in fields["classes"].items()
        },
        {name: Calls(calls["count"], calls["total_us"]) for name, calls in fields["counters"].items()},
    )


def _count_classes(entry: LedgerEndpoint, rollup: Rollup, buckets: dict[str, dict[int, int]]) -> None:
    for name, measured in entry.histograms.items():
        counts = buckets.get(name)
        if counts is None:
            counts, rollup.classes[name] = buckets.setdefault(name, {}), ClassTotals()
        rollup.classes[name].sum_us += measured.sum_us
        known = counts.get
        for bucket, count in measured.buckets:
            counts[bucket] = known(bucket, 0) + count


def _count_calls(entry: LedgerEndpoint, rollup: Rollup, strings: list[str]) -> None:
    for kind, _caller, _fingerprint, count, total_us in entry.counters:
        calls = rollup.counters.setdefault(strings[kind], Calls())
        calls.count += count
        calls.total_us += total_us


def _bounded(number: int) -> int:
    return min(number, LARGEST_STORED)
