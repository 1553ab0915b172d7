"""What a request has done on other threads is seen in its recording, and in no other."""

from __future__ import annotations

import asyncio
import pickle
import threading
import time
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any, Callable

import anyio.to_thread
import pytest
from asgiref.sync import sync_to_async
from fake_platform import FakePlatform

import perfplatform_sdk
from perfplatform_sdk import profile
from perfplatform_sdk.event_loop import current_task
from perfplatform_sdk.integrations import threads
from perfplatform_sdk.recorder import Record, begin, current_record

Start = Callable[..., None]


def marker_one() -> int:
    time.sleep(0.1)
    return threading.get_ident()


def marker_two() -> int:
    time.sleep(0.1)
    return threading.get_ident()


async def serve(name: str, work: Callable[[], Any]) -> Any:
    """A request, as an integration records it."""
    record = begin("request", "GET", task=current_task())
    assert record is not None
    threads.follow()
    record.name(name)
    try:
        return await work()
    finally:
        record.status = 200
        record.end()


def recorded(platform: FakePlatform) -> dict[str, set[str]]:
    """The names of functions in the profile of each endpoint."""
    assert perfplatform_sdk.flush(5.0)
    found: dict[str, set[str]] = {}
    for one in platform.profiles:
        session = one["session"]
        names = {session["strings"][frame[0]] for frame in session["frames"] if isinstance(frame, list)}
        found.setdefault(one["endpoint"], set()).update(names)
    return found


def in_the_default_executor(marker: Callable[[], int]) -> Any:
    return asyncio.get_running_loop().run_in_executor(None, marker)


def in_an_executor(marker: Callable[[], int]) -> Any:
    async def run() -> int:
        with ThreadPoolExecutor(1) as pool:
            return await asyncio.get_running_loop().run_in_executor(pool, marker)

    return run()


