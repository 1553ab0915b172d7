from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from perfplatform_sdk.counters import Counters, new_tally
from perfplatform_sdk.drops import QUEUE_FULL, RATE_LIMITED, Drops
from perfplatform_sdk.engines.naming import Key
from perfplatform_sdk.keeping import Endpoint
from perfplatform_sdk.ledger import Event, Ledger, named

NOW = 1_795_377_363.0
MINUTE = int(NOW // 60)
ORDERS = Endpoint("request", "GET", "/orders")


def event(
    duration_us: int | None = 1000,
    *,
    failed: bool = False,
    endpoint: Endpoint = ORDERS,
    minute: int = MINUTE,
    engine: str = "none",
) -> Event:
    return Event(minute, endpoint, engine, duration_us, failed)


def test_document_holds_counts_errors_and_a_histogram_for_each_engine_class() -> None:
    ledger = Ledger(Drops())
    for duration_us, engine in ((1, "none"), (2, "none"), (2, "none"), (1_000_000, "pyinstrument")):
        ledger.add(event(duration_us, engine=engine))
    ledger.add(event(5, failed=True))
    (document,) = ledger.documents(NOW).values()
    assert (document["minute"], document["seq"]) == ("2026-11-22T19:56:00Z", 1)
    (entry,) = document["endpoints"]
    assert (entry["count"], entry["errors"]) == (5, 1)
    assert entry["histograms"]["none"] == {"buckets": [[0, 1], [35, 2], [81, 1]], "sum_us": 10}
    ((index, count),) = entry["histograms"]["pyinstrument"]["buckets"]
    assert count == 1
    growth = 1.01 / 0.99
    assert math.isclose(2 * growth**index / (growth + 1), 1_000_000, rel_tol=0.01)


def test_only_what_changed_is_given_out_each_time_whole_and_with_a_higher_number() -> None:
    ledger = Ledger(Drops())
    assert not ledger.has_news()
    ledger.add(event(minute=MINUTE - 1))
    ledger.add(event())
    assert ledger.has_news()
    assert set(ledger.documents(NOW)) == {MINUTE - 1, MINUTE}
    assert not ledger.has_news()
    assert ledger.documents(NOW) == {}
    ledger.add(event())
    (document,) = ledger.documents(NOW).values()
    assert (document["seq"], document["endpoints"][0]["count"]) == (2, 2)
    ledger.send_again([MINUTE, MINUTE - 1, 5])
    assert {number: document["seq"] for number, document in ledger.documents(NOW).items()} == {
        MINUTE - 1: 2,
        MINUTE: 3,
    }


def test_late_failure_is_added_to_the_minute_in_which_it_was_counted() -> None:
    ledger = Ledger(Drops())
    ledger.add(event())
    ledger.add(event(None, failed=True))
    ledger.add(event(None, failed=True))  # never more errors than requests
    ledger.add(event(None, failed=True, minute=MINUTE - 3))  # a minute that is gone
    (document,) = ledger.documents(NOW).values()
    (entry,) = document["endpoints"]
    assert (entry["count"], entry["errors"]) == (1, 1)


def test_drops_arrive_even_when_nothing_else_does() -> None:
    drops = Drops()
    ledger = Ledger(drops)
    drops.add(RATE_LIMITED, 2)
    assert ledger.has_news()
    (document,) = ledger.documents(NOW).values()
    assert (document["endpoints"], document["dropped"]) == ([], {"rate_limited": 2})
    assert not ledger.has_news()
    drops.add(RATE_LIMITED)
    (document,) = ledger.documents(NOW).values()
    assert (document["seq"], document["dropped"]) == (2, {"rate_limited": 3})


def test_endpoints_beyond_the_bound_are_counted_as_other() -> None:
    ledger = Ledger(Drops())
    for number in range(3_000):
        ledger.add(event(endpoint=Endpoint("request", "GET", f"/{number}")))
    ledger.add(event(endpoint=Endpoint("task", "", "a task")))
    (document,) = ledger.documents(NOW).values()
    entries = {(entry["kind"], entry["route"]): entry["count"] for entry in document["endpoints"]}
    assert len(entries) <= 2_000
    assert sum(entries.values()) == 3_001
    assert (entries["request", "(other)"], entries["task", "(other)"]) == (3_000 - 1_990, 1)


def test_queue_stays_short_without_a_sender() -> None:
    ledger = Ledger(Drops())
    for _ in range(30_000):
        ledger.add(event())
    assert len(ledger._events) < 20_000
    assert ledger.documents(NOW)[MINUTE]["endpoints"][0]["count"] == 30_000


def test_signal_handler_that_interrupts_the_sorting_loses_and_doubles_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ledger = Ledger(Drops())
    sort_in = Ledger._sort_in
    left = [500]

    def interrupted(self: Ledger, one: Event) -> None:
        if left[0]:
            left[0] -= 1
            for _ in range(10):
                self.add(event())
            assert self.has_news() is (self._minutes != {} and self._minutes[MINUTE].changed)
        sort_in(self, one)

    monkeypatch.setattr(Ledger, "_sort_in", interrupted)
    for _ in range(2_000):
        ledger.add(event())
    document = ledger.documents(NOW)[MINUTE]
    assert document["endpoints"][0]["count"] == 2_000 + 500 * 10


def test_old_minutes_are_let_go_and_counted_if_they_never_arrived() -> None:
    drops = Drops()
    ledger = Ledger(drops)
    for age in range(100, -1, -1):
        ledger.add(event(minute=MINUTE - age))
    assert sorted(ledger.documents(NOW)) == list(range(MINUTE - 60, MINUTE + 1))
    assert drops.counts() == {QUEUE_FULL: 40}


def test_entries_of_all_minutes_are_bounded() -> None:
    drops = Drops()
    ledger = Ledger(drops, max_bytes=8_000_000)
    for minute in range(MINUTE - 30, MINUTE):
        for number in range(1_500):
            ledger.add(event(minute=minute, endpoint=Endpoint("request", "GET", f"/{number}")))
    entries = sum(len(document["endpoints"]) for document in ledger.documents(NOW).values())
    assert 5_000 < entries <= 8_000 + 1_990
    assert drops.counts()[QUEUE_FULL] >= 20


def test_minutes_that_arrived_are_let_go_when_they_are_past() -> None:
    ledger = Ledger(Drops())
    for age in (20, 10, 1, 0):
        ledger.add(event(minute=MINUTE - age))
    given = list(ledger.documents(NOW))
    ledger.add(event(minute=MINUTE - 10))
    ledger.arrived(given, NOW)
    assert ledger.has_news()
    ledger.send_again(given)
    assert set(ledger.documents(NOW)) == {MINUTE - 10, MINUTE - 1, MINUTE}


def test_names_are_kept_within_bounds() -> None:
    assert named("call", "M" * 20, "n" * 600) == Endpoint("call", "M" * 16, "n" * 512)
    assert named("call", "", "").name == "(unnamed)"


class Recorded:
    """A recording with the stacks that a test wants."""

    weight = cpu_us = 0
    process_cpu = 0.0
    complete = True
    interval_us = 10_000

    def __init__(self, *stacks: tuple[list[str], int]) -> None:
        self._stacks = [([*keys], duration_us) for keys, duration_us in stacks]

    def __len__(self) -> int:
        return len(self._stacks)

    def stacks(self) -> Iterator[tuple[list[Key], int]]:
        return iter(self._stacks)  # type: ignore[arg-type]

    def session(self, description: str) -> dict[str, Any]:
        raise NotImplementedError


def test_stacks_are_merged_by_endpoint_and_engine_and_share_their_frames() -> None:
    ledger = Ledger(Drops())
    view, query = "view\0/srv/app.py\x003", "query\0/srv/db.py\x007\x01cDatabase"
    first = Recorded(([view, query], 10_000), ([view], 5_000))
    ledger.add(event()._replace(engine="sampler", recording=first))
    ledger.add(event()._replace(engine="sampler", recording=Recorded(([view, query], 10_000))))
    basket = Endpoint("request", "GET", "/basket")
    ledger.add(event(endpoint=basket)._replace(engine="pyinstrument", recording=Recorded(([query], 1))))
    ledger.add(event())
    (document,) = ledger.documents(NOW).values()
    orders, other = document["endpoints"]
    strings, frames = document["strings"], document["frames"]
    assert orders["stacks"] == {"sampler": [[-1, 0, 5_000, 1], [0, 1, 20_000, 2]]}
    assert other["stacks"] == {"pyinstrument": [[-1, 1, 1, 1]]}
    named_frames = [
        [strings[name], strings[file], line, strings[owner], library]
        for name, file, line, owner, library in frames
    ]
    assert named_frames == [["view", "/srv/app.py", 3, "", 0], ["query", "/srv/db.py", 7, "Database", 0]]


def test_nodes_of_a_minute_are_bounded_and_keep_all_time() -> None:
    ledger = Ledger(Drops())
    for number in range(60):
        stacks = [
            ([f"f{number}-{deep}\0a.py\x001" for deep in range(level)], 10) for level in range(39, 400, 40)
        ]
        endpoint = Endpoint("request", "GET", f"/{number}")
        ledger.add(event(endpoint=endpoint)._replace(engine="sampler", recording=Recorded(*stacks)))
    (document,) = ledger.documents(NOW).values()
    rows = [row for entry in document["endpoints"] for row in entry["stacks"]["sampler"]]
    assert len(rows) <= 20_000 + 60
    assert sum(row[2] for row in rows) == 60 * 10 * 10


def test_counters_of_an_endpoint_add_up() -> None:
    ledger = Ledger(Drops())
    code = test_counters_of_an_endpoint_add_up.__code__
    for _ in range(2):
        counters: Counters = {}
        for key, caller, count, total_ns in (
            (("db", id(code), "SELECT"), code, 3, 4_000_000),
            (("http", 0, "GET"), None, 1, 2_000_000),
        ):
            tally = new_tally(counters, key, caller, key[2])
            tally.count, tally.total_ns = count, total_ns
        ledger.add(event()._replace(counters=counters))
    (document,) = ledger.documents(NOW).values()
    strings, frames = document["strings"], document["frames"]
    rows = sorted(
        (strings[kind], strings[frames[caller][0]], strings[shape], count, duration_us)
        for kind, caller, shape, count, duration_us in document["endpoints"][0]["counters"]
    )
    name = "test_counters_of_an_endpoint_add_up"
    assert rows == [("db", name, "SELECT", 6, 8_000), ("http", "(other)", "GET", 2, 4_000)]


def test_events_with_a_duration_alone_are_counted_as_others_are() -> None:
    plain, whole = Ledger(Drops()), Ledger(Drops())
    for number in range(1_000):
        minute, endpoint = MINUTE - number % 3, ORDERS._replace(name=f"/{number % 7}")
        plain.counter(endpoint, "none")(minute, 97 * number)
        whole.add(event(97 * number, minute=minute, endpoint=endpoint))
    assert plain.has_news()
    assert _by_endpoint(plain) == _by_endpoint(whole)
    assert plain.events == whole.events == 1_000
    assert not plain.has_news()


def test_failure_that_shows_later_is_of_an_event_that_is_counted_already() -> None:
    ledger = Ledger(Drops())
    count = ledger.counter(ORDERS, "none")
    for _ in range(10):
        ledger.add(event(3, failed=False))
        count(MINUTE, 5)
        ledger.add(event(None, failed=True))
    (entry,) = ledger.documents(NOW)[MINUTE]["endpoints"]
    assert (entry["count"], entry["errors"]) == (20, 10)


def test_made_up_names_beyond_the_bound_are_counted_without_a_queue_each() -> None:
    ledger = Ledger(Drops())
    for number in range(6_000):
        ledger.counter(Endpoint("call", "", f"import {number}"), "none")(MINUTE, 1)
    assert len(ledger._plain) == 4_000
    assert sum(entry["count"] for entry in ledger.documents(NOW)[MINUTE]["endpoints"]) == 6_000


def test_durations_from_many_threads_are_all_counted_while_somebody_sorts_them_in() -> None:
    ledger = Ledger(Drops())

    def serve(number: int) -> None:
        count = ledger.counter(ORDERS._replace(name=f"/{number % 2}"), "sampler")
        for duration_us in range(5_000):
            count(MINUTE, duration_us)

    with ThreadPoolExecutor(4) as pool:
        done = [pool.submit(serve, number) for number in range(4)]
        while not all(future.done() for future in done):
            ledger.drain()
    entries = ledger.documents(NOW)[MINUTE]["endpoints"]
    assert [entry["count"] for entry in entries] == [10_000, 10_000]
    assert {entry["histograms"]["sampler"]["sum_us"] for entry in entries} == {2 * sum(range(5_000))}


def _by_endpoint(ledger: Ledger) -> dict[int, dict[str, Any]]:
    return {
        number: {entry["route"]: entry for entry in document["endpoints"]}
        for number, document in ledger.documents(NOW).items()
    }
