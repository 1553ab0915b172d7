"""The outermost WSGI wrapper: it times requests and their bodies, and changes nothing of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, Callable, Optional

from perfplatform_sdk.config import Config
from perfplatform_sdk.recorder import NOT_FOUND, PYINSTRUMENT, Record, begin, count_error, harmless
from perfplatform_sdk.tags import wsgi_trace_id

from .method import KNOWN, OTHER

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class Middleware:
    """A WSGI application around another one.

    `endpoint(environ)` names the endpoint, a route's pattern, when the application begins to answer; else it
    is `(wsgi)`. The integration of a framework is a subclass.
    """

    def __init__(self, application: Application, endpoint: Optional[Callable[[Environ], str]] = None) -> None:
        self._application = application
        self._endpoint = endpoint
        self._config: Config | None = None
        self._trace_variable = ""
        self._is_recorded_unnamed = False

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        method = environ.get("REQUEST_METHOD", "")
        record = begin("request", method if method in KNOWN else OTHER, owner=environ)
        if record is None:
            return self._application(environ, start_response)
        if record.config is not self._config:
            harmless(self.learn)(record.config)
        if self._is_recorded_unnamed:
            record.name(NOT_FOUND)
        if self._trace_variable in environ:
            _note_trace(record, environ)
        try:
            reply = Reply(self, record, environ, start_response)
            body = self._application(environ, reply)
        except BaseException as error:
            harmless(self.name)(record, environ)
            record.end(error)
            raise
        try:
            is_done = self.is_done(record, environ, body)
        except Exception:  # noqa: BLE001 - the border to the app
            count_error()
            is_done = False
        if is_done:
            record.end()
            return body
        record.leave()
        return Body(body, record, reply)

    def learn(self, config: Config) -> None:
        """Before the first request that is recorded with these settings."""
        self._config = config
        self._trace_variable = "HTTP_" + config.trace_header.upper().replace("-", "_")
        # pyinstrument can't see what happened before it began.
        self._is_recorded_unnamed = config.engine == PYINSTRUMENT

    def name(self, record: Record, environ: Environ) -> None:
        """Say what the endpoint is, now that the application begins to answer, or has raised."""
        if self._endpoint is not None:
            record.route = self._endpoint(environ)
        elif record.route == NOT_FOUND:  # no integration within has named it
            record.route = "(wsgi)"

    def is_done(self, record: Record, environ: Environ, body: Any) -> bool:
        """Whether nothing of the request remains to be done; such a body goes back as the object that it is.

        True for lists and the like, and for files, which servers know by their type (`wsgi.file_wrapper`) or
        identity (uWSGI) and send in their own way.
        """
        if hasattr(type(body), "__len__"):
            return True
        file_wrapper = environ.get("wsgi.file_wrapper")
        is_wrapped = isinstance(file_wrapper, type) and isinstance(body, file_wrapper)
        if is_wrapped or hasattr(body, "read"):
            record.streaming = True
            return True
        return False


class Reply:
    """`start_response` for one request, which tells the record the status as well."""

    __slots__ = ("_environ", "_headers", "_middleware", "_record", "_start_response")

    def __init__(
        self, middleware: Middleware, record: Record, environ: Environ, start_response: Callable[..., Any]
    ) -> None:
        self._middleware = middleware
        self._record = record
        self._environ = environ
        self._start_response = start_response
        self._headers: Any = ()

    def __call__(self, status: str, headers: Any, *error: Any) -> Any:
        record = self._record
        self._headers = headers
        try:
            record.status = code_of(status)
            self._middleware.name(record, self._environ)
        except Exception:  # noqa: BLE001 - the border to the app
            count_error()
        return self._start_response(status, headers, *error)

    @harmless
    def is_all(self, chunk: bytes) -> bool:
        """Whether these bytes are the whole body, by its `Content-Length`."""
        return any(
            name.lower() == "content-length" and int(value) == len(chunk) for name, value in self._headers
        )


class Body:
    """A body that is made while it is sent. The request ends with its first byte; the rest passes through."""

    __slots__ = ("_body", "_iterator", "_record", "_reply")

    def __init__(self, body: Iterable[bytes], record: Record, reply: Reply | None = None) -> None:
        self._body = body
        self._record = record
        self._reply = reply
        self._iterator: Iterator[bytes] | None = None

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        record = self._record
        first = not record.ended
        if first:
            record.enter()
        try:
            if self._iterator is None:
                self._iterator = iter(self._body)
            chunk = next(self._iterator)
        except StopIteration:
            if first:
                record.end()
            raise
        except BaseException as error:
            self._fail(error, first=first)
            raise
        if first and chunk:
            record.streaming = self._reply is None or not self._reply.is_all(chunk)
            record.end()
        elif first:
            record.leave()
        return chunk

    def close(self) -> None:
        """What the server calls at the end, however it came."""
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        finally:
            self._record.end()

    def _fail(self, error: BaseException, *, first: bool) -> None:
        if first:
            self._record.end(error)
        else:
            self._record.fail_late(error)


@harmless
def _note_trace(record: Record, environ: Environ) -> None:
    record.trace_id = wsgi_trace_id(environ, record.config.trace_header)


@lru_cache(maxsize=256)
def code_of(status: str) -> int | None:
    """The number of a status line, if it is one of HTTP."""
    digits = status[:3]
    code = int(digits) if digits.isascii() and digits.isdigit() else 0
    return code if 100 <= code <= 599 else None