WAYS: dict[str, Callable[[Callable[[], int]], Any]] = {
    "anyio": lambda marker: anyio.to_thread.run_sync(marker),
    "asyncio.to_thread": lambda marker: asyncio.to_thread(marker),
    "the loop's executor": in_the_default_executor,
    "an executor": in_an_executor,
    "sync_to_async": lambda marker: sync_to_async(marker)(),
    "sync_to_async of any thread": lambda marker: sync_to_async(marker, thread_sensitive=False)(),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_function_on_another_thread_belongs_to_its_request(
    way: Callable[[Callable[[], int]], Any], platform: FakePlatform, start: Start
) -> None:
    start(slow_threshold=0.01)

    async def both() -> list[int]:
        return await asyncio.gather(
            serve("/one", lambda: way(marker_one)), serve("/two", lambda: way(marker_two))
        )

    assert threading.get_ident() not in asyncio.run(both())
    found = recorded(platform)
    assert "marker_one" in found["/one"]
    assert "marker_two" in found["/two"]
    assert "marker_two" not in found["/one"]
    assert "marker_one" not in found["/two"]


def test_record_is_known_on_the_other_thread_and_not_after_it(platform: FakePlatform, start: Start) -> None:
    start()
    seen: list[Any] = []
    pool = ThreadPoolExecutor(1)

    @profile("inner")
    def work() -> None:
        seen.append(current_record().outer)  # type: ignore[union-attr]

    async def request() -> None:
        seen.append(current_record())
        await asyncio.get_running_loop().run_in_executor(pool, work)
        await anyio.to_thread.run_sync(work)

    with pool:
        asyncio.run(serve("/", request))
        assert pool.submit(current_record).result() is None
    assert seen == [seen[0]] * 3
    assert seen[0] is not None
    assert perfplatform_sdk.flush(5.0)
    assert platform.entries()["call", "", "inner"]["count"] == 2


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_results_exceptions_and_arguments_are_the_same(
    way: Callable[[Callable[[], int]], Any], platform: FakePlatform, start: Start
) -> None:
    start()
    error = LookupError("nothing there")

    def fails() -> int:
        raise error

    async def request() -> None:
        assert await way(lambda: 42) == 42
        with pytest.raises(LookupError) as caught:
            await way(fails)
        assert caught.value is error

    asyncio.run(serve("/", request))


def test_arguments_reach_the_function(platform: FakePlatform, start: Start) -> None:
    start()

    def echo(*args: Any, **kwargs: Any) -> tuple[Any, ...]:
        return (*args, kwargs)

    async def request() -> None:
        loop = asyncio.get_running_loop()
        assert await loop.run_in_executor(None, echo, 1, 2) == (1, 2, {})
        assert await asyncio.to_thread(echo, 1, function=2, record=3) == (1, {"function": 2, "record": 3})
        assert await anyio.to_thread.run_sync(echo, 1, 2, limiter=anyio.CapacityLimiter(1)) == (1, 2, {})
        with threads.follow_into(ThreadPoolExecutor(1)) as pool:
            future = pool.submit(echo, 1, pool=2, function=3)
            assert await asyncio.wrap_future(future) == (1, {"pool": 2, "function": 3})
            assert list(pool.map(echo, [1], [2])) == [(1, 2, {})]

    asyncio.run(serve("/", request))


def test_coroutine_function_is_refused_by_the_executor_as_without_us(
    platform: FakePlatform, start: Start
) -> None:
    start()

    async def coroutine() -> None:
        pass

    async def request() -> None:
        with pytest.raises(TypeError, match="coroutines cannot be used with run_in_executor"):
            await asyncio.get_running_loop().run_in_executor(None, coroutine)

    asyncio.run(serve("/", request), debug=True)


def triple(number: int) -> int:
    return 3 * number


class PicklingExecutor(Executor):
    """Does to its work what a pool of processes does, without starting any."""

    def submit(self, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        function, args, kwargs = pickle.loads(pickle.dumps((function, args, kwargs)))  # noqa: S301 - our own
        future: Future[Any] = Future()
        future.set_result(function(*args, **kwargs))
        return future


def test_process_pools_get_what_they_can_pickle(platform: FakePlatform, start: Start) -> None:
    start()

    async def request() -> int:
        return await asyncio.get_running_loop().run_in_executor(PicklingExecutor(), triple, 14)

    assert asyncio.run(serve("/", request)) == 42


def test_thread_pool_is_followed_into_where_it_is_wished(platform: FakePlatform, start: Start) -> None:
    start(engine="sampler", slow_threshold=0.01)
    pool = ThreadPoolExecutor(2)
    assert threads.follow_into(threads.follow_into(pool)) is pool

    def request(name: str, marker: Callable[[], int], pool: ThreadPoolExecutor) -> None:
        record = begin("request", "GET")
        assert record is not None
        record.name(name)
        pool.submit(marker).result()
        record.end()

    request("/one", marker_one, pool)
    with pool, ThreadPoolExecutor(1) as other:
        request("/two", marker_two, other)
        assert pool.submit(current_record).result() is None
    found = recorded(platform)
    assert "marker_one" in found["/one"]
    assert "marker_two" not in found["/two"]


def test_setting_follows_into_all_thread_pools(
    platform: FakePlatform, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ThreadPoolExecutor, "submit", ThreadPoolExecutor.submit)  # puts it back afterwards
    start(thread_pools=True)
    threads.follow()
    with ThreadPoolExecutor(1) as pool:
        record = begin("request", "GET")
        assert pool.submit(current_record).result() is record
        assert list(pool.map(lambda _: current_record(), range(2))) == [record, record]
        assert isinstance(record, Record)
        record.end()
        assert pool.submit(current_record).result() is None


def test_work_that_outlives_its_request_is_left_alone(platform: FakePlatform, start: Start) -> None:
    start()
    go_on = threading.Event()
    future: Future[Any] = Future()

    def late() -> None:
        go_on.wait(10)
        future.set_result(current_record())

    async def request() -> None:
        asyncio.get_running_loop().run_in_executor(None, late)

    async def main() -> None:
        await serve("/", request)
        go_on.set()
        assert await asyncio.wrap_future(future) is None

    asyncio.run(main())


def test_functions_are_replaced_once_and_any_event_loop_will_do(platform: FakePlatform, start: Start) -> None:
    start(slow_threshold=0.01)

    class Loop(asyncio.SelectorEventLoop):  # type: ignore[name-defined,misc]
        def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:
            return super().run_in_executor(executor, func, *args)

    loop = Loop()
    try:
        before = anyio.to_thread.run_sync
        for _ in range(2):
            loop.run_until_complete(serve("/one", lambda: in_the_default_executor(marker_one)))
        followed = Loop.run_in_executor
        threads.follow()
        assert Loop.run_in_executor is followed
        assert before is anyio.to_thread.run_sync or before is anyio.to_thread.run_sync.__wrapped__  # type: ignore[attr-defined]
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()
    assert "marker_one" in recorded(platform)["/one"]
