"""The outermost WSGI wrapper: it times requests and their bodies, and changes nothing of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Callable

from perfplatform_sdk.recorder import Record, begin, harmless

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"))


class Middleware:
    """A WSGI application around another one. A framework's integration names the endpoint on the way.

    `listen` is called before the first recorded request, to listen to the framework: who records nothing pays
    nothing for it.
    """

    def __init__(self, application: Application, listen: Callable[[], None] | None = None) -> None:
        self._application = application
        self._listen = listen

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        record = begin("request", _method(environ))
        if record is None:
            return self._application(environ, start_response)
        if self._listen is not None:
            harmless(self._listen)()
            self._listen = None
        try:
            body = self._application(environ, _observing(start_response, record))
        except BaseException as error:
            record.end(error)
            raise
        if _is_handed_over(body, environ, record):
            record.end()
            return body
        record.leave()
        return Body(body, record)


class Body:
    """A body that is made while it is sent. The request ends with its first byte; the rest passes through."""

    __slots__ = ("_body", "_iterator", "_record")

    def __init__(self, body: Iterable[bytes], record: Record) -> None:
        self._body = body
        self._record = record
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
            self._settle(first=first)
            raise
        except BaseException as error:
            self._settle(error, first=first)
            raise
        if first and chunk:
            record.streaming = True
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

    def _settle(self, error: BaseException | None = None, *, first: bool) -> None:
        if first:
            self._record.end(error)
        elif error is not None:
            self._record.fail_late(error)


def _observing(start_response: Callable[..., Any], record: Record) -> Callable[..., Any]:
    """`start_response`, which tells the record the status as well."""

    def observed(*args: Any, **kwargs: Any) -> Any:
        _note_status(record, args[0] if args else kwargs["status"])
        return start_response(*args, **kwargs)

    return observed


@harmless
def _note_status(record: Record, status: str) -> None:
    code = int(status[:3])
    record.status = code if 100 <= code <= 599 else None


@harmless
def _is_handed_over(body: object, environ: Environ, record: Record) -> bool:
    """Whether nothing of the request remains to be done; such a body goes back as the very object that it is.

    True for lists and the like, for what a framework calls whole, and for files, which servers know by
    their type (`wsgi.file_wrapper`) or identity (uWSGI) and send in their own way.
    """
    if record.streaming is False or hasattr(type(body), "__len__"):
        return True
    file_wrapper = environ.get("wsgi.file_wrapper")
    is_wrapped_file = isinstance(file_wrapper, type) and isinstance(body, file_wrapper)
    if is_wrapped_file or hasattr(body, "read"):
        record.streaming = True
        return True
    return False


def _method(environ: Environ) -> str:
    method = environ.get("REQUEST_METHOD", "")
    return method if method in _METHODS else "(other)"
