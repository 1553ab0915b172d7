"""Starlette's background tasks: each is a task of its own, for it runs when the response is out."""

from __future__ import annotations

from functools import partial
from typing import Any

from starlette.background import BackgroundTask

from perfplatform_sdk.event_loop import current_task, failure
from perfplatform_sdk.recorder import Record, begin, harmless

from .replace import replace


def listen() -> None:
    """Have background tasks recorded, named by their function."""
    replace(BackgroundTask, "__call__", _recorded)


def _recorded(run: Any) -> Any:
    async def recorded(task: BackgroundTask) -> None:
        record = _begin(task)
        if record is None:
            await run(task)
            return
        try:
            await run(task)
        except BaseException as error:
            record.end(failure(error))
            raise
        record.end()

    return recorded


@harmless
def _begin(task: BackgroundTask) -> Record | None:
    asyncio_task = current_task()
    record = None if asyncio_task is None else begin("task", task=asyncio_task)
    if record is not None:
        record.name(_name(task.func))
    return record


def _name(function: Any) -> str:
    while isinstance(function, partial):
        function = function.func
    named = function if hasattr(function, "__qualname__") else type(function)
    return f"{named.__module__}.{named.__qualname__}"
