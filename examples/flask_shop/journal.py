"""The journal: articles in which every tea that is named becomes a link."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable

from markupsafe import Markup, escape


def find_article(connection: sqlite3.Connection, slug: str) -> sqlite3.Row | None:
    """Return title and plain text of an article, or None."""
    found = connection.execute("SELECT title, body FROM article WHERE slug = ?", (slug,))
    row: sqlite3.Row | None = found.fetchone()
    return row


def link_product_names(body: str, products: Iterable[tuple[int, str]]) -> Markup:
    """Return the text as HTML with a link around every tea's name; `products` are pairs of number and name.

    Planted fault: a pattern is compiled for every tea of the catalogue. `re` remembers 512 of them, and the
    catalogue has outgrown that, so that each request compiles them all again.
    """
    html = str(escape(body))
    for number, name in products:
        pattern = re.compile(rf"\b{re.escape(str(escape(name)))}\b")
        html = pattern.sub(rf'<a href="/products/{number}">\g<0></a>', html)
    return Markup(html)  # noqa: S704 - escaped above
