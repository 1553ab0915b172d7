"""Orders: the list of the newest, and the invoice of one."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field

from flask import current_app
from markupsafe import Markup

SHOWN = 300

INVOICE_LINE = """
<tr>
  <td>{{ number }}</td>
  <td><a href="/products/{{ line.product }}">{{ line.name }}</a></td>
  <td>{{ line.quantity }} × {{ line.price_cents|money }}{% if line.quantity > 4 %} <b>case</b>{% endif %}</td>
  <td>{{ (line.quantity * line.price_cents)|money }}</td>
</tr>
"""


@dataclass
class Order:
    """An order as the list shows it; money is in cents."""

    number: int
    ordered_on: str
    customer: str = ""
    teas: list[str] = field(default_factory=list)
    total_cents: int = 0


def newest_orders(connection: sqlite3.Connection, *, release: str) -> list[Order]:
    """Return the newest orders with their teas.

    Planted fault in release 1.0: N+1 queries, two for each order and one for each of its lines.
    Release 1.1 mends it with one query for all lines.
    """
    newest = "SELECT id, ordered_on, customer FROM shop_order ORDER BY ordered_on DESC, id DESC LIMIT ?"
    rows = connection.execute(newest, (SHOWN,)).fetchall()
    orders = {row["id"]: Order(row["id"], row["ordered_on"]) for row in rows}
    if release == "1.0":
        for row in rows:
            order = orders[row["id"]]
            customers = connection.execute("SELECT * FROM customer WHERE id = ?", (row["customer"],))
            order.customer = customers.fetchone()["name"]
            lines = connection.execute(
                "SELECT * FROM order_line WHERE shop_order = ? ORDER BY id", (row["id"],)
            )
            for line in lines.fetchall():
                products = connection.execute("SELECT * FROM product WHERE id = ?", (line["product"],))
                order.teas.append(f"{line['quantity']} {products.fetchone()['name']}")
                order.total_cents += line["quantity"] * line["price_cents"]
        return list(orders.values())
    for number, customer, quantity, name, price_cents in connection.execute(
        "SELECT shop_order, customer.name, quantity, product.name, order_line.price_cents FROM order_line"
        " JOIN shop_order ON shop_order.id = shop_order JOIN customer ON customer.id = customer"
        " JOIN product ON product.id = product"
        f" WHERE shop_order IN (SELECT id FROM ({newest})) ORDER BY shop_order, order_line.id",
        (SHOWN,),
    ):
        order = orders[number]
        order.customer = customer
        order.teas.append(f"{quantity} {name}")
        order.total_cents += quantity * price_cents
    return list(orders.values())


def find_order(connection: sqlite3.Connection, number: int) -> sqlite3.Row | None:
    """Return number, customer, city and day of an order, or None."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT shop_order.id AS number, name AS customer, city, ordered_on FROM shop_order"
        " JOIN customer ON customer.id = customer WHERE shop_order.id = ?",
        (number,),
    ).fetchone()
    return row


def invoice_lines(connection: sqlite3.Connection, number: int) -> list[sqlite3.Row]:
    """Return the lines of an order with the names of the teas."""
    return connection.execute(
        "SELECT product, name, quantity, order_line.price_cents FROM order_line"
        " JOIN product ON product.id = product WHERE shop_order = ? ORDER BY order_line.id",
        (number,),
    ).fetchall()


def render_invoice_lines(lines: list[sqlite3.Row]) -> Markup:
    """Return the table rows of an invoice.

    Planted fault: the template of a row is a string, and is parsed and compiled again for each row.
    """
    html = ""
    for number, line in enumerate(lines, start=1):
        html += current_app.jinja_env.from_string(INVOICE_LINE).render(number=number, line=line)
    return Markup(html)  # noqa: S704 - Flask escapes in templates that are strings


def format_money(cents: int) -> str:
    """Return cents as euros: 123450 is "€1,234.50"."""
    return f"€{cents / 100:,.2f}"
