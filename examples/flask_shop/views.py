"""The shop's pages and its API."""

from __future__ import annotations

from datetime import date

from flask import Blueprint, Response, abort, current_app, jsonify, render_template, request
from flask.typing import ResponseReturnValue

from flask_shop import catalogue, journal, orders, sales, shipping
from flask_shop.database import connection

shop = Blueprint("shop", __name__)


@shop.get("/")
def show_catalogue() -> ResponseReturnValue:
    """One page of teas."""
    page = max(1, request.args.get("page", 1, type=int))
    products = catalogue.page_of_products(connection(), page)
    return render_template("catalogue.html", products=products, page=page)


@shop.get("/products/<int:number>")
def show_product(number: int) -> ResponseReturnValue:
    """One tea with its reviews."""
    product = catalogue.find_product(connection(), number) or abort(404)
    reviews = catalogue.reviews_of(connection(), number)
    return render_template("product.html", product=product, reviews=reviews)


@shop.get("/bestsellers")
def show_bestsellers() -> ResponseReturnValue:
    """The teas with the highest turnover since `?since=2026-03-01`."""
    try:
        since = date.fromisoformat(request.args.get("since", "2026-01-01"))
    except ValueError:
        abort(400, "since must be a day, as in 2026-03-01")
    found = sales.bestsellers(connection(), since, release=current_app.config["SHOP_VERSION"])
    return render_template("bestsellers.html", bestsellers=found, since=since)


@shop.get("/orders")
def list_orders() -> ResponseReturnValue:
    """The newest orders, for the people who pack."""
    newest = orders.newest_orders(connection(), release=current_app.config["SHOP_VERSION"])
    return render_template("orders.html", orders=newest)


@shop.get("/orders/<int:number>/invoice")
def show_invoice(number: int) -> ResponseReturnValue:
    """The invoice of one order."""
    order = orders.find_order(connection(), number) or abort(404)
    lines = orders.invoice_lines(connection(), number)
    total_cents = sum(line["quantity"] * line["price_cents"] for line in lines)
    rows = orders.render_invoice_lines(lines)
    return render_template("invoice.html", order=order, rows=rows, total_cents=total_cents)


@shop.get("/journal/<slug>")
def show_article(slug: str) -> ResponseReturnValue:
    """An article of the journal."""
    article = journal.find_article(connection(), slug) or abort(404)
    products = [(product["id"], product["name"]) for product in catalogue.all_products(connection())]
    body = journal.link_product_names(article["body"], products)
    return render_template("article.html", title=article["title"], body=body)


@shop.get("/api/products")
def send_feed() -> ResponseReturnValue:
    """The whole catalogue for other shops."""
    return Response(catalogue.encode_feed(catalogue.all_products(connection())), mimetype="application/json")


@shop.get("/api/products/<int:number>/rating")
def send_rating(number: int) -> ResponseReturnValue:
    """The mean of a tea's stars."""
    catalogue.find_product(connection(), number) or abort(404)
    stars = [review["stars"] for review in catalogue.reviews_of(connection(), number)]
    return jsonify(product=number, reviews=len(stars), stars=catalogue.average_stars(stars))


@shop.post("/cart/quote")
def quote_cart() -> ResponseReturnValue:
    """What a cart costs with each carrier: `{"country": "DE", "items": [{"product": 1, "quantity": 2}]}`."""
    cart = request.get_json()
    try:
        country = str(cart["country"])
        wanted = [(int(item["product"]), int(item["quantity"])) for item in cart["items"]]
    except (KeyError, TypeError, ValueError):
        abort(400, "a cart is a country and items of product and quantity")
    price_cents = grams = 0
    for number, quantity in wanted:
        product = catalogue.find_product(connection(), number) or abort(404)
        price_cents += quantity * product["price_cents"]
        grams += quantity * product["weight_grams"]
    try:
        rates = shipping.fetch_rates(current_app.config["SHOP_CARRIERS_URL"], country=country, grams=grams)
    except shipping.NoRatesError as error:
        abort(502, str(error))
    return jsonify(price_cents=price_cents, grams=grams, rates=[vars(rate) for rate in rates])
