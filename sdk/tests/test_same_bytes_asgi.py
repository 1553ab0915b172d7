"""Under uvicorn, an app answers the same bytes with the SDK recording every request as without it."""

from __future__ import annotations

import asyncio
import base64
import gc
import logging
import re
import socket
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Callable

import pytest
from asgi_server import Served, wait_for
from fake_platform import FakePlatform
from fastapi import BackgroundTasks, FastAPI, HTTPException, Request, WebSocket, WebSocketDisconnect
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)

import perfplatform_sdk
from perfplatform_sdk.integrations.fastapi import PerfPlatform


def make_app(folder: Path, events: list[str]) -> FastAPI:
    app, wrapped = FastAPI(), FastAPI()
    for one in (app, wrapped):
        add_pages(one)
        add_faults(one)
        add_background(one, events)
        add_streams(one, folder)
        add_events(one, events)
    add_websockets(app, events)
    wrapped.add_middleware(GZipMiddleware)
    wrapped.add_middleware(BaseHTTPMiddleware, dispatch=lambda request, call_next: call_next(request))
    app.mount("/wrapped", wrapped)
    return app


def add_pages(app: FastAPI) -> None:
    @app.get("/json/{number}")
    def json(number: int) -> dict[str, Any]:
        return {"number": number, "items": list(range(50)), "名": "值"}

    @app.get("/html")
    async def html() -> Response:
        response = HTMLResponse("<p>hello</p>" * 100)
        response.set_cookie("a", "b", httponly=True)
        return response

    @app.get("/redirect")
    async def redirect() -> Response:
        return RedirectResponse("/html", 303)

    @app.get("/scope")
    async def scope(request: Request) -> Response:
        return PlainTextResponse(" ".join(sorted(request.scope)))

    @app.get("/empty")
    async def empty() -> Response:
        return Response(status_code=204)

    @app.post("/echo")
    async def echo(request: Request) -> Response:
        return Response(await request.body())


def add_faults(app: FastAPI) -> None:
    @app.get("/teapot")
    def teapot() -> None:
        raise HTTPException(418, "short and stout")

    @app.get("/raised")
    async def raised() -> None:
        raise LookupError("nothing there")

    @app.get("/raised-in-a-thread")
    def raised_in_a_thread() -> None:
        raise LookupError("nothing there")


def add_background(app: FastAPI, events: list[str]) -> None:
    @app.get("/background")
    async def background(tasks: BackgroundTasks) -> Response:
        tasks.add_task(events.append, "in the background")
        return JSONResponse("later", background=tasks)

    @app.get("/background-that-breaks")
    async def breaking(tasks: BackgroundTasks) -> Response:
        tasks.add_task(events.remove, "what was never there")
        return JSONResponse("later", background=tasks)


def add_streams(app: FastAPI, folder: Path) -> None:
    @app.get("/stream")
    async def stream() -> Response:
        async def parts() -> AsyncIterator[bytes]:
            for part in (b"", b"one", b"two" * 1000, b""):
                yield part

        return StreamingResponse(parts(), media_type="text/plain")

    @app.get("/sync-stream")
    def sync_stream() -> Response:
        return StreamingResponse(iter(["one", "two"]), headers={"content-length": "6"})

    @app.get("/stream-that-breaks")
    async def breaks() -> Response:
        async def parts() -> AsyncIterator[bytes]:
            yield b"one"
            raise OSError("the disk is gone")

        return StreamingResponse(parts())

    @app.get("/file")
    def file() -> Response:
        return FileResponse(folder / "report.bin")


def add_events(app: FastAPI, events: list[str]) -> None:
    @app.get("/events")
    async def endless() -> Response:
        async def parts() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield b"data: tick\n\n" * 50
                    await asyncio.sleep(0.002)
            finally:
                events.append("closed early")

        return StreamingResponse(parts(), media_type="text/event-stream")


