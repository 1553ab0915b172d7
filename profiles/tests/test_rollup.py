from __future__ import annotations

import math
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles import histogram, rollup
from profiles.rollup import EVERYTHING, OTHER, EndpointKey, LedgerMetrics, Rollup, Rollups
from profiles.tests import ledgers

MINUTE = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
A = EndpointKey("request", "GET", "/a")
REQUESTS = EndpointKey("request", "", "*")

entries = st.builds(
    ledgers.endpoint,
    st.sampled_from(["/a", "/b", "/c"]),
    durations=st.lists(st.integers(0, 10_000_000), min_size=1, max_size=30),
    engine=st.sampled_from(["none", "sampler", "pyinstrument"]),
    errors=st.just(1),
    kind=st.sampled_from(["request", "task"]),
    counters=st.lists(
        st.tuples(st.sampled_from([6, 8]), st.just(0), st.just(7), st.integers(0, 99), st.integers(0, 9_999))
    ),
)


def metrics(*found: dict[str, Any]) -> LedgerMetrics:
    return msgspec.convert(ledgers.document(MINUTE, *found), LedgerMetrics)


def as_they_are(*documents: LedgerMetrics) -> dict[EndpointKey, EndpointKey]:
    return {entry.key: entry.key for document in documents for entry in document.endpoints}


def fold(*documents: LedgerMetrics) -> Rollups:
    return rollup.with_sums(rollup.from_ledger(documents), as_they_are(*documents))


def test_rollups_of_the_shared_vector() -> None:
    from profiles.tests import vectors

    document = msgspec.convert(vectors.load("batch.json")["ledger"][0], LedgerMetrics)
    found = fold(document)
    basket = found[EndpointKey("request", "GET", "/basket/<int:basket>/total")]
    assert (basket.count, basket.errors) == (6, 1)
    assert {name: (part.count, part.sum_us) for name, part in basket.classes.items()} == {
        "sampler": (4, 7837),
        "pyinstrument": (1, 265603),
        "none": (1, 1990),
    }
    assert histogram.total(basket.latency()) == 5
    assert basket.counters == {"db": rollup.Calls(1800, 41250)}
    assert found[EVERYTHING].count == 7
    assert set(found) == {
        *as_they_are(document),
        EVERYTHING,
        REQUESTS,
        EndpointKey("task", "", "*"),
    }


@given(st.lists(entries, max_size=12))
def test_sums_are_exactly_what_the_ledger_says(found: list[dict[str, Any]]) -> None:
    folded = fold(*map(metrics, found))
    expected: dict[EndpointKey, list[int]] = defaultdict(lambda: [0, 0, 0, 0, 0])
    for entry in found:
        key = EndpointKey(entry["kind"], entry["method"], entry["route"])
        for name in (key, EndpointKey(key.kind, "", "*"), EVERYTHING):
            for place, number in enumerate(
                (
                    entry["count"],
                    entry["errors"],
                    sum(part["sum_us"] for part in entry["histograms"].values()),
                    sum(row[3] for row in entry["counters"]),
                    sum(row[4] for row in entry["counters"]),
                )
            ):
                expected[name][place] += number
    assert {
        key: [
            part.count,
            part.errors,
            sum(totals.sum_us for totals in part.classes.values()),
            sum(calls.count for calls in part.counters.values()),
            sum(calls.total_us for calls in part.counters.values()),
        ]
        for key, part in folded.items()
    } == expected
    for part in folded.values():
        assert part.count == sum(totals.count for totals in part.classes.values())
        assert all(histogram.total(totals.lanes) == totals.count for totals in part.classes.values())


@given(st.lists(entries, max_size=12), st.randoms(use_true_random=False))
def test_stretches_add_up_in_any_order_and_grouping(found: list[dict[str, Any]], chance: Any) -> None:
    at_once = fold(*map(metrics, found))
    chance.shuffle(found)
    middle = chance.randint(0, len(found))
    halves = [fold(*map(metrics, part)) for part in (found[:middle], found[middle:])]
    stored = [
        (key, rollup.from_fields(rollup.to_fields(part))) for half in halves for key, part in half.items()
    ]
    assert rollup.combined(stored) == at_once


@given(st.lists(st.integers(1, 10_000_000), min_size=1, max_size=99))
def test_percentiles_are_of_what_no_profiler_slowed(durations: list[int]) -> None:
    third = len(durations) // 3
    found = fold(
        metrics(ledgers.endpoint(durations=durations[:third], engine="none")),
        metrics(ledgers.endpoint(durations=durations[third:], engine="sampler")),
        metrics(ledgers.endpoint(durations=[86_400_000_000] * 99, engine="pyinstrument")),
    )
    fields = rollup.to_fields(found[A])
    for name, quantile in (("p50_us", 0.5), ("p95_us", 0.95), ("p99_us", 0.99)):
        exact = sorted(durations)[math.ceil(quantile * len(durations)) - 1]
        assert fields[name] == pytest.approx(exact, rel=0.0100001)


def test_only_slowed_requests_have_no_percentiles() -> None:
    fields = rollup.to_fields(fold(metrics(ledgers.endpoint(engine="pyinstrument")))[A])
    assert (fields["count"], fields["p50_us"], fields["p99_us"]) == (1, None, None)


def test_names_decide_what_is_kept_together() -> None:
    document = metrics(ledgers.endpoint("/a"), ledgers.endpoint("/b"), ledgers.endpoint("/c"))
    others = EndpointKey("request", "", OTHER)
    names = {**dict.fromkeys(as_they_are(document), others), A: A}
    found = rollup.with_sums(rollup.from_ledger([document]), names)
    assert (found[A].count, found[others].count, found[REQUESTS].count) == (1, 2, 3)


def test_an_endpoint_named_like_the_sum_stays_apart() -> None:
    found = fold(metrics(ledgers.endpoint("*", kind="task", method=""), ledgers.endpoint("/b", kind="task")))
    assert found[EndpointKey("task", "", "*")].count == 2
    assert found[EndpointKey("task", "", "(*)")].count == 1


def test_absurd_sums_are_cut_to_what_a_document_holds() -> None:
    absurd = Rollup(2**64, 0, {"none": rollup.ClassTotals(2**64, 2**70, 0)}, {})
    fields = rollup.to_fields(absurd)
    assert fields["count"] == fields["classes"]["none"]["sum_us"] == 2**63 - 1
