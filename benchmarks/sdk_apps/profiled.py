"""pyinstrument's Profiler around every request of an app, and nothing more: started, stopped, thrown away."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pyinstrument import Profiler


def profiled_wsgi(application: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    def profiled(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        profiler = Profiler(interval=0.001, async_mode="disabled")
        profiler.start()
        try:
            return application(environ, start_response)
        finally:
            profiler.stop()

    return profiled


def profiled_asgi(application: Callable[..., Any]) -> Callable[..., Any]:
    async def profiled(scope: Any, receive: Any, send: Any) -> None:
        profiler = Profiler(interval=0.001, async_mode="strict")
        profiler.start()
        try:
            await application(scope, receive, send)
        finally:
            profiler.stop()

    return profiled
