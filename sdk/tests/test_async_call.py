"""`@profile` on coroutine functions and generators of both kinds, and `async with profile(...)`."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import inspect
import sys
import time
import weakref
from collections.abc import AsyncIterator, Iterator
from typing import Any, Callable

import pytest
from fake_platform import FakePlatform

import perfplatform_sdk
from perfplatform_sdk import profile
from perfplatform_sdk.recorder import current_record

Start = Callable[..., None]


def sent_of(platform: FakePlatform) -> dict[str, tuple[int, int]]:
    """What arrived: count and errors by name."""
    assert perfplatform_sdk.flush(5.0)
    return {route: (entry["count"], entry["errors"]) for (_, _, route), entry in platform.entries().items()}


@profile("coroutine")
async def coroutine(*args: Any, fails: BaseException | None = None) -> Any:
    """Waits a little."""
    await asyncio.sleep(0.02)
    if fails is not None:
        raise fails
    return args


def talk(log: list[Any]) -> Iterator[Any]:
    """Says what it hears, notes what happens to it, and answers to a LookupError."""
    heard = None
    try:
        while heard != "stop":
            try:
                heard = yield ("heard", heard)
            except LookupError as error:
                log.append(("caught", error, error.__context__))
            log.append(("handling", sys.exc_info()[0]))
    finally:
        log.append("left")
    return "the end"


async def talk_async(log: list[Any]) -> AsyncIterator[Any]:
    heard = None
    try:
        while heard != "stop":
            await asyncio.sleep(0)
            try:
                heard = yield ("heard", heard)
            except LookupError as error:
                log.append(("caught", error, error.__context__))
            log.append(("handling", sys.exc_info()[0]))
    finally:
        await asyncio.sleep(0)
        log.append("left")


def stubborn() -> Iterator[int]:
    with contextlib.suppress(GeneratorExit):
        yield 1
    yield 2


async def stubborn_async() -> AsyncIterator[int]:
    with contextlib.suppress(GeneratorExit):
        yield 1
    yield 2


def test_functions_stay_what_they_are(platform: FakePlatform, start: Start) -> None:
    for _ in range(2):
        assert inspect.iscoroutinefunction(coroutine)
        assert inspect.isgeneratorfunction(profile(talk))
        assert inspect.isasyncgenfunction(profile(talk_async))
        assert (coroutine.__name__, coroutine.__doc__) == ("coroutine", "Waits a little.")
        assert list(inspect.signature(profile(talk)).parameters) == ["log"]
        start()


def test_coroutine_is_one_call_and_gives_its_result(platform: FakePlatform, start: Start) -> None:
    assert asyncio.run(coroutine(1, 2)) == (1, 2)
    start(slow_threshold=0.001)
    assert asyncio.run(coroutine(1, 2)) == (1, 2)
    assert sent_of(platform) == {"coroutine": (1, 0)}
    (recorded,) = platform.profiles
    assert (recorded["kind"], recorded["endpoint"]) == ("call", "coroutine")
    assert recorded["duration_us"] >= 20_000
    assert "sleep" in recorded["session"]["strings"]


def test_exception_of_a_coroutine_passes_through_and_is_an_error(
    platform: FakePlatform, start: Start
) -> None:
    start()
    error = LookupError("nothing")
    with pytest.raises(LookupError) as caught:
        asyncio.run(coroutine(fails=error))
    assert caught.value is error
    assert error.__context__ is None
    assert sent_of(platform) == {"coroutine": (1, 1)}


def test_cancelled_coroutine_is_no_error(platform: FakePlatform, start: Start) -> None:
    start()

    async def main() -> None:
        task = asyncio.ensure_future(coroutine())
        await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        closed = coroutine()
        closed.close()  # never awaited, never a call
        running = coroutine()
        running.send(None)
        running.close()

    asyncio.run(main())
    assert sent_of(platform) == {"coroutine": (2, 0)}


def test_coroutines_at_once_keep_apart(platform: FakePlatform, start: Start) -> None:
    start()

    @profile("outer")
    async def outer(number: int) -> bool:
        record = current_record()
        await asyncio.sleep(0.001)
        (inner,) = await coroutine(number)
        return inner == number and current_record() is record and record is not None

    async def main() -> list[bool]:
        return await asyncio.gather(*(outer(number) for number in range(50)))

    assert all(asyncio.run(main()))
    assert sent_of(platform) == {"outer": (50, 0), "coroutine": (50, 0)}


def test_async_with_is_a_call_and_may_be_used_by_many_at_once(platform: FakePlatform, start: Start) -> None:
    start()
    block = profile("block")

    async def work(number: int) -> None:
        async with block:
            await asyncio.sleep(0.005)
            if number == 0:
                raise LookupError

    async def main() -> list[Any]:
        return await asyncio.gather(*(work(number) for number in range(10)), return_exceptions=True)

    results = asyncio.run(main())
    assert [type(result) for result in results] == [LookupError] + [type(None)] * 9
    assert sent_of(platform) == {"block": (10, 1)}


def converse(function: Callable[[list[Any]], Any]) -> list[Any]:
    """All that happens when a generator is sent to, thrown into, closed and exhausted."""
    seen: list[Any] = []
    error = LookupError("here")
    dialogue = function(seen)
    seen.append(next(dialogue))
    try:
        raise KeyError("around")
    except KeyError:
        seen.append(dialogue.send("hello"))
        seen.append(dialogue.throw(error))
    seen.append(next(dialogue))
    with pytest.raises(StopIteration) as stopped:
        dialogue.send("stop")
    seen.append(stopped.value.value)
    with pytest.raises(StopIteration):
        next(dialogue)
    early = function(seen)
    next(early)
    seen.append(early.close())
    unhandled = function(seen)
    next(unhandled)
    with pytest.raises(OSError, match="not for it"):
        unhandled.throw(OSError("not for it"))
    with pytest.raises(ValueError, match="before it began"):
        function(seen).throw(ValueError("before it began"))
    with pytest.raises(TypeError, match="can't send non-None"):
        function(seen).send(1)
    function(seen).close()
    # `repr` for exceptions, which are equal only to themselves.
    return [tuple(map(repr, one)) if isinstance(one, tuple) else one for one in seen]


async def converse_async(function: Callable[[list[Any]], Any]) -> list[Any]:
    """The same with an asynchronous generator."""
    seen: list[Any] = []
    error = LookupError("here")
    dialogue = function(seen)
    seen.append(await dialogue.__anext__())
    try:
        raise KeyError("around")
    except KeyError:
        seen.append(await dialogue.asend("hello"))
        seen.append(await dialogue.athrow(error))
    seen.append(await dialogue.__anext__())
    with pytest.raises(StopAsyncIteration):
        await dialogue.asend("stop")
    with pytest.raises(StopAsyncIteration):
        await dialogue.__anext__()
    early = function(seen)
    await early.__anext__()
    seen.append(await early.aclose())
    unhandled = function(seen)
    await unhandled.__anext__()
    with pytest.raises(OSError, match="not for it"):
        await unhandled.athrow(OSError("not for it"))
    with pytest.raises(TypeError, match="can't send non-None"):
        await function(seen).asend(1)
    await function(seen).aclose()
    return [tuple(map(repr, one)) if isinstance(one, tuple) else one for one in seen]


def test_generator_behaves_as_without_us(platform: FakePlatform, start: Start) -> None:
    expected = converse(talk)
    assert "left" in expected
    assert converse(profile("talk")(talk)) == expected  # nothing is recorded
    start()
    assert converse(profile("talk")(talk)) == expected
    # Those which never began are no calls.
    assert sent_of(platform) == {"talk": (3, 1)}


def test_async_generator_behaves_as_without_us(platform: FakePlatform, start: Start) -> None:
    expected = asyncio.run(converse_async(talk_async))
    assert "left" in expected
    assert asyncio.run(converse_async(profile("talk")(talk_async))) == expected
    start()
    assert asyncio.run(converse_async(profile("talk")(talk_async))) == expected
    assert sent_of(platform) == {"talk": (3, 1)}


def test_exception_thrown_into_a_generator_is_not_kept(platform: FakePlatform, start: Start) -> None:
    """Without the garbage collector, which circles would keep busy."""
    start()

    class NotForIt(Exception):
        pass

    def throw_into_one() -> Any:
        generator = profile(talk)([])
        next(generator)
        error = NotForIt()
        reference = weakref.ref(error)
        with contextlib.suppress(NotForIt):
            generator.throw(error)
        del error  # its traceback leads to this very frame
        return reference

    gc.disable()
    try:
        assert throw_into_one()() is None
    finally:
        gc.enable()


def test_generator_that_ignores_its_end_is_told_so(platform: FakePlatform, start: Start) -> None:
    start()

    async def close_async() -> None:
        generator = profile(stubborn_async)()
        await generator.__anext__()
        with pytest.raises(RuntimeError, match="ignored GeneratorExit"):
            await generator.aclose()

    generator = profile(stubborn)()
    next(generator)
    with pytest.raises(RuntimeError, match="ignored GeneratorExit"):
        generator.close()
    asyncio.run(close_async())


def test_event_loop_closes_at_its_end_what_is_left_without_a_word(
    platform: FakePlatform, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    start()
    log: list[Any] = []
    left: list[Any] = []

    async def main() -> None:
        for _ in range(10):
            left.append(profile("talk")(talk_async)(log))
            await left[-1].__anext__()

    asyncio.run(main())
    assert log == ["left"] * 10
    assert caplog.records == []
    assert sent_of(platform) == {"talk": (10, 0)}


def test_generator_delegates_and_is_delegated_to(platform: FakePlatform, start: Start) -> None:
    start()

    @profile("inner")
    def inner() -> Iterator[int]:
        got = yield 1
        return got

    @profile("outer")
    def outer() -> Iterator[int]:
        result = yield from inner()
        yield result * 2

    generator = outer()
    assert [next(generator), generator.send(21)] == [1, 42]
    assert list(generator) == []
    assert sent_of(platform) == {"inner": (1, 0), "outer": (1, 0)}


def test_thread_leaves_a_suspended_generator(platform: FakePlatform, start: Start) -> None:
    start(engine="sampler", slow_threshold=0.001)

    @profile("numbers")
    def numbers() -> Iterator[Any]:
        for _ in range(2):
            time.sleep(0.03)
            yield current_record()

    generator = numbers()
    record = next(generator)
    assert record is not None
    assert current_record() is None
    with profile("meanwhile"):
        meanwhile = current_record()
        assert meanwhile is not None
        assert next(generator) is record
        assert current_record() is meanwhile
    assert not record.ended
    assert next(generator, None) is None
    assert record.ended
    assert sent_of(platform) == {"numbers": (1, 0), "meanwhile": (1, 0)}
    durations = {one["endpoint"]: one["duration_us"] for one in platform.profiles}
    assert durations["numbers"] >= 60_000
    # The first step ran on its own; the second one within the other call, in whose tree it is.
    trees = {one["endpoint"]: one["session"]["strings"] for one in platform.profiles}
    assert "numbers" in trees["meanwhile"]
    assert "numbers" in trees["numbers"]


def test_async_generator_may_be_finished_by_another_task(platform: FakePlatform, start: Start) -> None:
    start()
    log: list[Any] = []

    async def main() -> None:
        generator = profile("talk")(talk_async)(log)
        assert await generator.__anext__() == ("heard", None)
        assert current_record() is None
        await asyncio.ensure_future(generator.asend("on"))
        with pytest.raises(StopAsyncIteration):
            await asyncio.ensure_future(generator.asend("stop"))

    asyncio.run(main())
    assert log[-1] == "left"
    assert sent_of(platform) == {"talk": (1, 0)}


def test_generators_that_nobody_finishes_are_closed_and_counted(platform: FakePlatform, start: Start) -> None:
    start()
    log: list[Any] = []

    async def main() -> None:
        async for _ in profile("async talk")(talk_async)(log):
            break
        gc.collect()
        for _ in range(5):
            await asyncio.sleep(0)

    for _ in profile("talk")(talk)(log):
        break
    gc.collect()
    asyncio.run(main())
    assert log == ["left", "left"]
    assert sent_of(platform) == {"talk": (1, 0), "async talk": (1, 0)}
