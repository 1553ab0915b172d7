"""The shop's SQLite file: made once, then one connection for each request."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from flask import current_app, g

from flask_shop import seed

SEED_NUMBER = 1
"""Raise it with every change of the schema or of seed.py: an older file is then made anew."""

SCHEMA = """
CREATE TABLE product (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, origin TEXT NOT NULL, kind TEXT NOT NULL,
    description TEXT NOT NULL, price_cents INTEGER NOT NULL, weight_grams INTEGER NOT NULL,
    harvested_on TEXT NOT NULL
);
CREATE TABLE review (
    id INTEGER PRIMARY KEY, product INTEGER NOT NULL REFERENCES product (id), author TEXT NOT NULL,
    stars INTEGER NOT NULL, words TEXT NOT NULL
);
CREATE INDEX review_product ON review (product);
CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT NOT NULL, city TEXT NOT NULL);
CREATE TABLE shop_order (
    id INTEGER PRIMARY KEY, customer INTEGER NOT NULL REFERENCES customer (id), ordered_on TEXT NOT NULL
);
CREATE INDEX shop_order_ordered_on ON shop_order (ordered_on);
CREATE TABLE order_line (
    id INTEGER PRIMARY KEY, shop_order INTEGER NOT NULL REFERENCES shop_order (id),
    product INTEGER NOT NULL REFERENCES product (id), quantity INTEGER NOT NULL, price_cents INTEGER NOT NULL
);
CREATE INDEX order_line_shop_order ON order_line (shop_order);
CREATE TABLE article (slug TEXT PRIMARY KEY, title TEXT NOT NULL, body TEXT NOT NULL);
"""


def prepare(directory: Path) -> Path:
    """Return the database file in `directory`, filled with the seed if it isn't there yet."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "shop.db"
    if not path.exists() or _seed_number(path) != SEED_NUMBER:
        # Made beside and moved, so that a start that was killed leaves no half-filled shop.
        unfinished = directory / f"shop.{os.getpid()}.unfinished"
        unfinished.unlink(missing_ok=True)
        with closing(sqlite3.connect(unfinished)) as connection, connection:
            connection.executescript(SCHEMA)
            seed.fill(connection)
            connection.execute(f"PRAGMA user_version = {SEED_NUMBER}")
        unfinished.replace(path)
    return path


def connection() -> sqlite3.Connection:
    """Return the connection of the current request."""
    if "connection" not in g:
        g.connection = sqlite3.connect(current_app.config["SHOP_DATABASE"])
        g.connection.row_factory = sqlite3.Row
    opened: sqlite3.Connection = g.connection
    return opened


def close(_error: BaseException | None = None) -> None:
    """Close the connection of the current request, if it opened one."""
    opened = g.pop("connection", None)
    if opened is not None:
        opened.close()


def _seed_number(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        number: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return number
