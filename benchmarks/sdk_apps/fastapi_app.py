"""The apps on FastAPI: coroutine functions on the loop, plain ones in its threads."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from jinja2 import Environment

from . import shop, work
from .routes import Route


def build(routes: Iterable[Route]) -> FastAPI:
    app = FastAPI()
    for route in routes:
        app.add_api_route(route.path, route.function, response_model=None)
    return app


def shop_routes(folder: Path) -> list[Route]:
    """Queries and template are plain functions, for they would block the loop."""
    shelf = folder / "shelf.sqlite3"
    work.fill_shelf(shelf)
    template = Environment(autoescape=True).from_string(shop.PAGE_TEMPLATE)

    def queries() -> dict[str, Any]:
        return {"products": work.read_shelf(shelf)}

    def page() -> HTMLResponse:
        return HTMLResponse(template.render(title="Products", rows=work.page_rows()))

    return [
        Route(shop.TRIVIAL, shop.trivial_on_loop),
        Route(shop.QUERIES, queries),
        Route(shop.PAGE, page),
        Route(shop.CALLS, shop.calls_on_loop),
        Route(shop.WAIT, shop.wait_on_loop),
    ]
