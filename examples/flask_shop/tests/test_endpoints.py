"""Every endpoint answers, and both releases answer the same."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from flask import Flask

from flask_shop import create_app, traffic

REQUESTS = [habit(Random(seed)) for habit in traffic.HABITS for seed in range(4)]
NEVER_REVIEWED = 10


@pytest.mark.parametrize("visit", REQUESTS, ids=lambda visit: f"{visit.method} {visit.path}")
def test_both_releases_answer_the_same(shops: dict[str, Flask], visit: traffic.Visit) -> None:
    old, new = (
        shops[release].test_client().open(visit.path, method=visit.method, json=visit.cart)
        for release in ("1.0", "1.1")
    )
    assert old.status_code == 200
    assert (new.status_code, new.data) == (old.status_code, old.data)


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/", "Amber Assam Black"),
        ("/?page=23", "Winter Yunnan White"),
        ("/?page=24", "No more teas."),
        ("/products/1", "A black tea from Assam"),
        ("/products/10", "Nobody has reviewed this tea yet."),
        ("/bestsellers?since=2026-02-01", "Bestsellers since 2026-02-01"),
        ("/orders", "/orders/1500/invoice"),
        ("/orders/77/invoice", "Invoice of order 77"),
        ("/journal/on-water", 'brought <a href="/products/'),
        ("/api/products", '"count": 540'),
    ],
)
def test_page_shows_what_it_is_for(shops: dict[str, Flask], path: str, shown: str) -> None:
    assert shown in shops["1.0"].test_client().get(path).text


@pytest.mark.parametrize(
    "path",
    ["/products/541", "/orders/0/invoice", "/journal/no-such-thing", "/api/products/541/rating", "/nowhere"],
)
def test_what_is_not_there_is_404(shops: dict[str, Flask], path: str) -> None:
    assert shops["1.0"].test_client().get(path).status_code == 404


def test_bestsellers_refuse_what_is_no_day(shops: dict[str, Flask]) -> None:
    assert shops["1.0"].test_client().get("/bestsellers?since=yesterday").status_code == 400


@pytest.mark.parametrize("release", ["1.0", "1.1"])
def test_rating_of_a_tea_without_reviews_fails(shops: dict[str, Flask], release: str) -> None:
    assert shops[release].test_client().get(f"/api/products/{NEVER_REVIEWED}/rating").status_code == 500


def test_quote_adds_up_and_names_every_carrier(shops: dict[str, Flask]) -> None:
    client = shops["1.0"].test_client()
    items = [{"product": 1, "quantity": 2}]
    at_home, abroad = (
        client.post("/cart/quote", json={"country": country, "items": items}).get_json()
        for country in ("NL", "FR")
    )
    [product] = [tea for tea in client.get("/api/products").get_json()["products"] if tea["id"] == 1]
    assert at_home["price_cents"] == 2 * product["price_cents"]
    assert at_home["grams"] == 2 * product["weight_grams"]
    assert [rate["carrier"] for rate in at_home["rates"]] == ["slow-boat", "post", "courier"]
    assert [rate["price_cents"] for rate in abroad["rates"]] == [
        2 * rate["price_cents"] for rate in at_home["rates"]
    ]


@pytest.mark.parametrize("cart", [{}, [], {"country": "NL", "items": [{"product": "tea", "quantity": 1}]}])
def test_quote_refuses_what_is_no_cart(shops: dict[str, Flask], cart: object) -> None:
    assert shops["1.0"].test_client().post("/cart/quote", json=cart).status_code == 400


def test_quote_says_when_carriers_are_away(shop_data: Path) -> None:
    app = create_app({"SHOP_DATA": str(shop_data), "SHOP_CARRIERS_URL": "http://127.0.0.1:9"})
    answer = app.test_client().post("/cart/quote", json={"country": "NL", "items": []})
    assert answer.status_code == 502
    assert "answer" in answer.text


def test_unknown_release_is_refused(shop_data: Path) -> None:
    with pytest.raises(ValueError, match=r"one of 1\.0, 1\.1"):
        create_app({"SHOP_VERSION": "2.0", "SHOP_DATA": str(shop_data)})
