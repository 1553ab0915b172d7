"""Django: `"perfplatform_sdk.integrations.django.Middleware"`, first in MIDDLEWARE; for WSGI and ASGI.

`PERFPLATFORM = {...}` in the settings holds the arguments of `perfplatform_sdk.init()`, where the project
does not call it itself. What middlewares answer before Django has found the route is `(not found)`.
"""

from __future__ import annotations

import logging
import sys
from typing import Any, Callable

import django
from django.conf import settings
from django.core.signals import got_request_exception
from django.http import HttpRequest

import perfplatform_sdk
from perfplatform_sdk import client
from perfplatform_sdk.context import current
from perfplatform_sdk.event_loop import current_task, failure
from perfplatform_sdk.instance import name_framework
from perfplatform_sdk.recorder import NOT_FOUND, Record, begin, harmless, type_name

from . import async_to_sync, threads, uvicorn
from .django_route import endpoint
from .django_stream import AsyncParts, Parts
from .method import known

try:
    from asgiref.sync import iscoroutinefunction, markcoroutinefunction
except ImportError:  # asgiref before 3.6, of Django before 4.2
    from asyncio import coroutines, iscoroutinefunction  # type: ignore[assignment]

    def markcoroutinefunction(func: Any) -> Any:
        func._is_coroutine = coroutines._is_coroutine  # type: ignore[attr-defined]
        return func


log = logging.getLogger("perfplatform_sdk")

_STATUSES = range(100, 600)


class Middleware:
    """Records a project's requests; sync among sync middlewares, async among async ones."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        self._follows_threads = False
        if self._is_async:
            markcoroutinefunction(self)
        if _is_awaited(sys._getframe(1), otherwise=self._is_async):
            self.process_view = self._process_view  # type: ignore[assignment]
        _set_up()

    def __call__(self, request: HttpRequest) -> Any:
        if self._is_async:
            return self._respond(request)
        record = _begin(request)
        if record is None:
            return self.get_response(request)
        try:
            response = self.get_response(request)
        except BaseException as error:
            record.end(error)
            raise
        _end(response, record, is_async=False)
        return response

    async def _respond(self, request: HttpRequest) -> Any:
        record = _begin(request, current_task())
        if record is None:
            return await self.get_response(request)
        if not self._follows_threads:
            # Only now is the event loop known.
            self._follows_threads = True
            threads.follow()
        try:
            response = await self.get_response(request)
        except BaseException as error:
            record.end(failure(error))  # Django cancels the view when the client is gone
            raise
        _end(response, record, is_async=True)
        return response

    def process_view(self, request: HttpRequest, *_: object) -> None:
        """The route is found."""
        if current.get() is not None:
            _name(request)

    async def _process_view(self, request: HttpRequest, *_: object) -> None:
        if current.get() is not None:
            _name(request)


def _is_awaited(caller: Any, *, otherwise: bool) -> bool:
    """Whether the handler awaits `process_view`. One of the wrong kind costs a change of threads each time.

    The middlewares below don't tell: those that are sync only make us sync under ASGI, too.
    """
    if caller.f_code.co_name != "load_middleware":
        return otherwise
    return bool(caller.f_locals.get("is_async", otherwise))


@harmless
def _set_up() -> None:
    async_to_sync.follow()
    uvicorn.listen()
    name_framework(f"django {django.get_version()}")
    got_request_exception.connect(_note_exception, dispatch_uid="perfplatform_sdk")
    arguments = getattr(settings, "PERFPLATFORM", None)
    if arguments is None or client.was_begun():
        return
    if isinstance(arguments, dict):
        perfplatform_sdk.init(**arguments)
    else:
        log.warning("perfplatform: nothing is recorded, for PERFPLATFORM in the settings is not a dict")


def _begin(request: HttpRequest, task: Any = None) -> Record | None:
    if current.get() is not None and _is_begun():
        return None
    return begin("request", known(request.method or ""), task=task)


def _is_begun() -> bool:
    """Whether a WSGI or ASGI wrapper around us has begun this very request: it lacks the name alone."""
    record = _record()
    return record is not None and record.route == NOT_FOUND


def _record() -> Record | None:
    """That of the innermost request."""
    record: Record | None = current.get()
    while record is not None and (record.ended or record.kind != "request"):
        record = record.outer
    return record


@harmless
def _name(request: HttpRequest) -> None:
    record = _record()
    match = request.resolver_match
    if record is not None and match is not None:
        record.name(endpoint(match.route or "", getattr(request, "urlconf", None)))


@harmless
def _note_exception(**_: object) -> None:
    """Django turns an exception into a response with status 500."""
    record, error = _record(), sys.exc_info()[1]
    if record is not None and error is not None:
        record.error_type = type_name(error)


def _end(response: Any, record: Record, *, is_async: bool) -> None:
    """Note the response, which ends the request unless it is a stream."""
    status = getattr(response, "status_code", None)
    record.status = status if status in _STATUSES else None
    record.streaming = bool(getattr(response, "streaming", False))
    if not (record.streaming and _goes_on(response, record, is_async=is_async)):
        record.end()


@harmless
def _goes_on(response: Any, record: Record, *, is_async: bool) -> bool:
    """Whether the request ends with the first part of the stream, or its closing."""
    # Servers send files in their own way (`wsgi.file_wrapper`).
    parts = None if getattr(response, "file_to_stream", None) else getattr(response, "_iterator", None)
    if parts is None:
        return False
    # Django collects a stream of the other kind, on another thread.
    comes_async = getattr(response, "is_async", False)
    fits = comes_async == is_async
    # Beneath `streaming_content`, which would take a new iterator for new content.
    response._iterator = (AsyncParts if comes_async else Parts)(parts, record, enters=fits)
    response._resource_closers.append(record.end)
    if fits or not is_async:
        record.leave()  # else the task waits for the thread, and the thread works for the record
    return True
