"""The servers without sockets."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from benchmarks.sdk_apps.callers import AsgiCaller, Caller, WsgiCaller

PATHS = ["/one", "/two", "/three"] * 7


class Seen:
    """A WSGI and an ASGI application that note who asks for what."""

    def __init__(self, *, most: int = 1) -> None:
        self.paths: list[str] = []
        self.at_once = 0
        self._under_way = 0
        self._all_here = threading.Barrier(most)

    def wsgi(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        self.paths.append(environ["PATH_INFO"])
        self._all_here.wait(10)
        self.at_once = self._all_here.parties
        start_response("404 NOT FOUND" if environ["PATH_INFO"] == "/two" else "200 OK", [])
        return [b"body"]

    async def asgi(self, scope: Any, _receive: Any, send: Any) -> None:
        self.paths.append(scope["path"])
        self._under_way += 1
        await asyncio.sleep(0)
        self.at_once = max(self.at_once, self._under_way)
        self._under_way -= 1
        await send({"type": "http.response.start", "status": 404 if scope["path"] == "/two" else 200})
        await send({"type": "http.response.body", "body": b"body"})


def statuses(caller: Caller, *, lanes: int) -> Counter[tuple[str, int]]:
    block = caller.run(PATHS, lanes, 0)
    assert block.wall_ns > 0
    return Counter((PATHS[number], status) for log in block.logs for number, _, _, status in log.rows())


EXPECTED = Counter({("/one", 200): 7, ("/two", 404): 7, ("/three", 200): 7})


@pytest.mark.parametrize("lanes", [1, 3])
def test_wsgi_serves_each_request_once_in_as_many_threads(lanes: int) -> None:
    seen = Seen(most=lanes)
    assert statuses(WsgiCaller(seen.wsgi, ""), lanes=lanes) == EXPECTED
    assert Counter(seen.paths) == Counter(PATHS)
    assert seen.at_once == lanes


@pytest.mark.parametrize("lanes", [1, 3])
def test_asgi_serves_each_request_once_in_as_many_tasks(lanes: int) -> None:
    seen = Seen()
    assert statuses(AsgiCaller(seen.asgi, ""), lanes=lanes) == EXPECTED
    assert Counter(seen.paths) == Counter(PATHS)
    assert seen.at_once == lanes


def test_body_is_closed() -> None:
    closed = []

    class Body:
        def __iter__(self) -> Any:
            return iter([b"body"])

        def close(self) -> None:
            closed.append(True)

    def application(_environ: Any, start_response: Callable[..., Any]) -> Body:
        start_response("200 OK", [])
        return Body()

    WsgiCaller(application, "").run(["/"], 1, 0)
    assert closed == [True]


def test_paced_requests_do_not_come_early() -> None:
    began = time.perf_counter()
    WsgiCaller(Seen().wsgi, "").run(PATHS[:6], 1, 50)
    assert time.perf_counter() - began >= 5 / 50
