"""What passes between an ASGI server and an app for one record."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, MutableMapping
from typing import TYPE_CHECKING, Any, Callable

from perfplatform_sdk.event_loop import failure
from perfplatform_sdk.recorder import Record, count_error, current_record, harmless, type_name

if TYPE_CHECKING:
    from .asgi import Middleware

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_FILES = ("http.response.pathsend", "http.response.zerocopysend")  # the server sends them in its own way


class Exchange:
    """The `receive` and `send` of one request or websocket, which tell its record what they see."""

    prefix = ""  # patterns of the mounts that the request went through
    _headers: Any = ()  # of the response
    _gone = False  # the client is

    def __init__(
        self, middleware: Middleware, record: Record, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self._middleware = middleware
        self._record = record
        self._scope = scope
        self._receive = receive
        self._send = send

    def is_of(self, scope: Scope) -> bool:
        """Whether a scope is of this very request: middlewares and mounts pass on copies of it."""
        headers = scope.get("headers")
        return scope is self._scope or (bool(headers) and headers is self._scope.get("headers"))

    def name(self, pattern: str) -> None:
        """The route is found: its pattern below the mounts."""
        self._record.route = self.prefix + pattern

    async def receive(self) -> Message:
        """What the server's `receive` gives."""
        message = await self._receive()
        if message["type"] in ("http.disconnect", "websocket.disconnect"):
            self._gone = True
        return message

    async def send(self, message: Message) -> None:
        """Hand the message to the server. The record ends when it has taken the one that ends it."""
        record, ends = self._record, False
        if not record.ended:
            try:
                ends = self._ends_with(message)
            except Exception:  # noqa: BLE001 - the border to the app; `harmless` would take half a microsecond
                count_error()
        try:
            await self._send(message)
        except OSError:
            self._gone = True
            raise
        if ends:
            record.end()

    def end(self, error: BaseException | None = None) -> None:
        """The app has returned or raised."""
        record = self._record
        # What an app raises because its client went away is no error of the app.
        error = None if error is None or self._gone else failure(error)
        if not record.ended:
            harmless(self._middleware.name)(record, self._scope)
            record.end(error)
        elif error is not None:
            record.fail_late(error)
        record.owner = None  # no circle is left for the garbage collector

    def _ends_with(self, message: Message) -> bool:
        kind: str = message["type"]
        if kind.startswith("websocket.http."):
            kind = kind[len("websocket.") :]  # a response in place of the handshake
        if kind == "http.response.body":
            return self._ends_with_body(message)
        if kind == "http.response.start":
            self._start(message)
            return False
        if kind in _FILES:
            self._record.streaming = True
            return True
        return kind.startswith("websocket.") and self._ends_websocket(kind)

    def _start(self, message: Message) -> None:
        record = self._record
        self._middleware.name(record, self._scope)
        self._headers = message.get("headers", ())
        status: int = message["status"]
        if self._gone or not 100 <= status <= 599:
            return
        record.status = status
        if status >= 500 and not record.error_type:
            # Frameworks send such a response while they handle the exception.
            error = sys.exc_info()[1]
            if error is not None and not self._middleware.is_answer(error):
                record.error_type = type_name(error)

    def _ends_with_body(self, message: Message) -> bool:
        record, body = self._record, message.get("body", b"")
        if not message.get("more_body", False):
            record.streaming = bool(record.streaming)
            return True
        if record.streaming is None:
            record.streaming = len(body) != self._content_length()
        return not record.streaming or len(body) > 0

    def _content_length(self) -> int:
        """Bytes of the whole body; -1 where that is not said."""
        # Else it may be an iterator, which only the server may read.
        if isinstance(self._headers, (list, tuple)):
            for name, value in self._headers:
                if name.lower() == b"content-length":
                    return int(value)
        return -1

    def _ends_websocket(self, kind: str) -> bool:
        record = self._record
        if record.status is not None:
            return True
        self._middleware.name(record, self._scope)
        record.streaming = kind == "websocket.accept"
        record.status = 101 if record.streaming else 403  # what servers answer where the app refuses
        return not record.streaming


def current_exchange() -> Exchange | None:
    """That of the innermost request in this context."""
    record = current_record()
    while record is not None:
        if isinstance(record.owner, Exchange):
            return record.owner
        record = record.outer
    return None