def add_websockets(app: FastAPI, events: list[str]) -> None:
    @app.websocket("/echo/{room}")
    async def echo(websocket: WebSocket, room: str) -> None:
        await websocket.accept(headers=[(b"x-room", room.encode())])
        try:
            while True:
                await websocket.send_text(f"{room}: {await websocket.receive_text()}")
        except WebSocketDisconnect as error:
            events.append(f"disconnected with {error.code}")

    @app.websocket("/refused")
    async def refused(websocket: WebSocket) -> None:
        await websocket.close(1008)

    @app.websocket("/broken")
    async def broken(websocket: WebSocket) -> None:
        await websocket.accept()
        raise LookupError("nothing there")

    @app.websocket("/unprepared")
    async def unprepared(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.receive_text()


class Pair:
    """The app without and with the SDK, and what its own code noticed in each."""

    def __init__(self, folder: Path) -> None:
        self.events: tuple[list[str], list[str]] = ([], [])
        recorded = make_app(folder, self.events[1])
        PerfPlatform(recorded)
        self.served = Served(make_app(folder, self.events[0])), Served(recorded)

    def both(self, ask: Callable[[Served], bytes]) -> tuple[bytes, bytes]:
        return ask(self.served[0]), ask(self.served[1])


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("shop")
    (folder / "report.bin").write_bytes(bytes(range(256)) * 1000)
    pair = Pair(folder)
    yield pair
    for served in pair.served:
        served.close()


@pytest.fixture
def pair(servers: Pair, platform: FakePlatform, start: Callable[..., None]) -> Pair:
    for events in servers.events:
        events.clear()
    start(slow_threshold=0.001)
    return servers


def request(method: str, path: str, *headers: str, body: str = "") -> str:
    lines = [f"{method} {path} HTTP/1.1", "Host: shop.test", "Connection: close", *headers]
    if not any(header.startswith("Transfer-Encoding") for header in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", body])


PAGES = [
    request("GET", "/json/7"),
    request("GET", "/json/seven"),
    request("GET", "/html"),
    request("GET", "/redirect"),
    request("GET", "/html/"),
    request("GET", "/scope"),
    request("GET", "/empty"),
    request("GET", "/teapot"),
    request("GET", "/raised"),
    request("GET", "/raised-in-a-thread"),
    request("GET", "/nowhere"),
    request("DELETE", "/html"),
    request("BREW", "/html"),
    request("HEAD", "/file"),
    request("POST", "/echo", body="a=b&c=d"),
    request("POST", "/echo", "Transfer-Encoding: chunked", body="3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
    request("POST", "/echo", "Expect: 100-continue", body="x" * 50_000),
    request("GET", "/background"),
    request("GET", "/background-that-breaks"),
    request("GET", "/stream"),
    request("GET", "/sync-stream"),
    request("GET", "/stream-that-breaks"),
    request("GET", "/file"),
    request("GET", "/file", "Range: bytes=100-299"),
    request("GET", "/file", "Range: bytes=9999999-"),
]
# The same behind middlewares that pass a response on in parts and change it.
WRAPPED = [
    page.replace(" /", " /wrapped/", 1).replace("Connection", "Accept-Encoding: gzip\r\nConnection")
    for page in PAGES[::2]
    if "Range" not in page
]


class Wire:
    """What passes between a client and one of the servers, and the server's log lines about it."""

    def __init__(self, served: Served, caplog: pytest.LogCaptureFixture) -> None:
        self._served = served
        self._caplog = caplog

    def ask(self, asked: str) -> tuple[bytes, list[tuple[str, str, str]]]:
        self._caplog.clear()
        # gzip writes the time into its header.
        answer = re.sub(rb"(\x1f\x8b\x08\x00)....", rb"\1----", self._served.ask(asked), flags=re.DOTALL)
        # Log lines come after the response, from the thread of the server.
        fails = "break" in asked or "raised" in asked
        wait_for(
            lambda: (
                {"INFO", "ERROR"} <= {level for _, level, _ in self.lines()} if fails else bool(self.lines())
            )
        )
        return answer, sorted(self.lines())

    def lines(self) -> list[tuple[str, str, str]]:
        return [
            (record.name, record.levelname, re.sub(r"127\.0\.0\.1:\d+", "", record.getMessage()))
            for record in self._caplog.records
            if record.name.startswith("uvicorn")
        ]


def test_bytes_events_and_log_lines_are_the_same(
    pair: Pair, platform: FakePlatform, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    bare, recorded = (Wire(served, caplog) for served in pair.served)
    for asked in PAGES + WRAPPED:
        answer, lines = bare.ask(asked)
        assert (answer, lines) == recorded.ask(asked), asked
        assert answer.startswith(b"HTTP/1.1 "), asked
        assert lines, asked
    wait_for(lambda: pair.events[0] == pair.events[1])
    assert pair.events[0] == ["in the background"] * sum("/background " in asked for asked in PAGES + WRAPPED)
    assert perfplatform_sdk.flush(5.0)
    requests = {place: entry for place, entry in platform.entries().items() if place[0] == "request"}
    assert sum(entry["count"] for entry in requests.values()) == len(PAGES + WRAPPED)


def test_stream_is_not_held_back_and_is_closed_when_the_client_goes(
    pair: Pair, platform: FakePlatform
) -> None:
    for path in ("/events", "/wrapped/events"):
        bare, recorded = pair.both(lambda served, path=path: served.ask(request("GET", path), read=2000))  # type: ignore[misc]
        assert recorded == bare
        assert recorded.count(b"data: tick") > 50
    # Where the client goes while the server sends, the generator is closed when it is collected.
    wait_for(lambda: gc.collect() >= 0 and [len(events) for events in pair.events] == [2, 2])
    assert perfplatform_sdk.flush(5.0)
    assert {
        route: (entry["count"], entry["errors"]) for (_, _, route), entry in platform.entries().items()
    } == {
        "/events": (1, 0),
        "/wrapped/events": (1, 0),
    }
    assert all(profile["streaming"] for profile in platform.profiles)


def test_client_that_leaves_during_the_upload_is_no_error(pair: Pair, platform: FakePlatform) -> None:
    for served in pair.served:
        with socket.create_connection(("127.0.0.1", served.port), 10) as connection:
            connection.sendall(request("POST", "/echo", body="x" * 1000)[:-500].encode())
            time.sleep(0.05)
    count: list[Any] = []

    def arrived() -> bool:
        assert perfplatform_sdk.flush(5.0)
        count[:] = [(entry["count"], entry["errors"]) for entry in platform.entries().values()]
        return bool(count)

    wait_for(arrived)
    assert count == [(1, 0)]


def frame(opcode: int, content: bytes) -> bytes:
    """A websocket frame of a client, masked with zeros."""
    return bytes([0x80 | opcode, 0x80 | len(content)]) + bytes(4) + content


def handshake(path: str) -> bytes:
    key = base64.b64encode(b"0123456789abcdef").decode()
    headers = [
        f"GET {path} HTTP/1.1",
        "Host: shop.test",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {key}",
    ]
    return "\r\n".join([*headers, "", ""]).encode()


def talk(served: Served, path: str, *frames: bytes) -> bytes:
    """All that the server says until it closes the connection."""
    answer = b""
    with socket.create_connection(("127.0.0.1", served.port), 10) as connection:
        connection.sendall(handshake(path))
        while not answer.endswith(b"\r\n\r\n"):
            answer += connection.recv(1)
        for one in frames:
            connection.sendall(one)
            answer += connection.recv(65_536)
        while True:
            part = connection.recv(65_536)
            if not part:
                return re.sub(rb"\r\nDate: [^\r]*", b"", answer)
            answer += part


@pytest.mark.parametrize(
    ("path", "frames", "said", "errors"),
    [
        ("/echo/tea", [frame(1, b"hello"), frame(1, b"again"), frame(8, b"\x03\xe8")], b"tea: again", 0),
        ("/echo/tea", [frame(8, b"\x03\xe9")], b"101", 0),
        ("/refused", [], b"403", 0),
        ("/broken", [], b"101", 1),
        ("/unprepared", [frame(8, b"\x03\xe8")], b"101", 0),
        ("/none", [], b"403", 0),
    ],
)
def test_websockets_are_the_same(
    path: str, frames: list[bytes], said: bytes, errors: int, pair: Pair, platform: FakePlatform
) -> None:
    bare, recorded = pair.both(lambda served: talk(served, path, *frames))
    assert recorded == bare
    assert said in recorded
    found: dict[Any, Any] = {}

    def arrived() -> bool:
        assert perfplatform_sdk.flush(5.0)
        found.update(platform.entries())
        return bool(found)

    wait_for(arrived)
    ((_, method, route),) = found
    assert (method, route) == (
        "WEBSOCKET",
        {"/echo/tea": "/echo/{room}", "/none": "(not found)"}.get(path, path),
    )
    assert [(entry["count"], entry["errors"]) for entry in found.values()] == [(1, errors)]
    wait_for(lambda: pair.events[0] == pair.events[1])
