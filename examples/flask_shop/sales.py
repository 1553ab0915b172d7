"""What sells best."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import date

SHOWN = 20


@dataclass(frozen=True)
class Bestseller:
    """A tea and what it sold since the shop opened; `turnover_cents` is in cents."""

    product: int
    name: str
    pieces: int
    turnover_cents: int


def bestsellers(connection: sqlite3.Connection, since: date, *, release: str) -> list[Bestseller]:
    """Return the teas with the highest turnover since a day, highest first.

    Release 1.0 lets SQLite add up. Planted fault in release 1.1: every order line that there is gets fetched
    and added up in Python.
    """
    if release == "1.0":
        rows = connection.execute(
            "SELECT product, name, SUM(quantity), SUM(quantity * order_line.price_cents) AS turnover"
            " FROM order_line JOIN product ON product.id = product"
            " JOIN shop_order ON shop_order.id = shop_order WHERE ordered_on >= ?"
            " GROUP BY product ORDER BY turnover DESC, product LIMIT ?",
            (since.isoformat(), SHOWN),
        )
        return [Bestseller(*row) for row in rows]
    names: dict[int, str] = {}
    pieces: dict[int, int] = {}
    turnovers: dict[int, int] = {}
    for product, name, quantity, price_cents, ordered_on in connection.execute(
        "SELECT product, name, quantity, order_line.price_cents, ordered_on FROM order_line"
        " JOIN product ON product.id = product JOIN shop_order ON shop_order.id = shop_order"
    ):
        if date.fromisoformat(ordered_on) >= since:
            names[product] = name
            pieces[product] = pieces.get(product, 0) + quantity
            turnovers[product] = turnovers.get(product, 0) + quantity * price_cents
    best = sorted(turnovers, key=lambda product: (-turnovers[product], product))[:SHOWN]
    return [Bestseller(product, names[product], pieces[product], turnovers[product]) for product in best]
