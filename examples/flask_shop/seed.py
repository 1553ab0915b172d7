"""The shop's data: made up, and the same on every machine."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from random import Random

MOODS = [
    "Amber",
    "Autumn",
    "Bright",
    "Cloud",
    "Dawn",
    "Emerald",
    "Evening",
    "Golden",
    "Harbour",
    "Hidden",
    "Jade",
    "Misty",
    "Moonlit",
    "Quiet",
    "River",
    "Silver",
    "Velvet",
    "Winter",
]
ORIGINS = ["Assam", "Darjeeling", "Fujian", "Nilgiri", "Uji", "Yunnan"]
KINDS = ["Black", "Green", "Oolong", "Pu-erh", "White"]
TASTES = ["apricot", "cedar", "chestnut", "cocoa", "honey", "malt", "moss", "orchid", "smoke", "toast"]
NAMES = [
    "Ada",
    "Bo",
    "Chen",
    "Dara",
    "Elif",
    "Femi",
    "Gita",
    "Hugo",
    "Ines",
    "Jun",
    "Kofi",
    "Lena",
    "Mira",
    "Noor",
    "Otto",
    "Pia",
]
CITIES = ["Bergen", "Chengdu", "Graz", "Leeds", "Lyon", "Nagoya", "Porto", "Quito", "Tartu", "Utrecht"]
ARTICLES = ("first-flush", "how-to-brew", "on-water", "the-tea-horse-road", "what-is-oolong")

CUSTOMERS = 240
ORDERS = 1_500
OPENED_ON = date(2026, 1, 5)

Product = tuple[int, str, str, str, str, int, int, str]  # the columns of the table, in order


def fill(connection: sqlite3.Connection) -> None:
    """Insert all rows into empty tables."""
    random = Random(1773)
    products = list(_products(random))
    _insert(connection, "product", products)
    _insert(connection, "review", _reviews(random, products))
    _insert(connection, "customer", _customers(random))
    _insert(connection, "shop_order", _orders(random))
    _insert(connection, "order_line", _order_lines(random, products))
    _insert(connection, "article", _articles(random, products))


def _insert(connection: sqlite3.Connection, table: str, rows: Iterable[tuple[object, ...]]) -> None:
    values = list(rows)
    marks = ", ".join("?" * len(values[0]))
    connection.executemany(f"INSERT INTO {table} VALUES ({marks})", values)


def _products(random: Random) -> Iterator[Product]:
    names = [(mood, origin, kind) for mood in MOODS for origin in ORIGINS for kind in KINDS]
    for identity, (mood, origin, kind) in enumerate(names, start=1):
        first, second, third = random.sample(TASTES, 3)
        yield (
            identity,
            f"{mood} {origin} {kind}",
            origin,
            kind,
            f"A {kind.lower()} tea from {origin}: {first} in the cup, {second} after it, {third} when cold.",
            random.randrange(390, 4_900, 10),
            random.choice((50, 100, 125, 250)),
            (OPENED_ON + timedelta(days=random.randrange(120))).isoformat(),
        )


def _reviews(random: Random, products: list[Product]) -> Iterator[tuple[object, ...]]:
    identity = 0
    for product, *_ in products:
        # Every tenth tea is too new to have been reviewed.
        for _number in range(0 if product % 10 == 0 else random.randint(1, 9)):
            identity += 1
            words = f"Tastes of {random.choice(TASTES)} and {random.choice(TASTES)}."
            yield identity, product, random.choice(NAMES), random.randint(2, 5), words


def _customers(random: Random) -> Iterator[tuple[int, str, str]]:
    for identity in range(1, CUSTOMERS + 1):
        yield identity, f"{random.choice(NAMES)} {random.choice(NAMES)}son", random.choice(CITIES)


def _orders(random: Random) -> Iterator[tuple[int, int, str]]:
    for identity in range(1, ORDERS + 1):
        ordered_on = OPENED_ON + timedelta(days=identity * 300 // ORDERS)
        yield identity, random.randint(1, CUSTOMERS), ordered_on.isoformat()


def _order_lines(random: Random, products: list[Product]) -> Iterator[tuple[int, int, int, int, int]]:
    identity = 0
    for order in range(1, ORDERS + 1):
        for product in random.sample(products, random.randint(3, 8)):
            identity += 1
            yield identity, order, product[0], random.randint(1, 6), product[5]


def _articles(random: Random, products: list[Product]) -> Iterator[tuple[str, str, str]]:
    for slug in ARTICLES:
        paragraphs = []
        for _number in range(6):
            first, second, third, fourth = (product[1] for product in random.sample(products, 4))
            paragraphs.append(
                f"{random.choice(NAMES)} brought {first} back from {random.choice(CITIES)}. Next to {second} "
                f"it has more {random.choice(TASTES)}, and less than {third} had last year. Who likes "
                f"{random.choice(TASTES)} should try {fourth} too, with softer water."
            )
        yield slug, slug.replace("-", " ").capitalize(), "\n".join(paragraphs)
