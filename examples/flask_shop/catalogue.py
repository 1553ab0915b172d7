"""Teas: reading them, rating them, and the feed that other shops fetch."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable

PAGE_SIZE = 24


def page_of_products(connection: sqlite3.Connection, page: int) -> list[sqlite3.Row]:
    """Return one page of the catalogue by name; pages count from 1, and one past the end is empty."""
    return connection.execute(
        "SELECT id, name, price_cents, weight_grams FROM product ORDER BY name LIMIT ? OFFSET ?",
        (PAGE_SIZE, (page - 1) * PAGE_SIZE),
    ).fetchall()


def find_product(connection: sqlite3.Connection, product: int) -> sqlite3.Row | None:
    """Return one tea with all its columns, or None."""
    row: sqlite3.Row | None = connection.execute("SELECT * FROM product WHERE id = ?", (product,)).fetchone()
    return row


def reviews_of(connection: sqlite3.Connection, product: int) -> list[sqlite3.Row]:
    """Return the reviews of one tea, newest first."""
    return connection.execute(
        "SELECT author, stars, words FROM review WHERE product = ? ORDER BY id DESC", (product,)
    ).fetchall()


def average_stars(stars: list[int]) -> float:
    """Return the mean of 1 to 5 stars. Planted bug: a tea without reviews raises ZeroDivisionError."""
    return round(sum(stars) / len(stars), 2)


def all_products(connection: sqlite3.Connection) -> list[sqlite3.Row]:
    """Return the whole catalogue by number."""
    return connection.execute("SELECT * FROM product ORDER BY id").fetchall()


def encode_feed(products: Iterable[sqlite3.Row]) -> str:
    """Return the feed as JSON text.

    Planted fault: all of it is encoded and decoded once before, "to be sure that it can be".
    """
    checked = json.loads(json.dumps([dict(product) for product in products], indent=2, sort_keys=True))
    return json.dumps({"count": len(checked), "products": checked}, indent=2, sort_keys=True)
