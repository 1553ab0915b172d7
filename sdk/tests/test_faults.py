"""What becomes of recorded data, and of the app, while the platform does not work as it should."""

from __future__ import annotations

import gzip
import json
import os
import socket
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any, Callable

import fake_platform as fakes
import pytest
from fake_platform import KEY, FakePlatform

import perfplatform_sdk
from perfplatform_sdk import breaker, client, transport
from perfplatform_sdk.outbox import Outbox

Start = Callable[..., None]


@pytest.fixture
def start(start: Start) -> Start:
    """With an engine that sees short calls, and sending when a test asks for it."""
    return partial(start, engine="pyinstrument", interval=0.0001, flush_interval=3600)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_FIRST_AFTER_S", 3600.0)
    monkeypatch.setattr(transport, "_LOOK_EVERY_S", 0.02)
    monkeypatch.setattr(transport, "_REST_AFTER_ERROR_S", 0.02)
    monkeypatch.setattr(transport, "_HURRIED_PAUSE_S", 0.02)
    monkeypatch.setattr(breaker, "_FIRST_PAUSE_S", 0.05)
    monkeypatch.setattr(breaker, "_LONGEST_PAUSE_S", 0.1)


def call(name: str = "shop.price", times: int = 1) -> None:
    for _ in range(times):
        with perfplatform_sdk.profile(name):
            until = time.perf_counter() + 0.0003
            while time.perf_counter() < until:
                len(name)


def sending() -> client.Client:
    running = client.current()
    assert running is not None
    return running


def outbox() -> Outbox:
    return sending().transport._outbox


# --- The same again, until it arrives -----------------------------------------------------------------


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
    start(flush_interval=0.05)
    call()
    platform.wait_for(lambda: bool(platform.batches))
    assert len(platform.posts) >= 3
    assert platform.posts[0] == platform.posts[1] == platform.posts[2]
    assert len(platform.profiles) == 1
    assert len(warnings()) == 1
    assert "it is sent later" in warnings()[0]


def test_platform_that_is_down_gets_it_when_it_is_up(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    start(url=f"http://127.0.0.1:{port}/tools/perf")
    call()
    assert perfplatform_sdk.flush(0.3) is False
    late = FakePlatform(port)
    assert perfplatform_sdk.flush(8.0)
    late.close()
    assert late.faults == []
    assert len(late.profiles) == 1


PLATFORM_THAT_DIES = """
import os, socket, sys
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
connection, _ = server.accept()
print(connection.recv(64).decode(), flush=True)
os._exit(9)
"""


def test_platform_killed_in_the_middle_of_a_batch_gets_it_again(start: Start) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PLATFORM_THAT_DIES], stdout=subprocess.PIPE, text=True
    ) as dying:
        assert dying.stdout is not None
        port = int(dying.stdout.readline())
        start(url=f"http://127.0.0.1:{port}/tools/perf")
        call()
        assert perfplatform_sdk.flush(0.5) is False
        assert dying.stdout.readline().startswith("POST /tools/perf/api/v1/ingest/ ")
        assert dying.wait(10) == 9
    late = FakePlatform(port)
    assert perfplatform_sdk.flush(8.0)
    late.close()
    assert len(late.profiles) == 1


def test_nothing_is_sent_twice_under_another_id(platform: FakePlatform, start: Start) -> None:
    def accept_but_lose_the_answer(handler: fakes.Handler) -> None:
        platform.batches.append(json.loads(gzip.decompress(handler.body)))
        fakes.reset(handler)

    platform.behaviour = fakes.first(1, accept_but_lose_the_answer)
    start()
    call(times=3)
    assert perfplatform_sdk.flush(5.0)
    assert len(platform.profiles) == 6
    assert len({profile["id"] for profile in platform.profiles}) == 3
    assert platform.entries()["call", "", "shop.price"]["count"] == 3


def test_slow_platform_gets_it_once(platform: FakePlatform, start: Start) -> None:
    platform.behaviour = fakes.slow
    start()
    call()
    assert perfplatform_sdk.flush(8.0)
    assert len(platform.posts) == 1


