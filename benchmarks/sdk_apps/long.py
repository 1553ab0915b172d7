"""Endpoints that are recorded in about 200 samples, and what their threads have left to do afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from .callers import WsgiCaller
from .routes import Route
from .work import count_calls

ENDPOINTS = 20
HANDLER_S = 0.2
_CALL_DEPTH = 7


class Long:
    """The app, and for each request the nanoseconds of CPU from Flask's return to the server's turn."""

    def __init__(self) -> None:
        self._took_ns: list[int] = []
        self._left_ns = 0

    def routes(self, *, on_loop: bool) -> list[Route]:
        if on_loop:
            raise ValueError("the thread of a request is known only where it has one")
        return [Route(path, answer) for path in paths()]

    def said(self) -> list[int]:
        return self._took_ns

    def innermost(self, application: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
        """Stands between the framework and what watches it."""

        def noting(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            body = application(environ, start_response)
            self._left_ns = time.thread_time_ns()
            return body

        return noting

    def returned(self) -> None:
        self._took_ns.append(time.thread_time_ns() - self._left_ns)


class LongCaller(WsgiCaller):
    """Tells the app when a request is over."""

    def __init__(self, application: Callable[..., Iterable[bytes]], query: str, app: Long) -> None:
        super().__init__(application, query)
        self._app = app

    def call(self, path: str) -> int:
        status = super().call(path)
        self._app.returned()
        return status


def answer() -> dict[str, Any]:
    until = time.perf_counter() + HANDLER_S
    while time.perf_counter() < until:
        count_calls(_CALL_DEPTH)
    return {}


def paths() -> list[str]:
    return [f"/long/{number}" for number in range(ENDPOINTS)]
