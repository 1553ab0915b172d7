"""`@profile` on coroutine functions, generators and asynchronous generators, which stay what they are.

A generator is one call from its first step to its end; while it is suspended, its thread does something else.
What is sent and thrown into it arrives, what it returns comes back, and closing it closes it.
"""

from __future__ import annotations

import sys
from functools import wraps
from typing import Any, Callable

from .event_loop import current_task, failure
from .recorder import Record, begin


def record_coroutine(function: Callable[..., Any], endpoint: str) -> Callable[..., Any]:
    """A coroutine function that does the same; each await of its coroutine is a call named `endpoint`."""

    @wraps(function)
    async def recorded(*args: Any, **kwargs: Any) -> Any:
        coroutine = function(*args, **kwargs)
        record = _begin(endpoint)
        if record is None:
            return await coroutine
        try:
            result = await coroutine
        except BaseException as error:
            record.end(failure(error))
            raise
        record.end()
        return result

    return recorded


def record_generator(function: Callable[..., Any], endpoint: str) -> Callable[..., Any]:
    """A generator function that does the same; each of its generators is a call named `endpoint`."""

    @wraps(function)
    def recorded(*args: Any, **kwargs: Any) -> Any:
        generator = function(*args, **kwargs)
        record = _begin(endpoint)
        if record is None:
            return (yield from generator)
        try:
            item = next(generator)
            while True:
                record.leave()
                thrown = None
                try:
                    sent = yield item
                except BaseException as error:  # noqa: BLE001 - it goes on into the generator
                    thrown = error
                record.enter()
                # Outside of the except block, so that the generator sees no exception being handled.
                item = generator.send(sent) if thrown is None else generator.throw(thrown)
        except StopIteration as end:
            record.end()
            return end.value
        except BaseException as error:
            record.end(failure(error))
            raise
        finally:
            thrown = None  # it leads back to this frame

    return recorded


def record_async_generator(function: Callable[..., Any], endpoint: str) -> Callable[..., Any]:
    """An asynchronous generator function that does the same; each generator is a call named `endpoint`."""

    @wraps(function)
    async def recorded(*args: Any, **kwargs: Any) -> Any:
        generator = function(*args, **kwargs)
        record = _begin(endpoint)
        try:
            item = await _first_step(generator)
            while True:
                if record is not None:
                    record.leave()
                thrown = None
                try:
                    sent = yield item
                except BaseException as error:  # noqa: BLE001 - it goes on into the generator
                    thrown = error
                if record is not None:
                    record.enter()
                item = await (generator.asend(sent) if thrown is None else generator.athrow(thrown))
        except StopAsyncIteration:
            _end(record)
        except BaseException as error:
            _end(record, failure(error))
            raise
        finally:
            thrown = None  # it leads back to this frame

    return recorded


def _first_step(generator: Any) -> Any:
    """Its first awaitable. The event loop is to know of ours alone, for it closes all it knows at once."""
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, None)
    try:
        return generator.__anext__()
    finally:
        sys.set_asyncgen_hooks(*hooks)


def _begin(endpoint: str) -> Record | None:
    record = begin("call", task=current_task())
    if record is not None:
        record.name(endpoint)
    return record


def _end(record: Record | None, error: BaseException | None = None) -> None:
    if record is not None:
        record.end(error)
