"""Puts what watches an app around it: the one place that knows how that is done in each framework."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from . import modes, profiled
from .long import Long
from .modes import Mode
from .routes import App

FLASK, DJANGO, FASTAPI = "flask", "django", "fastapi"
FRAMEWORKS = (FLASK, DJANGO, FASTAPI)
ON_LOOP = (FASTAPI,)


def build(framework: str, mode: Mode, app: App | None, folder: Path) -> Any:
    """A WSGI or ASGI application: this app, or the shop. Files go to `folder`."""
    return _BUILDERS[framework](mode, app, folder)


def _flask(mode: Mode, app: App | None, folder: Path) -> Any:
    from . import flask_app

    flask = flask_app.build(app.routes(on_loop=False) if app else flask_app.shop_routes(folder))
    if isinstance(app, Long):
        flask.wsgi_app = app.innermost(flask.wsgi_app)  # type: ignore[method-assign]
    if mode.settings is not None:
        from perfplatform_sdk.integrations.flask import PerfPlatform

        PerfPlatform(flask)
    return profiled.profiled_wsgi(flask) if mode.wrapper == modes.PROFILER else flask


def _django(mode: Mode, app: App | None, folder: Path) -> Any:
    from . import django_app

    middleware = []
    if mode.settings is not None:
        middleware = ["perfplatform_sdk.integrations.django.Middleware"]
    elif mode.wrapper == modes.MIDDLEWARE:
        middleware = ["pyinstrument.middleware.ProfilerMiddleware"]
    django_app.configure(folder, middleware)
    django = django_app.build(app.routes(on_loop=False) if app else django_app.shop_routes())
    return profiled.profiled_wsgi(django) if mode.wrapper == modes.PROFILER else django


def _fastapi(mode: Mode, app: App | None, folder: Path) -> Any:
    from . import fastapi_app

    fastapi = fastapi_app.build(app.routes(on_loop=True) if app else fastapi_app.shop_routes(folder))
    if mode.settings is not None:
        from perfplatform_sdk.integrations.fastapi import PerfPlatform

        PerfPlatform(fastapi)
    return profiled.profiled_asgi(fastapi) if mode.wrapper == modes.PROFILER else fastapi


_BUILDERS = {FLASK: _flask, DJANGO: _django, FASTAPI: _fastapi}
