"""What sync code runs by asgiref's `async_to_sync` belongs to its request: async views under WSGI."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Callable

import asgiref.sync

from perfplatform_sdk.recorder import current_record, harmless

from .threads import work


class Pool(ThreadPoolExecutor):
    """The pool of asgiref that runs an event loop of its own for a coroutine, while the caller waits."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Submit, for the record of the caller where an event loop is to run."""
        record = current_record() if _runs_a_loop(function) else None
        if record is None:
            return super().submit(function, *args, **kwargs)
        return super().submit(work, record, function, *args, **kwargs)


# The pages of DEBUG show it.
Pool.__module__, Pool.__qualname__ = ThreadPoolExecutor.__module__, ThreadPoolExecutor.__qualname__


def _runs_a_loop(function: Any) -> bool:
    # The second is that of older releases.
    return function is asyncio.run or getattr(function, "__name__", "") == "_run_event_loop"


@harmless
def follow() -> None:
    """Follow requests to the event loops that asgiref starts for them."""
    names = vars(asgiref.sync)
    if names.get("ThreadPoolExecutor") is ThreadPoolExecutor:
        names["ThreadPoolExecutor"] = Pool
