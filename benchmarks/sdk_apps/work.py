"""Work of known kinds: on the CPU, or waiting."""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path

QUERIES = 20
PRODUCTS = 500
PAGE_ROWS = 50
_SPIN_STEPS = 20_000

_local = threading.local()


def fill_shelf(file: Path) -> None:
    """Make the database that the query views read."""
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE product (id INTEGER PRIMARY KEY, name TEXT, price INTEGER)")
        rows = [(number, f"Product {number}", number * 7) for number in range(1, PRODUCTS + 1)]
        connection.executemany("INSERT INTO product VALUES (?, ?, ?)", rows)
    connection.close()


def read_shelf(file: Path) -> list[dict[str, object]]:
    """20 queries on a connection of the thread's own."""
    connection: sqlite3.Connection | None = getattr(_local, "connection", None)
    if connection is None:
        connection = _local.connection = sqlite3.connect(file)
    return [read_product(connection, number * 17) for number in range(1, QUERIES + 1)]


def read_product(connection: sqlite3.Connection, number: int) -> dict[str, object]:
    query = "SELECT id, name, price FROM product WHERE id = ?"
    identity, name, price = connection.execute(query, (number,)).fetchone()
    return {"id": identity, "name": name, "price": price}


def page_rows() -> list[dict[str, object]]:
    return [{"name": f"Product {number}", "price": number * 7 / 100} for number in range(PAGE_ROWS)]


def count_calls(depth: int) -> int:
    """A function that does little else than call itself: about 2 ** depth times."""
    return 1 if depth == 0 else count_calls(depth - 1) + count_calls(depth - 1)


class Spinner:
    """Keeps the CPU busy for about so long, measured once: later the same steps, however long they take."""

    def __init__(self) -> None:
        self._steps_per_second = max(self._speed() for _ in range(5))

    def spin(self, seconds: float) -> None:
        _step(int(self._steps_per_second * seconds))

    @staticmethod
    def _speed() -> float:
        began = time.thread_time()
        _step(_SPIN_STEPS)
        return _SPIN_STEPS / max(time.thread_time() - began, 1e-6)


def _step(steps: int) -> float:
    value = 0.0
    for number in range(steps):
        value += number * 0.5
    return value
