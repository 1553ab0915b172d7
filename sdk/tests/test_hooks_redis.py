from __future__ import annotations

import asyncio
import sys
import traceback
import uuid
from collections.abc import Iterator
from typing import Any, Callable

import pytest
import redis
import redis.asyncio
from counted import Count, Counts, a_request, server_address

from perfplatform_sdk import hooks

KEY = f"perfplatform-sdk:{uuid.uuid4().hex}"


@pytest.fixture(autouse=True)
def hooked(start: Callable[..., None]) -> Iterator[None]:
    start(engine="none", statement_shapes=True)
    yield
    hooks.uninstall()


@pytest.fixture
def client() -> Iterator[Any]:
    """A client that is connected already."""
    with redis.Redis.from_url(server_address("REDIS_URL"), decode_responses=True) as client:
        client.set(KEY, "secret", ex=600)
        yield client
        client.delete(KEY)


def look_up(client: Any) -> Any:
    return client.get(KEY)


def test_commands_are_counted_with_their_caller(client: Any) -> None:
    with a_request() as counts:
        assert [look_up(client) for _ in range(3)] == ["secret"] * 3
        assert client.exists(KEY) == 1
        assert client.execute_command(f"GET {KEY}") == "secret"
    here = test_commands_are_counted_with_their_caller.__name__
    assert counts.rows == [
        Count("db", "look_up", "GET", 3),
        Count("db", here, "EXISTS", 1),
        Count("db", here, "GET", 1),
    ]
    assert counts.times_us["GET"] > 0


def test_outside_a_request_nothing_is_counted(client: Any) -> None:
    look_up(client)
    with a_request() as counts:
        pass
    look_up(client)
    assert counts.rows == []


def test_pipeline_is_counted_as_one(client: Any) -> None:
    with a_request() as counts:
        with client.pipeline() as pipeline:
            assert pipeline.get(KEY).exists(KEY).execute() == ["secret", 1]
        with client.pipeline(transaction=False) as pipeline:
            assert pipeline.get(KEY).execute() == ["secret"]
            assert pipeline.execute() == []  # sends nothing
    assert counts.shapes() == [("PIPELINE", 2)]


def test_what_a_pipeline_sends_at_once_is_counted(client: Any) -> None:
    with a_request() as counts, client.pipeline() as pipeline:
        pipeline.watch(KEY)
        assert pipeline.get(KEY) == "secret"
        pipeline.multi()
        assert pipeline.exists(KEY).execute() == [1]
    assert counts.shapes() == [("WATCH", 1), ("GET", 1), ("PIPELINE", 1)]


def test_failing_command_is_counted_and_raises_as_ever(client: Any) -> None:
    with a_request() as counts, pytest.raises(redis.ResponseError, match="WRONGTYPE") as caught:
        client.lpush(KEY, "x")
    assert counts.shapes() == [("LPUSH", 1)]
    ours = [frame for frame in traceback.extract_tb(caught.tb) if "perfplatform_sdk" in frame.filename]
    # Before Python 3.11 a frame can't be taken out of a traceback.
    assert len(ours) == (0 if sys.version_info >= (3, 11) else 1)


def test_server_that_is_gone_is_counted() -> None:
    with (
        redis.Redis(port=1, socket_connect_timeout=1, retry=None) as client,
        a_request() as counts,
        pytest.raises(redis.ConnectionError),
    ):
        client.ping()
    assert counts.shapes() == [("PING", 1)]


def test_concurrent_tasks_are_told_apart(client: Any) -> None:
    async def serve(asynchronous: Any, times: int) -> Counts:
        with a_request() as counts:
            for _ in range(times):
                assert await asynchronous.get(KEY) == "secret"
            async with asynchronous.pipeline() as pipeline:
                assert await pipeline.get(KEY).exists(KEY).execute() == ["secret", 1]
        return counts

    async def serve_all() -> list[Counts]:
        async with redis.asyncio.from_url(server_address("REDIS_URL"), decode_responses=True) as asynchronous:
            return await asyncio.gather(*(serve(asynchronous, times) for times in (1, 2, 3)))

    assert [counts.rows for counts in asyncio.run(serve_all())] == [
        [Count("db", "serve", "GET", times), Count("db", "serve", "PIPELINE", 1)] for times in (1, 2, 3)
    ]


def test_cancellation_passes_through_and_the_command_is_counted(client: Any) -> None:
    async def serve() -> Counts:
        async with redis.asyncio.from_url(server_address("REDIS_URL")) as asynchronous:
            with a_request() as counts:
                task = asyncio.ensure_future(asynchronous.blpop(f"{KEY}:empty", timeout=30))
                await asyncio.sleep(0.1)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                assert await asynchronous.exists(KEY) == 1
        return counts

    assert asyncio.run(serve()).shapes() == [("BLPOP", 1), ("EXISTS", 1)]


def test_methods_are_as_before_after_uninstall() -> None:
    hooks.uninstall()
    owners = [redis.Redis, redis.client.Pipeline, redis.asyncio.Redis, redis.asyncio.client.Pipeline]
    before = [dict(vars(owner)) for owner in owners]
    hooks.install()
    assert [dict(vars(owner)) for owner in owners] != before
    hooks.uninstall()
    assert [dict(vars(owner)) for owner in owners] == before
