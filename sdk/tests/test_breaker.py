"""When to try again with a platform that does not answer as it should."""

from __future__ import annotations

import time
from functools import partial
from typing import Callable

import fake_platform as fakes
import pytest
from fake_platform import FakePlatform

import perfplatform_sdk
from perfplatform_sdk import breaker, client, transport
from perfplatform_sdk.transport import Transport

Start = Callable[..., None]


@pytest.fixture
def start(start: Start) -> Start:
    """With an engine that sees short calls, and sending when a test asks for it."""
    return partial(start, engine="pyinstrument", interval=0.0001, flush_interval=3600)


def call(name: str = "shop.price") -> None:
    with perfplatform_sdk.profile(name):
        until = time.perf_counter() + 0.0003
        while time.perf_counter() < until:
            len(name)


def sending() -> Transport:
    running = client.current()
    assert running is not None
    return running.transport


def test_while_the_circuit_is_open_nothing_is_made_or_posted_and_then_one_probe_decides(
    platform: FakePlatform, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker, "_FIRST_PAUSE_S", 600.0)
    monkeypatch.setattr(breaker, "_LONGEST_PAUSE_S", 600.0)
    monkeypatch.setattr(transport, "_LOOK_EVERY_S", 0.02)
    platform.behaviour = fakes.status(500)
    start(flush_interval=0.05, queue_items=20)
    call()
    platform.wait_for(lambda: sending()._breaker.is_open())
    for number in range(25):
        call(f"job {number}")
    time.sleep(0.2)
    assert len(platform.posts) == 1
    assert all(item.body is None for item in sending()._outbox._newest.values())
    # The pause is over, and the platform is as it was: one attempt, then a pause again.
    sending()._breaker.until = 0.0
    platform.wait_for(lambda: sending()._breaker.is_open())
    assert len(platform.posts) == 2
    assert platform.posts[0] == platform.posts[1]
    platform.behaviour = fakes.accept
    sending()._breaker.until = 0.0
    platform.wait_for(lambda: len(platform.profiles) == 21)
    assert platform.posts[2] == platform.posts[0]
    assert not sending()._breaker.is_open()


def test_pauses_grow_and_are_never_shorter_than_the_platform_asks_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(breaker, "_FIRST_PAUSE_S", 1.0)
    monkeypatch.setattr(breaker, "_LONGEST_PAUSE_S", 60.0)
    circuit = breaker.Breaker()
    for most in [1, 2, 4, 8, 16, 32, 60, 60]:
        circuit.fail(0.0)
        assert most * 0.45 < circuit.until - time.monotonic() <= most
    circuit.fail(400.0)
    assert 390 < circuit.until - time.monotonic() <= 400
    circuit.succeed()
    assert not circuit.is_open()
    circuit.fail(0.0)
    assert circuit.until - time.monotonic() <= 1


@pytest.mark.parametrize("code", [429, 503])
def test_who_waits_for_the_end_keeps_to_retry_after(platform: FakePlatform, start: Start, code: int) -> None:
    platform.behaviour = fakes.status(code, Retry_After="60")
    start()
    call()
    began = time.monotonic()
    assert perfplatform_sdk.flush(30.0) is False
    assert time.monotonic() - began < 20
    assert len(platform.posts) == 1
