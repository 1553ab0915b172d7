"""The apps on Flask."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from flask import Flask, render_template
from jinja2 import DictLoader

from . import shop, work
from .routes import Route


def build(routes: Iterable[Route]) -> Flask:
    app = Flask(__name__)
    app.jinja_loader = DictLoader({"page.html": shop.PAGE_TEMPLATE})
    for route in routes:
        app.add_url_rule(route.path, endpoint=route.path, view_func=route.function)
    return app


def shop_routes(folder: Path) -> list[Route]:
    shelf = folder / "shelf.sqlite3"
    work.fill_shelf(shelf)

    def queries() -> dict[str, Any]:
        return {"products": work.read_shelf(shelf)}

    def page() -> str:
        return render_template("page.html", title="Products", rows=work.page_rows())

    return [
        Route(shop.TRIVIAL, shop.trivial),
        Route(shop.QUERIES, queries),
        Route(shop.PAGE, page),
        Route(shop.CALLS, shop.calls),
        Route(shop.WAIT, shop.wait),
    ]
