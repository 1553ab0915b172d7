"""The outermost ASGI wrapper: it times requests and websockets, and changes nothing of them.

A response ends with its last byte, a streamed one with its first, a websocket with the first message that the
app sends. What runs on other event loops than asyncio's passes through and is not recorded.
"""

from __future__ import annotations

from typing import Callable, Optional

from perfplatform_sdk.context import current
from perfplatform_sdk.event_loop import current_task
from perfplatform_sdk.recorder import NONE, NOT_FOUND, Record, begin, count_error
from perfplatform_sdk.tags import asgi_trace_id

from . import threads
from .exchange import Application, Exchange, Receive, Scope, Send, current_exchange
from .lifespan import sending_what_is_left
from .method import known

WEBSOCKET = "WEBSOCKET"


class Middleware:
    """An ASGI application around another one.

    `endpoint(scope)` names the endpoint, a route's pattern, when the response begins; else it is `(asgi)`.
    The integration of a framework is a subclass.
    """

    def __init__(self, app: Application, endpoint: Optional[Callable[[Scope], str]] = None) -> None:
        self.app = app  # called so by those who look through the middlewares of an app
        self._endpoint = endpoint
        self._follows_threads = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = None
        try:
            exchange = self._begin(scope, receive, send)
        except Exception:  # noqa: BLE001 - the border to the app; `harmless` would take half a microsecond
            count_error()
        if exchange is None:
            if scope["type"] == "lifespan":
                send = sending_what_is_left(send)
            await self.app(scope, receive, send)
            return
        try:
            await self.app(scope, exchange.receive, exchange.send)
        except BaseException as error:
            exchange.end(error)
            raise
        exchange.end()

    def _begin(self, scope: Scope, receive: Receive, send: Send) -> Exchange | None:
        kind = scope["type"]
        if kind not in ("http", "websocket"):
            return None
        task = current_task()
        outer = None if current.get() is None else current_exchange()
        if task is None or (outer is not None and outer.is_of(scope)):
            return None
        record = begin("request", known(scope["method"]) if kind == "http" else WEBSOCKET, task=task)
        if record is None:
            return None
        config, headers = record.config, scope.get("headers")
        if config.engine != NONE and isinstance(headers, list):
            record.trace_id = asgi_trace_id(headers, config.trace_header)
        if not self._follows_threads:
            # Only now is the event loop known, and all that the app imports.
            self._follows_threads = True
            threads.follow()
        record.owner = exchange = Exchange(self, record, scope, receive, send)
        return exchange

    def name(self, record: Record, scope: Scope) -> None:
        """Say what the endpoint is, now that the application answers."""
        if self._endpoint is not None:
            record.route = self._endpoint(scope)
        elif record.route == NOT_FOUND:  # no integration within has named it
            record.route = "(asgi)"

    def is_answer(self, error: BaseException) -> bool:
        """Whether an exception stands for a response that the app means to give."""
        return False
