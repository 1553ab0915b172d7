"""Requests named by the routes of Starlette and FastAPI: as declared, behind the patterns of their mounts.

The routes tell when they are chosen, so that the name is known before the endpoint runs, and no middleware
that copies the scope can hide it.
"""

from __future__ import annotations

import sys
from typing import Any, Callable

from starlette.routing import Mount, Route, WebSocketRoute

from perfplatform_sdk.recorder import count_error

from .exchange import Exchange, Scope, current_exchange
from .replace import replace

_REST = "/{path}"  # what a mount leaves to an app that has no routes, as for files


def listen() -> None:
    """Have the routes of Starlette, and of FastAPI where it is imported, tell when they are chosen."""
    _tell(Route, _choose)
    _tell(WebSocketRoute, _choose)
    _tell(Mount, _choose_mount)
    fastapi = sys.modules.get("fastapi.routing")
    # Newer versions of FastAPI have routes that don't ask Starlette's, and frontends.
    for name, choose in (("APIRoute", _choose), ("_FrontendRouteGroup", _choose_frontend)):
        route = getattr(fastapi, name, None)
        if route is not None and "handle" in vars(route):
            _tell(route, choose)


def _tell(route_class: Any, choose: Callable[[Exchange, Any, Scope], None]) -> None:
    def telling(handle: Any) -> Any:
        def tell_and_handle(route: Any, scope: Scope, receive: Any, send: Any) -> Any:
            try:
                exchange = current_exchange()
                if exchange is not None:
                    choose(exchange, route, scope)
            except Exception:  # noqa: BLE001 - the border to the app
                count_error()
            return handle(route, scope, receive, send)

        return tell_and_handle

    replace(route_class, "handle", telling)


def _choose(exchange: Exchange, route: Any, scope: Scope) -> None:
    # Where routers are included, FastAPI has one route object for several places, and says where it is meant.
    place = scope.get("fastapi", {}).get("effective_route_context")
    exchange.name(place.path if getattr(place, "original_route", None) is route else route.path)


def _choose_mount(exchange: Exchange, mount: Any, _scope: Scope) -> None:
    exchange.prefix += mount.path
    if not mount.routes:
        exchange.name(_REST)


def _choose_frontend(exchange: Exchange, _group: Any, scope: Scope) -> None:
    # Frontends have no parameters: what is before the file's path is the pattern.
    path, below = scope["path"], scope["fastapi"]["frontend_path"]
    above = path[: len(path) - len(below)].rstrip("/")
    exchange.name(above[len(scope.get("root_path", "")) :] + _REST)
