"""What the benchmark reads from batches."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from benchmarks.support.children import Served
from benchmarks.support.fake_platform import Batch
from benchmarks.support.received import Function, endpoints, hot_function, kept, newest, profiles

APP = "shop/views.py"


def ledger(*, minute: str = "10:00", seq: int = 1, count: int = 1, stacks: Any = None) -> dict[str, Any]:
    """A document with one endpoint and the functions outer and inner."""
    entry: dict[str, Any] = {
        "kind": "request",
        "method": "GET",
        "route": "/orders",
        "count": count,
        "errors": 0,
        "histograms": {
            "none": {"buckets": [[1, 1]], "sum_us": 10},
            "sampler": {"buckets": [[1, 1]], "sum_us": 5},
        },
        "counters": [],
        "stacks": stacks or {},
    }
    return {
        "minute": f"2026-11-22T{minute}:00Z",
        "seq": seq,
        "strings": ["outer", APP, "inner", ""],
        "frames": [[0, 1, 1, 3, 0], [2, 1, 9, 3, 0]],
        "endpoints": [entry],
    }


def batch(*documents: dict[str, Any], instance: str = "a", recorded: Any = ()) -> Batch:
    content = {"process": {"instance": instance}, "ledger": list(documents), "profiles": list(recorded)}
    return Batch(content, sent_bytes=1)


def session(*samples: tuple[int, float]) -> dict[str, Any]:
    """Of samples by node: lobby > outer, > outer > inner, and > library alone."""
    return {
        "strings": ["lobby", "server.py", "outer", APP, "inner", "library", ""],
        "frames": [[0, 1, 1, 6], [2, 3, 1, 6], [4, 3, 9, 6], [5, 1, 5, 6]],
        "nodes": [[-1, 0], [0, 1], [1, 2], [2, 3], [0, 3]],
        "samples": [node for node, _ in samples],
        "times": [seconds for _, seconds in samples],
    }


def profile(*, began_at: float, duration_us: int, endpoint: str = "/orders") -> dict[str, Any]:
    started_at = datetime.fromtimestamp(began_at, UTC).isoformat().replace("+00:00", "Z")
    return {"id": str(began_at), "endpoint": endpoint, "started_at": started_at, "duration_us": duration_us}


def test_newest_document_of_each_process_and_minute_counts() -> None:
    old, new, other_minute = ledger(seq=1, count=3), ledger(seq=2, count=5), ledger(minute="10:01", count=7)
    batches = [batch(old), batch(new, other_minute), batch(old), batch(ledger(count=11), instance="b")]
    assert len(newest(batches)) == 3
    assert endpoints(batches)["orders"].count == 5 + 7 + 11


def test_times_of_all_engines_are_added() -> None:
    assert endpoints([batch(ledger())])["orders"].sum_us == 15


def test_total_time_includes_callees_and_counts_recursion_once() -> None:
    stacks = {"sampler": [[-1, 0, 100, 1], [0, 1, 30, 2], [1, 1, 5, 1]]}
    tree = endpoints([batch(ledger(stacks=stacks))])["orders"].trees["sampler"]
    assert tree.samples == 4
    assert tree.total_us == 135
    assert tree.functions_us == {Function("outer", APP): 135, Function("inner", APP): 35}


def test_engines_have_trees_of_their_own() -> None:
    stacks = {"sampler": [[-1, 0, 100, 1]], "pyinstrument": [[-1, 1, 7, 7]]}
    trees = endpoints([batch(ledger(stacks=stacks))])["orders"].trees
    assert {engine: tree.total_us for engine, tree in trees.items()} == {"sampler": 100, "pyinstrument": 7}


def test_profile_that_was_sent_twice_is_one() -> None:
    sent = profile(began_at=1.0, duration_us=5)
    assert profiles([batch(recorded=[sent]), batch(recorded=[sent])]) == [sent]


def test_hot_function_is_the_innermost_of_the_app() -> None:
    # What the library does is the time of the app's function that called it.
    assert hot_function(session((1, 1.0), (3, 2.0)), APP) == "inner"
    assert hot_function(session((1, 3.0), (3, 2.0)), APP) == "outer"


def test_recording_without_the_app_has_no_hot_function() -> None:
    assert hot_function(session((4, 1.0), (-1, 1.0)), APP) == ""


def test_profile_belongs_to_the_request_around_it_that_is_hardly_longer() -> None:
    long = Served("/orders", 100.0, 5_000_000_000, 200)
    right = Served("/orders", 101.0, 1_000_000_000, 200)
    elsewhere = Served("/cart", 101.0, 1_000_000_000, 200)
    later = Served("/orders", 103.0, 1_000_000_000, 200)
    recorded = profile(began_at=101.0001, duration_us=999_000)
    assert kept([long, elsewhere, right, later], [recorded]) == {2: recorded}


def test_profile_of_another_time_belongs_to_no_request() -> None:
    assert kept([Served("/orders", 100.0, 1_000_000, 200)], [profile(began_at=200.0, duration_us=10)]) == {}
