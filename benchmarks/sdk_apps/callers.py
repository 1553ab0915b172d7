"""Servers without sockets: they hand requests to an application and time them."""

from __future__ import annotations

import asyncio
import io
import itertools
import sys
import time
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, NamedTuple, Protocol

from .rare import RareFailure


class Log:
    """Requests in columns: objects of the garbage collector's would slow the app more with every request."""

    def __init__(self) -> None:
        self._numbers = array("q")  # places in the list of paths
        self._began_at = array("d")  # seconds since 1970
        self._durations_ns = array("q")
        self._statuses = array("q")

    def add(self, number: int, began_at: float, duration_ns: int, status: int) -> None:
        self._numbers.append(number)
        self._began_at.append(began_at)
        self._durations_ns.append(duration_ns)
        self._statuses.append(status)

    def rows(self) -> Iterator[tuple[int, float, int, int]]:
        return zip(self._numbers, self._began_at, self._durations_ns, self._statuses, strict=True)


class Block(NamedTuple):
    """What it took to serve one list of requests."""

    wall_ns: int
    thread_cpu_ns: int  # of the threads that the server hands requests to
    process_cpu_began_ns: int
    logs: list[Log]  # one a lane


class Caller(Protocol):
    """Serves requests, some at a time."""

    def run(self, paths: Sequence[str], lanes: int, per_second: float) -> Block:
        """Serve each path once, with so many at a time; `per_second` 0 is as fast as it goes."""


class Turns:
    """Gives each lane the next request, and no request before its time."""

    def __init__(self, paths: Sequence[str], per_second: float) -> None:
        self._paths = paths
        self._spacing_s = 1 / per_second if per_second else 0.0
        self._began = time.perf_counter()
        # One step of a counter can't be torn apart by another thread.
        self._numbers = itertools.count()

    def __iter__(self) -> Iterator[tuple[int, str, float]]:
        """Number, path and the seconds until it is due."""
        for number in self._numbers:
            if number >= len(self._paths):
                return
            due = self._began + number * self._spacing_s
            yield number, self._paths[number], due - time.perf_counter()


class WsgiCaller:
    """Serves in this thread, or in threads of its own where there is more than one lane."""

    def __init__(self, application: Callable[..., Iterable[bytes]], query: str) -> None:
        self._application = application
        self._pool: ThreadPoolExecutor | None = None
        self._environ = {
            "REQUEST_METHOD": "GET",
            "SCRIPT_NAME": "",
            "QUERY_STRING": query,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": "localhost",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }

    def run(self, paths: Sequence[str], lanes: int, per_second: float) -> Block:
        turns = Turns(paths, per_second)
        if lanes > 1 and self._pool is None:
            self._pool = ThreadPoolExecutor(lanes)
        cpu_began_ns, began_ns = time.process_time_ns(), time.perf_counter_ns()
        if lanes > 1:
            assert self._pool
            done = list(self._pool.map(self._lane, [turns] * lanes))
        else:
            done = [self._lane(turns)]
        wall_ns = time.perf_counter_ns() - began_ns
        return Block(wall_ns, sum(cpu_ns for cpu_ns, _ in done), cpu_began_ns, [log for _, log in done])

    def _lane(self, turns: Turns) -> tuple[int, Log]:
        cpu_ns = time.thread_time_ns()
        log = Log()
        for number, path, due_s in turns:
            if due_s > 0:
                time.sleep(due_s)
            began_at, began_ns = time.time(), time.perf_counter_ns()
            status = self.call(path)
            log.add(number, began_at, time.perf_counter_ns() - began_ns, status)
        return time.thread_time_ns() - cpu_ns, log

    def call(self, path: str) -> int:
        """One request, its body read to the end; its status."""
        said: list[str] = []

        def start_response(status: str, _headers: object, _error: object = None) -> Callable[[bytes], object]:
            said.append(status)
            return _write

        environ = {**self._environ, "PATH_INFO": path, "wsgi.input": io.BytesIO()}
        body = self._application(environ, start_response)
        try:
            for _chunk in body:
                pass
        finally:
            close = getattr(body, "close", None)
            if close is not None:
                close()
        return int(said[-1][:3])


def _write(_data: bytes) -> None:
    """What no framework calls any more."""


class AsgiCaller:
    """Serves on an event loop of its own, each request in a task of its own, as servers do."""

    def __init__(self, application: Callable[..., Any], query: str) -> None:
        self._application = application
        self._loop = asyncio.new_event_loop()
        self._scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(b"host", b"localhost")],
            "client": ("127.0.0.1", 1),
            "server": ("localhost", 80),
        }

    def run(self, paths: Sequence[str], lanes: int, per_second: float) -> Block:
        return self._loop.run_until_complete(self._run(Turns(paths, per_second), lanes))

    async def _run(self, turns: Turns, lanes: int) -> Block:
        cpu_began_ns, began_ns = time.process_time_ns(), time.perf_counter_ns()
        thread_ns = time.thread_time_ns()
        logs = await asyncio.gather(*(self._lane(turns) for _ in range(lanes)))
        thread_ns = time.thread_time_ns() - thread_ns
        wall_ns = time.perf_counter_ns() - began_ns
        return Block(wall_ns, thread_ns, cpu_began_ns, list(logs))

    async def _lane(self, turns: Turns) -> Log:
        log = Log()
        for number, path, due_s in turns:
            if due_s > 0:
                await asyncio.sleep(due_s)
            began_at, began_ns = time.time(), time.perf_counter_ns()
            status = await self._loop.create_task(self._call(path))
            log.add(number, began_at, time.perf_counter_ns() - began_ns, status)
        return log

    async def _call(self, path: str) -> int:
        said: list[int] = []

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                said.append(message["status"])

        scope = {**self._scope, "path": path, "raw_path": path.encode(), "state": {}}
        # Frameworks answer 500 and hand on the exception, for the server to log.
        with suppress(RareFailure):
            await self._application(scope, _receive, send)
        return said[-1]


async def _receive() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}
