"""Starlette, and FastAPI through it: `PerfPlatform(app)`, at any time.

It stands around the whole app, outside of `ServerErrorMiddleware`; the app's middlewares keep their order.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from perfplatform_sdk.instance import name_framework
from perfplatform_sdk.recorder import Record

from . import background, routes
from .asgi import Middleware
from .exchange import Scope


class PerfPlatform:
    """Records an app's requests and websockets. `perfplatform_sdk.init()` may be called before or after."""

    def __init__(self, app: Starlette) -> None:
        """Wrap what the app makes of its middlewares; a second time changes nothing."""
        build = app.build_middleware_stack
        if isinstance(getattr(build, "__self__", None), PerfPlatform):
            return
        self._build = build
        app.build_middleware_stack = self._build_around  # type: ignore[method-assign]
        if app.middleware_stack is not None:
            app.middleware_stack = Stack(app.middleware_stack)
        name_framework(_framework(app))
        routes.listen()
        background.listen()

    def _build_around(self) -> Any:
        routes.listen()  # again, for FastAPI may have been imported since
        return Stack(self._build())


class Stack(Middleware):
    """The middlewares of an app, in ours."""

    def name(self, record: Record, scope: Scope) -> None:
        """Its routes have done that."""

    def is_answer(self, error: BaseException) -> bool:
        return isinstance(error, HTTPException)


def _framework(app: Starlette) -> str:
    """Of the nearest class of the app that one of the two defines."""
    packages = [kind.__module__.partition(".")[0] for kind in type(app).__mro__]
    name = next(package for package in packages if package in ("fastapi", "starlette"))
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return name
