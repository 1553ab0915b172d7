"""Limits on the real Redis of the tests."""

from __future__ import annotations

import dataclasses
import logging
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
from pytest_django.fixtures import Settings

from perfplatform import throttle
from perfplatform.throttle import Bucket


@pytest.fixture
def name() -> str:
    return uuid.uuid4().hex


@pytest.fixture
def lost_redis(settings: Settings) -> Iterator[None]:
    """Nothing listens where Redis should be."""
    settings.ENVIRONMENT = dataclasses.replace(
        settings.ENVIRONMENT, redis_url="redis://:secret@127.0.0.1:1/0"
    )
    yield
    throttle._Pause.until = 0.0


def test_limit_is_met_exactly_and_says_how_long_to_wait(name: str) -> None:
    bucket = Bucket(name, 3, seconds=600)
    assert [throttle.take(bucket) for _ in range(3)] == [0, 0, 0]
    # One drips through every 200 s.
    assert 190 < throttle.take(bucket) <= 200


def test_buckets_are_apart(name: str) -> None:
    first, second = Bucket(name, 1, 600), Bucket(f"{name}-2", 1, 600)
    assert throttle.take(first) == 0
    assert throttle.take(first) > 0
    assert throttle.take(second) == 0


def test_refused_request_takes_nothing_out_of_the_other_bucket(name: str) -> None:
    empty, wide = Bucket(name, 1, 600), Bucket(f"{name}-2", 2, 600)
    assert throttle.take(empty, wide) == 0
    assert throttle.take(empty, wide) > 0
    assert throttle.take(wide) == 0
    assert throttle.take(wide) > 0


def test_bucket_fills_again(name: str) -> None:
    bucket = Bucket(name, 1, seconds=1)
    assert throttle.take(bucket) == 0
    wait_s = throttle.take(bucket)
    assert wait_s == 1
    threading.Event().wait(wait_s)
    assert throttle.take(bucket) == 0


def test_given_back_is_full_again(name: str) -> None:
    bucket = Bucket(name, 1, 600)
    throttle.take(bucket)
    throttle.give_back(bucket)
    assert throttle.take(bucket) == 0


def test_zero_is_no_limit(name: str) -> None:
    assert not any(throttle.take(Bucket(name, 0)) for _ in range(100))


def test_many_at_once_get_no_more_than_the_limit(name: str) -> None:
    bucket = Bucket(name, 25, 600)
    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(lambda _: throttle.take(bucket), range(100)))
    assert waits.count(0) == 25


def test_nothing_stays_in_redis(name: str, settings: Settings) -> None:
    throttle.take(Bucket(name, 10, 60))
    with redis.Redis.from_url(settings.ENVIRONMENT.redis_url) as client:
        [key] = client.keys(f"*{name}*")
        assert 0 < client.pttl(key) <= 6_000


def test_one_round_trip_a_request(name: str, settings: Settings) -> None:
    buckets = [Bucket(name, 10), Bucket(f"{name}-2", 10)]
    throttle.take(*buckets)
    with redis.Redis.from_url(settings.ENVIRONMENT.redis_url) as client, client.monitor() as monitor:
        throttle.take(*buckets)
        client.echo(name)
        sent = []
        for command in monitor.listen():
            if command["command"] == f"ECHO {name}":
                break
            if name in command["command"] and command["client_type"] != "lua":
                sent.append(command["command"])
    assert len(sent) == 1
    assert sent[0].startswith("EVALSHA")


def test_nothing_is_limited_while_redis_is_away(
    name: str, lost_redis: None, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert not any(throttle.take(Bucket(name, 1, 600)) for _ in range(20))
        throttle.give_back(Bucket(name, 1))
    # Asked once, then left alone for a while.
    assert sum("nothing is throttled" in record.message for record in caplog.records) == 1
    assert "secret" not in caplog.text
    assert not throttle.works()


def test_limits_hold_again_once_redis_is_back(name: str) -> None:
    bucket = Bucket(name, 1, 600)
    throttle._Pause.until = float("inf")
    assert [throttle.take(bucket), throttle.take(bucket)] == [0, 0]
    assert throttle.works()
    assert throttle.take(bucket) == 0
    assert throttle.take(bucket) > 0