@pytest.mark.parametrize("behaviour", [fakes.black_hole, fakes.endless], ids=["black hole", "endless"])
def test_platform_without_an_answer_holds_up_neither_the_app_nor_its_end(
    platform: FakePlatform, start: Start, behaviour: fakes.Behaviour
) -> None:
    platform.behaviour = behaviour
    start(flush_interval=0.05, engine="none")
    call()
    platform.wait_for(lambda: bool(platform.posts))
    began = time.perf_counter()
    call(times=100)
    assert time.perf_counter() - began < 2
    began = time.perf_counter()
    assert perfplatform_sdk.flush(0.1) is False
    perfplatform_sdk.shutdown(0.2)
    assert time.perf_counter() - began < 3


@pytest.mark.parametrize("code", [401, 403])
def test_key_that_is_not_accepted_ends_it_with_one_line_until_the_next_init(
    platform: FakePlatform, start: Start, code: int, warnings: Callable[[], list[str]]
) -> None:
    platform.behaviour = fakes.status(code)
    start(flush_interval=0.05)
    call()
    platform.wait_for(lambda: client.current() is None)
    call(times=5)
    time.sleep(0.1)
    assert len(platform.posts) == 1
    assert len(warnings()) == 1
    assert f"does not accept the key (status {code})" in warnings()[0]
    assert KEY not in warnings()[0]
    assert perfplatform_sdk.flush(1.0) is False
    platform.behaviour = fakes.accept
    start()
    call("again")
    assert perfplatform_sdk.flush(5.0)
    assert list(platform.entries()) == [("call", "", "again")]


# --- What is dropped, and that it is told -------------------------------------------------------------


@pytest.mark.parametrize("code", [400, 411, 413, 415, 422])
def test_refused_batch_is_dropped_counted_and_not_sent_again(
    platform: FakePlatform, start: Start, code: int
) -> None:
    platform.behaviour = fakes.first(1, fakes.status(code))
    start()
    call()
    assert perfplatform_sdk.flush(5.0)
    # The count arrives with the same flush, and with it the ledger: it is cumulative, nothing of it is lost.
    assert platform.dropped() == {"refused": 2}  # one profile, one ledger document
    assert platform.profiles == []
    assert platform.entries()["call", "", "shop.price"]["count"] == 1


def test_platform_that_refuses_everything_gets_no_more_than_a_few_batches(
    platform: FakePlatform, start: Start
) -> None:
    platform.behaviour = fakes.status(422)
    start()
    call()
    assert perfplatform_sdk.flush(5.0)
    assert len(platform.posts) == 3


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("too_late", "started_at is more than 6 h old"),
        ("quota", "the project has had its 500 profiles of this day (UTC)"),
    ],
)
def test_single_refused_items_are_final_and_counted(
    platform: FakePlatform, start: Start, warnings: Callable[[], list[str]], code: str, reason: str
) -> None:
    def refuse_one(handler: fakes.Handler) -> None:
        rejected = [{"list": "profiles", "index": 0, "code": code, "reason": reason}]
        handler.answer(202, {"code": 0, "msg": "", "data": {"accepted": 1, "rejected": rejected}})

    platform.behaviour = fakes.first(1, refuse_one)
    start()
    call()
    assert perfplatform_sdk.flush(5.0)
    assert platform.dropped() == {"refused": 1}
    assert platform.profiles == []
    assert reason in warnings()[0]


def test_outage_loses_no_counts_and_keeps_the_newest_profiles(platform: FakePlatform, start: Start) -> None:
    platform.behaviour = fakes.status(503)
    start(queue_items=4)
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
    assert platform.dropped() == {"queue_full": 12}
    assert {entry["count"] for entry in platform.entries().values()} == {1}
    assert len(platform.entries()) == 20


def test_last_profile_of_each_endpoint_is_dropped_last(platform: FakePlatform, start: Start) -> None:
    start(queue_items=5, keep_first=1000)
    for name in ("rare", "often", "seldom"):
        call(name)
    for _ in range(10):
        call("often")
    assert perfplatform_sdk.flush(5.0)
    kept = [profile["endpoint"] for profile in platform.profiles]
    assert sorted(kept) == ["often", "often", "often", "rare", "seldom"]
    assert platform.dropped() == {"queue_full": 8}


