"""Flask: `PerfPlatform(app)`.

The endpoint is the route's pattern. Recording starts when Flask has found the route, for only then is it
known whether to record at all; the time before that is part of the duration all the same.
"""

from __future__ import annotations

from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from flask import Flask, got_request_exception, request, request_finished, request_started

from perfplatform_sdk.instance import name_framework
from perfplatform_sdk.recorder import Record, current_record, harmless, type_name

from .wsgi import Middleware

_EXTENSION = "perfplatform"


class PerfPlatform:
    """Records the requests of a Flask app. `perfplatform_sdk.init()` may be called before or after."""

    def __init__(self, app: Flask | None = None) -> None:
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Wrap the app's WSGI callable; a second time changes nothing."""
        if _EXTENSION in app.extensions:
            return
        app.extensions[_EXTENSION] = self
        name_framework(_framework())
        app.wsgi_app = Middleware(app.wsgi_app, partial(_listen, app))  # type: ignore[method-assign]


def _listen(app: Flask) -> None:
    # blinker keeps weak references unless told not to.
    request_started.connect(_name, app, weak=False)
    request_finished.connect(_note_response, app, weak=False)
    got_request_exception.connect(_note_exception, app, weak=False)


def _record() -> Record | None:
    record = current_record()
    return record if record is not None and record.kind == "request" else None


@harmless
def _name(_app: Flask, **_: Any) -> None:
    record = _record()
    if record is not None:
        route = request.url_rule
        record.name("(not found)" if route is None else route.rule)


@harmless
def _note_response(_app: Flask, *, response: Any, **_: Any) -> None:
    record = _record()
    if record is not None:
        record.streaming = response.is_streamed


@harmless
def _note_exception(_app: Flask, *, exception: BaseException, **_: Any) -> None:
    record = _record()
    if record is not None:
        record.error_type = type_name(exception)


def _framework() -> str:
    try:
        return f"flask {version('flask')}"
    except PackageNotFoundError:
        return "flask"
