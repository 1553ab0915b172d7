"""Flask: `PerfPlatform(app)`. The endpoint is the route's pattern."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from inspect import ismethod
from typing import Any, Callable

from flask import Flask, got_request_exception, request

from perfplatform_sdk.config import Config
from perfplatform_sdk.context import current
from perfplatform_sdk.instance import name_framework
from perfplatform_sdk.recorder import (
    NONE,
    NOT_FOUND,
    Record,
    count_error,
    current_record,
    harmless,
    type_name,
)

from . import wsgi
from .replace import replace

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
        try:
            # blinker keeps weak references unless told not to. This one is sent after an error only.
            got_request_exception.connect(_note_exception, app, weak=False)
        except RuntimeError:  # before Flask 2.3, where blinker is not installed
            replace(app, "handle_exception", _noting)
        app.wsgi_app = Middleware(app)  # type: ignore[method-assign]


class Middleware(wsgi.Middleware):
    """A Flask app's WSGI callable.

    An engine that decides by the endpoint how to record a request must know it before the view: then a
    function is called before all requests. Else it is read when the response begins, in a tenth of the time.
    """

    def __init__(self, app: Flask) -> None:
        super().__init__(app.wsgi_app)
        self._app = app
        self._names_early = False
        if not ismethod(app.wsgi_app):
            self._name_early()  # a middleware in between may hand on a copy of `environ`

    def learn(self, config: Config) -> None:
        super().learn(config)
        self._is_recorded_unnamed = False
        if config.engine != NONE:
            self._name_early()

    def _name_early(self) -> None:
        if not self._names_early:
            self._names_early = True
            functions = self._app.before_request_funcs
            # A new list, for other requests may be going through the old one.
            functions[None] = [_name, *functions.get(None, ())]

    def name(self, record: Record, environ: wsgi.Environ) -> None:
        request_of_flask = environ.get("werkzeug.request")
        route = None if request_of_flask is None else request_of_flask.url_rule
        if route is not None and route.map is self._app.url_map:
            record.route = route.rule

    def is_done(self, record: Record, environ: wsgi.Environ, body: Any) -> bool:
        try:
            # werkzeug's iterator over a response, which ends with the response's own `close`.
            if not body._callbacks[-1].__self__.is_streamed:
                return True
        except (AttributeError, IndexError, TypeError):
            pass  # of something else
        return super().is_done(record, environ, body)


def _name() -> None:
    try:
        record = current.get()
        if record is None or record.ended or record.kind != "request":
            record = _record()
        if record is not None:
            record.name(_route_of(record))
    except Exception:  # noqa: BLE001 - the border to the app; `harmless` would take half a microsecond
        count_error()


def _noting(handle_exception: Callable[[Exception], Any]) -> Callable[[Exception], Any]:
    """Flask's own handling of an exception that the app left unhandled, which also tells us of it."""

    def note_and_handle(error: Exception) -> Any:
        _note_exception(None, exception=error)
        return handle_exception(error)

    return note_and_handle


@harmless
def _note_exception(_app: Flask | None, *, exception: BaseException, **_: Any) -> None:
    record = _record()
    if record is not None:
        record.error_type = type_name(exception)
        record.route = _route_of(record)  # there may be no response whose beginning would tell


def _record() -> Record | None:
    record = current_record()
    return record if record is not None and record.kind == "request" else None


def _route_of(record: Record) -> str:
    """The pattern that Flask has found for the request that it serves at this moment."""
    environ = record.owner if isinstance(record.owner, dict) else {}
    # By way of Flask's proxy it takes longer. Test clients leave a request without a route here.
    route = getattr(environ.get("werkzeug.request"), "url_rule", None) or request.url_rule
    return NOT_FOUND if route is None else str(route.rule)


def _framework() -> str:
    try:
        return f"flask {version('flask')}"
    except PackageNotFoundError:
        return "flask"