def test_memory_is_bounded_while_the_platform_is_down(platform: FakePlatform, start: Start) -> None:
    platform.behaviour = fakes.status(500)
    start(queue_bytes=100_000, keep_first=1000)
    for number in range(150):
        call(f"job {number % 30}")
    assert outbox().size_bytes <= 100_000
    assert len(outbox()) == len(outbox()._newest) + len(outbox()._superseded) < 10
    dropped = sending().drops.counts()["queue_full"]
    assert dropped > 100
    platform.behaviour = fakes.accept
    assert perfplatform_sdk.flush(8.0)
    assert platform.dropped() == {"queue_full": dropped}
    assert len(platform.profiles) == 150 - dropped


def test_batch_that_never_arrives_is_given_up_and_counted(
    platform: FakePlatform, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "_GIVE_UP_AFTER_S", 0.2)
    platform.behaviour = fakes.status(500)
    start(flush_interval=0.05)
    call()
    platform.wait_for(lambda: sending().drops.counts() == {"send_failed": 1})
    platform.behaviour = fakes.accept
    assert perfplatform_sdk.flush(5.0)
    assert platform.dropped() == {"send_failed": 1}
    assert platform.entries()["call", "", "shop.price"]["count"] == 1
    assert platform.profiles == []


# --- Errors of our own --------------------------------------------------------------------------------


def test_profile_that_cannot_be_encoded_is_counted_and_the_rest_arrives(
    platform: FakePlatform, start: Start
) -> None:
    start()
    call("fine")
    call("bad")
    (bad,) = (item for endpoint, item in outbox()._newest.items() if endpoint.name == "bad")
    assert bad.raw is not None
    bad.raw = bad.raw._replace(started_at=float("nan"))
    assert perfplatform_sdk.flush(5.0)
    assert [profile["endpoint"] for profile in platform.profiles] == ["fine"]
    assert platform.dropped() == {"internal_error": 1}


def test_errors_inside_stay_inside_and_are_counted(
    platform: FakePlatform, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    start()

    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr("perfplatform_sdk.client.Client.learn", fail)  # when it is named, and at its end

        @perfplatform_sdk.profile
        def double(number: int) -> int:
            return 2 * number

        assert double(21) == 42
    assert perfplatform_sdk.flush(5.0)
    assert platform.dropped() == {"internal_error": 2}


def test_sending_goes_on_after_an_error_of_our_own(
    platform: FakePlatform, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, failing = transport.make_batch, [True]

    def fail_once(*args: Any, **kwargs: Any) -> Any:
        if failing:
            failing.clear()
            raise ZeroDivisionError
        return original(*args, **kwargs)

    monkeypatch.setattr(transport, "make_batch", fail_once)
    start(flush_interval=0.05)
    call()
    platform.wait_for(lambda: not failing)
    platform.wait_for(lambda: platform.dropped().get("internal_error") == 2)  # the profile, and the attempt
    assert platform.entries()["call", "", "shop.price"]["count"] == 1


def test_a_thousand_threads_lose_no_count_and_leave_no_profiler(platform: FakePlatform, start: Start) -> None:
    start(engine="auto")
    left_behind = []

    def work() -> None:
        for _ in range(3):
            with perfplatform_sdk.profile("many"):
                pass
        left_behind.append(sys.getprofile())

    threads = [threading.Thread(target=work) for _ in range(1_000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert perfplatform_sdk.flush(8.0)
    assert platform.entries()["call", "", "many"]["count"] == 3_000
    assert left_behind == [None] * 1_000
    assert "internal_error" not in platform.dropped()


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["auto", "none"])
def test_memory_grows_little_over_100_000_requests_while_the_platform_is_down(
    tmp_path: Path, engine: str
) -> None:
    script = Path(__file__).with_name("down_for_long.py")
    result = subprocess.run(
        [sys.executable, str(script), engine],
        env={**os.environ, "PYTHONPATH": str(script.parents[1])},
        capture_output=True,
        text=True,
        timeout=600,
        cwd=tmp_path,
    )
    assert result.returncode == 0, result.stderr
    grown_mb, counted = result.stdout.split()
    assert float(grown_mb) < 30
    assert int(counted) == 100_000
