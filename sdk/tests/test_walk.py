"""Stacks that another thread reads: of running threads, and of coroutines that wait."""

from __future__ import annotations

import asyncio
import sys
import threading
import weakref
from collections.abc import AsyncIterator, Generator, Iterator
from typing import Any

from perfplatform_sdk.engines import walk
from perfplatform_sdk.engines.naming import line_of


def functions(stack: walk.Stack) -> list[str]:
    return [code.co_name for code in stack[::2]]


def test_stack_of_a_running_thread_leads_from_the_innermost_function_out() -> None:
    ready, go_on = threading.Event(), threading.Event()

    def inner() -> None:
        ready.set()
        go_on.wait(10)

    def outer() -> None:
        inner()

    thread = threading.Thread(target=outer)
    thread.start()
    assert ready.wait(10)
    assert thread.ident
    stack = walk.running(sys._current_frames()[thread.ident])
    go_on.set()
    thread.join()
    names = functions(stack)
    assert names[names.index("inner") : names.index("inner") + 3] == ["inner", "outer", "run"]
    assert names[-1] == "_bootstrap"


def test_stack_ends_with_the_frame_that_is_named() -> None:
    def inner() -> list[Any]:
        return walk.running(sys._getframe(), outer_frame[0])

    def outer() -> list[Any]:
        outer_frame.append(sys._getframe())
        return inner()

    outer_frame: list[Any] = []
    assert functions(outer()) == ["inner", "outer"]


def test_offsets_lead_to_the_lines_that_run() -> None:
    def deep(levels: int) -> tuple[list[int], list[int]]:
        if levels:
            return deep(levels - 1)
        lines, frame = [], sys._getframe()
        stack = walk.running(frame)
        here: Any = frame
        while here is not None:
            lines.append(here.f_lineno)
            here = here.f_back
        return [line_of(*stack[index : index + 2]) for index in range(0, len(stack), 2)], lines

    read, true = deep(5)
    # The innermost frame has gone on by some lines in between.
    assert read[1:] == true[1:]
    assert len(read) == len(true)


def test_depth_is_bounded() -> None:
    def deep(levels: int) -> walk.Stack:
        return deep(levels - 1) if levels else walk.running(sys._getframe())

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(5_000)
    try:
        assert len(deep(3_000)) == 2 * walk.MAX_DEPTH
    finally:
        sys.setrecursionlimit(limit)


class Awaitable:
    def __await__(self) -> Generator[Any, None, None]:
        yield from asyncio.sleep(10).__await__()


async def wait() -> None:
    await Awaitable()


async def numbers() -> AsyncIterator[int]:
    await wait()
    yield 1


async def consume() -> None:
    async for _ in numbers():
        return


def test_chain_of_waiting_coroutines_goes_through_generators_and_awaitables() -> None:
    async def main() -> walk.Stack:
        task = asyncio.ensure_future(consume())
        await asyncio.sleep(0.01)
        stack = walk.suspended(task.get_coro())
        task.cancel()
        return stack

    assert functions(asyncio.run(main())) == ["sleep", "__await__", "wait", "numbers", "consume"]


def test_what_has_ended_has_no_stack() -> None:
    async def nothing() -> None:
        return

    coroutine = nothing()
    asyncio.run(coroutine)
    assert walk.suspended(coroutine) == []
    assert walk.suspended(None) == []
    assert walk.first_frame(coroutine) is None


def test_nothing_of_the_app_is_kept_alive() -> None:
    class Thing:
        pass

    def work() -> tuple[walk.Stack, weakref.ref[Thing]]:
        thing = Thing()
        stack = walk.running(sys._getframe())
        return stack, weakref.ref(thing)

    stack, reference = work()
    assert stack
    assert reference() is None


def test_plain_generators_that_delegate_are_followed() -> None:
    def inner() -> Iterator[int]:
        yield 1

    def outer() -> Iterator[int]:
        yield from inner()

    generator = outer()
    next(generator)
    assert functions(walk.suspended(generator)) == ["inner", "outer"]
    generator.close()  # type: ignore[attr-defined]
