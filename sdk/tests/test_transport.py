"""What becomes of recorded data while the platform works, and while it does not."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
import tracemalloc
from typing import Any, Callable

import fake_platform as fakes
import pytest
from fake_platform import KEY, FakePlatform

import perfplatform_sdk
from perfplatform_sdk import client, transport
from perfplatform_sdk.delivery import AGAIN, ARRIVED, REFUSED, STOP, read_answer
from perfplatform_sdk.outbox import Outbox

Start = Callable[..., None]


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_FIRST_AFTER_S", 3600.0)
    monkeypatch.setattr(transport, "_FIRST_PAUSE_S", 0.05)
    monkeypatch.setattr(transport, "_LONGEST_PAUSE_S", 0.2)


def call(name: str = "shop.price", times: int = 1) -> None:
    for _ in range(times):
        with perfplatform_sdk.profile(name):
            len(name)


def sending() -> Any:
    running = client.current()
    assert running is not None
    return running


def test_batch_arrives_by_itself_with_key_and_identity(platform: FakePlatform, start: Start) -> None:
    start()
    call()
    platform.wait_for(lambda: bool(platform.profiles and platform.entries()))
    assert platform.keys[0] == f"Bearer {KEY}"
    batch = platform.batches[0]
    assert batch["sdk"] == {"name": "perfplatform-sdk", "version": perfplatform_sdk.__version__}
    assert batch["process"]["instance"] == sending().instance.id
    assert batch["version"] == {"name": "unversioned"}
    assert [profile["endpoint"] for profile in platform.profiles] == ["shop.price"]


def test_first_sending_does_not_wait_for_the_interval(
    platform: FakePlatform, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "_FIRST_AFTER_S", 0.1)
    start(flush_interval=3600)
    call()
    platform.wait_for(lambda: bool(platform.profiles))


@pytest.mark.parametrize(
    "behaviour",
    [
        fakes.status(500),
        fakes.status(503),
        fakes.status(404),
        fakes.status(302, Location="http://127.0.0.1:1/"),
        fakes.reset,
        fakes.nonsense,
        fakes.garbage,
        fakes.status(429, Retry_After="0"),
    ],
    ids=["500", "503", "404", "302", "reset", "nonsense", "garbage", "429"],
)
def test_the_same_batch_is_sent_again_until_it_arrives(
    platform: FakePlatform, start: Start, behaviour: fakes.Behaviour, warnings: Callable[[], list[str]]
) -> None:
    platform.behaviour = fakes.first(2, behaviour)
    start()
    call()
    platform.wait_for(lambda: bool(platform.batches))
    assert len(platform.posts) >= 3
    assert platform.posts[0] == platform.posts[1] == platform.posts[2]
    assert len(platform.profiles) == 1
    assert len(warnings()) == 1
    assert "it is sent later" in warnings()[0]


def test_refused_connection_is_tried_again(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    start(url=f"http://127.0.0.1:{port}/tools/perf")
    call()
    time.sleep(0.3)
    late = FakePlatform(port)
    late.wait_for(lambda: bool(late.profiles))
    assert late.faults == []
    late.close()


def test_platform_killed_in_the_middle_of_a_batch_gets_it_again(start: Start) -> None:
    seen = []

    def swallow_a_part(server: socket.socket) -> None:
        connection, _ = server.accept()
        seen.append(connection.recv(64))
        connection.close()

    server = socket.create_server(("127.0.0.1", 0))
    port = server.getsockname()[1]
    thread = threading.Thread(target=swallow_a_part, args=(server,))
    thread.start()
    start(url=f"http://127.0.0.1:{port}/tools/perf")
    call()
    thread.join(5)
    server.close()
    late = FakePlatform(port)
    late.wait_for(lambda: bool(late.profiles))
    assert seen[0].startswith(b"POST /tools/perf/api/v1/ingest/ ")
    assert len(late.profiles) == 1
    late.close()


def test_pauses_grow_and_retry_after_is_kept(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    start(flush_interval=3600)
    pauses = []
    monkeypatch.setattr(transport, "_FIRST_PAUSE_S", 1.0)
    monkeypatch.setattr(transport, "_LONGEST_PAUSE_S", 60.0)
    running = sending().transport
    for _ in range(10):
        now = time.monotonic()
        running._wait(transport.Outcome(AGAIN))
        pauses.append(running._not_before - now)
    for pause, most in zip(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]):
        assert most * 0.49 < pause < most * 1.01
    running._wait(transport.Outcome(AGAIN, retry_after=400.0))
    assert 399 < running._not_before - time.monotonic() <= 400


@pytest.mark.parametrize("code", [401, 403])
def test_key_that_is_not_accepted_ends_it_with_one_line(
    platform: FakePlatform, start: Start, code: int, warnings: Callable[[], list[str]]
) -> None:
    platform.behaviour = fakes.status(code)
    start()
    call()
    platform.wait_for(lambda: client.current() is None)
    for _ in range(5):
        call()
    time.sleep(0.3)
    assert len(platform.posts) == 1
    assert len(warnings()) == 1
    assert f"does not accept the key (status {code})" in warnings()[0]
    assert KEY not in warnings()[0]
    assert perfplatform_sdk.flush(1.0) is False


@pytest.mark.parametrize("code", [400, 413, 415, 422])
def test_refused_batch_is_dropped_counted_and_not_sent_again(
    platform: FakePlatform, start: Start, code: int
) -> None:
    platform.behaviour = fakes.first(1, fakes.status(code))
    start(flush_interval=3600)
    call()
    assert perfplatform_sdk.flush(5.0)
    assert platform.batches == []
    call("another")
    assert perfplatform_sdk.flush(5.0)
    assert platform.dropped() == {"refused": 2}  # one profile, one ledger document
    assert [profile["endpoint"] for profile in platform.profiles] == ["another"]
    # The ledger is cumulative: nothing of it is lost.
    assert platform.entries()["call", "", "shop.price"]["count"] == 1


def test_single_refused_items_are_counted(
    platform: FakePlatform, start: Start, warnings: Callable[[], list[str]]
) -> None:
    def refuse_one(handler: fakes.Handler) -> None:
        rejected = [
            {"list": "profiles", "index": 0, "code": "too_late", "reason": "started_at is more than 6 h old"}
        ]
        handler.answer(202, {"code": 0, "msg": "", "data": {"accepted": 1, "rejected": rejected}})

    platform.behaviour = fakes.first(1, refuse_one)
    start(flush_interval=3600)
    call()
    assert perfplatform_sdk.flush(5.0)
    assert perfplatform_sdk.flush(5.0)
    assert platform.dropped() == {"refused": 1}
    assert "more than 6 h old" in warnings()[0]


def test_answers_mean_what_the_wire_format_says() -> None:
    good = json.dumps({"code": 0, "msg": "", "data": {"accepted": 1, "rejected": []}}).encode()
    assert read_answer(202, "", good).verdict == ARRIVED
    for status in (401, 403):
        assert read_answer(status, "", b"").verdict == STOP
    for status in (400, 413, 415, 422):
        assert read_answer(status, "", b"<html>").verdict == REFUSED
    for status in (301, 302, 308, 404, 408, 418, 429, 500, 502, 503, 504, 599):
        assert read_answer(status, "", good).verdict == AGAIN
    for body in (
        b"",
        b"null",
        b"[]",
        b'"x"',
        b'{"data": 1}',
        b'{"data": {}}',
        b"[" * 100_000,
        b"\xff",
        good[:-3],
    ):
        assert read_answer(202, "", body).verdict == AGAIN
    for text, seconds in (
        ("7", 7.0),
        ("", 0.0),
        ("Wed, 21 Oct", 0.0),
        ("-1", 0.0),
        ("999999", 600.0),
        ("9" * 50, 0.0),
    ):
        assert read_answer(429, text, b"").retry_after == seconds


def test_black_hole_holds_up_neither_the_app_nor_its_end(platform: FakePlatform, start: Start) -> None:
    platform.behaviour = fakes.black_hole
    start(overhead_budget=0)
    call()
    platform.wait_for(lambda: bool(platform.posts))
    began = time.perf_counter()
    call(times=1000)
    assert time.perf_counter() - began < 0.5
    assert perfplatform_sdk.flush(0.2) is False
    began = time.perf_counter()
    perfplatform_sdk.shutdown(0.3)
    assert time.perf_counter() - began < 1.0


def test_flush_says_whether_all_arrived(platform: FakePlatform, start: Start) -> None:
    start(flush_interval=3600)
    assert perfplatform_sdk.flush(2.0) is True
    assert platform.batches == []
    call()
    assert perfplatform_sdk.flush(5.0) is True
    assert len(platform.profiles) == 1
    platform.behaviour = fakes.status(500)
    call()
    assert perfplatform_sdk.flush(0.3) is False
    platform.behaviour = fakes.accept
    assert perfplatform_sdk.flush(5.0) is True
    assert len(platform.profiles) == 2


def test_nothing_is_sent_twice_under_another_id(platform: FakePlatform, start: Start) -> None:
    def accept_but_lose_the_answer(handler: fakes.Handler) -> None:
        batch = json.loads(gzip.decompress(handler.body))
        platform.batches.append(batch)
        fakes.reset(handler)

    platform.behaviour = fakes.first(1, accept_but_lose_the_answer)
    start(flush_interval=3600)
    call(times=3)
    assert perfplatform_sdk.flush(5.0)
    assert len(platform.profiles) == 6
    assert len({profile["id"] for profile in platform.profiles}) == 3


def test_ledger_is_cumulative_and_its_sequence_grows(platform: FakePlatform, start: Start) -> None:
    start(flush_interval=3600)
    for expected in (1, 2, 3):
        call()
        assert perfplatform_sdk.flush(5.0)
        assert platform.entries()["call", "", "shop.price"]["count"] == expected
    documents = [document for batch in platform.batches for document in batch["ledger"]]
    assert (
        len({document["seq"] for document in documents if document["minute"] == documents[0]["minute"]}) >= 1
    )
    assert documents[-1]["seq"] == max(d["seq"] for d in documents if d["minute"] == documents[-1]["minute"])


def test_outage_loses_no_counts_and_keeps_the_newest_profiles(
    platform: FakePlatform, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.behaviour = fakes.status(503)
    start(flush_interval=3600, queue_items=4)
    for number in range(10):
        call(f"job {number}")
    assert perfplatform_sdk.flush(0.2) is False
    for number in range(10, 20):
        call(f"job {number}")
    platform.behaviour = fakes.accept
    assert perfplatform_sdk.flush(5.0)
    kept = [profile["endpoint"] for profile in platform.profiles]
    # Four that were on the way in the first batch, and the newest four.
    assert kept == [f"job {number}" for number in (6, 7, 8, 9, 16, 17, 18, 19)]
    assert perfplatform_sdk.flush(5.0)
    assert platform.dropped() == {"queue_full": 12}
    assert {entry["count"] for entry in platform.entries().values()} == {1}
    assert len(platform.entries()) == 20


def test_memory_is_bounded_while_the_platform_is_down(platform: FakePlatform, start: Start) -> None:
    platform.behaviour = fakes.status(500)
    start(queue_bytes=100_000)
    call(times=100)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(1_000):
            call(f"job {number % 300}")
        time.sleep(0.3)
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    outbox: Outbox = sending().transport._outbox
    assert outbox.size_bytes <= 100_000
    assert grown < 2_000_000
    assert sending().drops.counts()["queue_full"] > 100


def test_batch_that_never_arrives_is_given_up_and_counted(
    platform: FakePlatform, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "_GIVE_UP_AFTER_S", 0.3)
    platform.behaviour = fakes.status(500)
    start()
    call()
    platform.wait_for(lambda: sending().drops.counts() == {"send_failed": 1})
    platform.behaviour = fakes.accept
    platform.wait_for(lambda: platform.dropped() == {"send_failed": 1})
    assert platform.entries()["call", "", "shop.price"]["count"] == 1
    assert platform.profiles == []


def test_full_queue_is_sent_before_its_time(platform: FakePlatform, start: Start) -> None:
    start(flush_interval=3600)
    for number in range(250):
        call(f"job {number}")
    platform.wait_for(lambda: len(platform.profiles) >= 200)


def test_netrc_does_not_replace_the_key(
    platform: FakePlatform, start: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login someone password secret")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    start()
    call()
    platform.wait_for(lambda: bool(platform.batches))
    assert platform.keys == [f"Bearer {KEY}"] * len(platform.keys)


def test_second_init_replaces_the_first_and_loses_nothing(platform: FakePlatform, start: Start) -> None:
    start(flush_interval=3600, version="1")
    call("early")
    first = sending()
    start(flush_interval=3600, version="2")
    call("late")
    assert perfplatform_sdk.flush(5.0)
    platform.wait_for(lambda: len(platform.profiles) == 2)
    versions = {batch["profiles"][0]["endpoint"]: batch["version"]["name"] for batch in platform.batches}
    assert versions == {"early": "1", "late": "2"}
    assert sending().instance.id != first.instance.id
    platform.wait_for(lambda: not first.transport._thread.is_alive())


def test_profile_that_cannot_be_encoded_is_counted_and_the_rest_arrives(
    platform: FakePlatform, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(flush_interval=3600)
    call("fine")
    fine = list(sending().transport._outbox._raw)
    call("bad")
    for profile in sending().transport._outbox._raw:
        if profile not in fine:
            monkeypatch.setattr(profile.recording, "records", [(["a\0b\x001"], float("nan"))])
    assert perfplatform_sdk.flush(5.0)
    assert perfplatform_sdk.flush(5.0)
    assert [profile["endpoint"] for profile in platform.profiles] == ["fine"]
    assert platform.dropped() == {"internal_error": 1}


def test_errors_inside_stay_inside_and_are_counted(
    platform: FakePlatform, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(flush_interval=3600)

    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr("perfplatform_sdk.keeping.Keeping.wants", fail)
        patch.setattr("perfplatform_sdk.ledger.Ledger.add", fail)

        @perfplatform_sdk.profile
        def double(number: int) -> int:
            return 2 * number

        assert double(21) == 42
    assert perfplatform_sdk.flush(5.0)
    assert platform.dropped() == {"internal_error": 2}


def test_sending_goes_on_after_an_error_of_our_own(
    platform: FakePlatform, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    start()
    failing = [True]
    original = transport.make_batch

    def fail_once(*args: Any, **kwargs: Any) -> Any:
        if failing:
            failing.clear()
            raise ZeroDivisionError
        return original(*args, **kwargs)

    monkeypatch.setattr(transport, "make_batch", fail_once)
    call()
    platform.wait_for(lambda: not failing)
    platform.wait_for(lambda: platform.dropped().get("internal_error") == 1)
