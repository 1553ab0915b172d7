"""Servers for ASGI apps: one that is played message by message, and uvicorn on a real socket."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from inspect import signature
from typing import Any, Callable

import uvicorn
from uvicorn.config import WS_PROTOCOLS

Message = dict[str, Any]

# The older of the two warns of itself in newer releases of websockets; uvicorn has the other since 0.35.
WEBSOCKETS: Any = "websockets-sansio" if "websockets-sansio" in WS_PROTOCOLS else "websockets"
# Since uvicorn 0.22.
GRACE: Any = (
    {"timeout_graceful_shutdown": 1}
    if "timeout_graceful_shutdown" in signature(uvicorn.Config).parameters
    else {}
)
REQUEST: Message = {"type": "http.request", "body": b"", "more_body": False}
CONNECT: Message = {"type": "websocket.connect"}


def http(path: str = "/", method: str = "GET", **more: Any) -> dict[str, Any]:
    """The scope of a request as servers make it."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"shop.test")],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 80),
        **more,
    }


def websocket(path: str = "/") -> dict[str, Any]:
    scope = http(path)
    del scope["method"]
    return {**scope, "type": "websocket", "scheme": "ws", "subprotocols": []}


class PlayedServer:
    """Gives the app messages and keeps what it sends; the client is gone after `breaks_after` of them."""

    def __init__(self, *messages: Message, breaks_after: int = 10**9) -> None:
        self.sent: list[Message] = []
        self._messages = list(messages) or [REQUEST]
        self._breaks_after = breaks_after

    async def receive(self) -> Message:
        if not self._messages:
            await asyncio.Event().wait()
        return self._messages.pop(0)

    async def send(self, message: Message) -> None:
        await asyncio.sleep(0)
        if len(self.sent) >= self._breaks_after:
            raise OSError("the client is gone")
        self.sent.append(dict(message))


def play(app: Any, scope: dict[str, Any] | None = None, *messages: Message, **more: Any) -> list[Message]:
    """Ask an app once, in an event loop of its own; what it sent."""
    server = PlayedServer(*messages, **more)
    asyncio.run(call(app, scope or http(), server))
    return server.sent


async def call(app: Any, scope: dict[str, Any], server: PlayedServer) -> None:
    await app(scope, server.receive, server.send)


class Served:
    """An app behind uvicorn in a thread."""

    def __init__(self, app: Any, *, loop: Any = "auto") -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        config = uvicorn.Config(
            app,
            loop=loop,
            http="h11",
            ws=WEBSOCKETS,
            log_config=None,
            date_header=False,
            **GRACE,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._listening],), daemon=True)
        self._thread.start()
        wait_for(lambda: self._server.started)

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        assert not self._thread.is_alive()
        self._listening.close()

    def ask(self, request: str, *, read: int = 10**9) -> bytes:
        """The bytes on the wire, up to `read` of them or to the end."""
        with socket.create_connection(("127.0.0.1", self.port), 10) as connection:
            connection.sendall(request.encode())
            answer = b""
            while len(answer) < read:
                part = connection.recv(min(65_536, read - len(answer)))
                if not part:
                    break
                answer += part
        return answer


def wait_for(condition: Callable[[], bool], timeout: float = 60) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)
