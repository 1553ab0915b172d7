"""Each planted fault takes most of its endpoint's time, and the releases differ in two places only."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from pathlib import Path
from random import Random
from statistics import median

import pytest
from flask import Flask
from pyinstrument import Profiler

import flask_shop
from flask_shop import create_app
from flask_shop.traffic import HABITS, Visit, open_bestsellers, open_orders

SHOP = str(Path(flask_shop.__file__).parent)
TESTS = str(Path(__file__).parent)

CART: dict[str, object] = {"country": "DE", "items": [{"product": 3, "quantity": 2}]}
FAULTS = [
    ("1.0", Visit("GET", "/orders"), "newest_orders"),
    ("1.1", Visit("GET", "/bestsellers"), "bestsellers"),
    *(
        (release, visit, function)
        for release in ("1.0", "1.1")
        for visit, function in [
            (Visit("GET", "/orders/77/invoice"), "render_invoice_lines"),
            (Visit("GET", "/journal/on-water"), "link_product_names"),
            (Visit("GET", "/api/products"), "encode_feed"),
            (Visit("POST", "/cart/quote", CART), "fetch_rates"),
        ]
    ),
]


pytestmark = pytest.mark.e2e

each_fault = pytest.mark.parametrize(
    ("release", "visit", "function"), FAULTS, ids=[f"{function}-{release}" for release, _, function in FAULTS]
)


def own_shares(app: Flask, visit: Visit) -> dict[str, float]:
    """Profile a request; return each shop function's share of the time, with the library calls it makes."""
    client = app.test_client()
    with Profiler(interval=0.001) as profiler:
        client.open(visit.path, method=visit.method, json=visit.cart)
    assert profiler.last_session is not None
    root = profiler.last_session.root_frame()
    assert root is not None
    seconds: dict[str, float] = defaultdict(float)
    waiting = [(root, "")]
    while waiting:
        frame, owner = waiting.pop()
        path = frame.file_path or ""
        if path.startswith(SHOP) and not path.startswith(TESTS):
            owner = frame.function
        if owner:
            seconds[owner] += frame.time - sum(child.time for child in frame.children)
        waiting.extend((child, owner) for child in frame.children)
    return {function: time / sum(seconds.values()) for function, time in seconds.items()}


def typical_share(requests: list[dict[str, float]], function: str) -> float:
    """The median: on a busy machine one request or the other stands still for a while, anywhere."""
    return median(shares.get(function, 0.0) for shares in requests)


@each_fault
def test_planted_fault_takes_most_of_the_shops_own_time(
    shops: dict[str, Flask], release: str, visit: Visit, function: str
) -> None:
    requests = [own_shares(shops[release], visit) for _request in range(3)]
    assert typical_share(requests, function) > 0.5


@each_fault
def test_first_request_to_a_new_shop_shows_the_fault_already(
    shop_data: Path, release: str, visit: Visit, function: str
) -> None:
    new_shop = {"SHOP_VERSION": release, "SHOP_DATA": str(shop_data)}
    requests = [own_shares(create_app(new_shop), visit) for _shop in range(3)]
    seen = {name for shares in requests for name in shares}
    assert max(seen, key=lambda name: typical_share(requests, name)) == function


def statements(app: Flask, visit: Visit, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the SQL that one request runs, in order."""
    seen: list[str] = []

    def connect_and_listen(path: str) -> sqlite3.Connection:
        connection = sqlite3.Connection(path)
        connection.set_trace_callback(seen.append)
        return connection

    with monkeypatch.context() as patched:
        patched.setattr(sqlite3, "connect", connect_and_listen)
        app.test_client().open(visit.path, method=visit.method, json=visit.cart)
    return seen


def test_new_release_asks_once_for_all_orders(
    shops: dict[str, Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = Visit("GET", "/orders")
    assert len(statements(shops["1.0"], orders, monkeypatch)) > 2_000
    assert len(statements(shops["1.1"], orders, monkeypatch)) == 2


def test_releases_differ_in_two_routes_only(shops: dict[str, Flask], monkeypatch: pytest.MonkeyPatch) -> None:
    differing = set()
    for habit in HABITS:
        old, new = (statements(shops[release], habit(Random(1)), monkeypatch) for release in ("1.0", "1.1"))
        assert old
        assert new
        if old != new:
            differing.add(habit)
    assert differing == {open_orders, open_bestsellers}
