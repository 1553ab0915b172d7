"""What a request has done on other threads belongs to it: by its event loop, by anyio, by thread pools.

So asgiref's `sync_to_async` and `asyncio.to_thread` are covered, which use the event loop's executor.
"""

from __future__ import annotations

import inspect
import sys
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from typing import Any, Callable

from perfplatform_sdk import client
from perfplatform_sdk.context import current
from perfplatform_sdk.recorder import Record, current_record, harmless, serving

from .replace import replace


@harmless
def follow() -> None:
    """Follow requests from the running event loop to other threads; with `thread_pools` into every pool."""
    asyncio = sys.modules.get("asyncio")
    loop = None if asyncio is None else asyncio._get_running_loop()
    if loop is not None:
        replace(type(loop), "run_in_executor", _run_in_executor)
    if "anyio.to_thread" in sys.modules:
        replace(sys.modules["anyio.to_thread"], "run_sync", _run_sync)
    now = client.current()
    if now is not None and now.config.thread_pools:
        replace(ThreadPoolExecutor, "submit", _submit)


def follow_into(pool: Executor) -> Executor:
    """What requests submit to this thread pool belongs to them, while they last. Returns the pool."""
    replace(pool, "submit", _submit_to)
    return pool


def work(record: Record, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Call the function for a record that another thread or task serves."""
    __traceback_hide__ = True  # for Django's page of an exception
    outer = current.get()
    current.set(record)
    try:
        with serving(record):
            return function(*args, **kwargs)
    finally:
        current.set(outer)


def _run_in_executor(original: Any) -> Any:
    def run_in_executor(loop: Any, executor: Any, function: Any, *args: Any) -> Any:
        record = current_record()
        # What goes to other processes must be pickled; of coroutine functions debug mode complains.
        if record is None or not _has_threads(loop, executor) or inspect.iscoroutinefunction(function):
            return original(loop, executor, function, *args)
        return original(loop, executor, work, record, function, *args)

    return run_in_executor


def _has_threads(loop: Any, executor: Any) -> bool:
    executor = getattr(loop, "_default_executor", None) if executor is None else executor
    return executor is None or isinstance(executor, ThreadPoolExecutor)


def _run_sync(original: Any) -> Any:
    async def run_sync(function: Any, *args: Any, **options: Any) -> Any:
        record = current_record()
        if record is not None:
            function = partial(work, record, function)
        return await original(function, *args, **options)

    return run_sync


def _submit(original: Any) -> Any:
    def submit(pool: Any, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        return original(pool, *_for_record(function), *args, **kwargs)

    return submit


def _submit_to(original: Any) -> Any:
    """The same for a bound method."""

    def submit(function: Any, /, *args: Any, **kwargs: Any) -> Any:
        return original(*_for_record(function), *args, **kwargs)

    return submit


def _for_record(function: Any) -> tuple[Any, ...]:
    record = current_record()
    return (function,) if record is None else (work, record, function)
