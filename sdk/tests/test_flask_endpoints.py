"""Endpoints of Flask apps have their names, whatever the app is made of."""

from __future__ import annotations

from typing import Any, Callable

import flask
import pytest
from fake_platform import FakePlatform
from werkzeug.test import Client

import perfplatform_sdk
from perfplatform_sdk.integrations.flask import PerfPlatform

Start = Callable[..., None]


def get(app: flask.Flask, path: str) -> Any:
    return Client(app).get(path)


def routes(platform: FakePlatform) -> set[str]:
    assert perfplatform_sdk.flush(5.0)
    return {route for _, _, route in platform.entries()}


@pytest.mark.parametrize("engine", ["none", "auto"])
def test_middleware_that_copies_the_environ_hides_no_name(
    platform: FakePlatform, start: Start, engine: str
) -> None:
    app = flask.Flask(__name__)
    app.add_url_rule("/orders/<int:number>", "order", lambda number: str(number))
    inner = app.wsgi_app
    app.wsgi_app = lambda environ, start_response: inner(dict(environ), start_response)  # type: ignore[method-assign,misc]
    PerfPlatform(app)
    start(engine=engine)
    assert get(app, "/orders/1").data == b"1"
    assert routes(platform) == {"/orders/<int:number>"}


@pytest.mark.parametrize("engine", ["none", "auto"])
def test_blueprints_prefixes_static_files_and_short_cuts_have_their_names(
    platform: FakePlatform, start: Start, engine: str, tmp_path: Any
) -> None:
    (tmp_path / "app.css").write_text("p {}")
    app = flask.Flask(__name__, static_folder=str(tmp_path), static_url_path="/assets")
    shop = flask.Blueprint("shop", __name__)
    shop.add_url_rule("/item/<name>", "item", lambda name: name)
    app.register_blueprint(shop, url_prefix="/shop")
    app.add_url_rule("/private/<name>", "private", lambda name: name)
    app.before_request(lambda: ("not you", 403) if flask.request.endpoint == "private" else None)
    PerfPlatform(app)
    start(engine=engine)
    for path in ("/shop/item/a", "/assets/app.css", "/private/b"):
        get(app, path).close()
    assert routes(platform) == {
        "/shop/item/<name>",
        "/assets/<path:filename>",
        "/private/<name>",
    }


def test_each_app_of_a_factory_is_recorded(platform: FakePlatform, start: Start) -> None:
    extension = PerfPlatform()

    def create_app(name: str) -> flask.Flask:
        app = flask.Flask(name)
        app.add_url_rule(f"/{name}/<path:rest>", "page", lambda rest: rest)
        extension.init_app(app)
        return app

    start()
    for name in ("one", "two"):
        get(create_app(name), f"/{name}/x/y")
    assert routes(platform) == {"/one/<path:rest>", "/two/<path:rest>"}
