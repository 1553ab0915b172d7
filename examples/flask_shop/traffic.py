"""`python -m flask_shop.traffic --url http://127.0.0.1:5050` visits the shop, gently, until told to stop."""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import logging
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from types import FrameType

from flask_shop import seed

WARM_UP_ROUNDS = 3
WARM_UP_PAUSE_SECONDS = 0.05
ANSWER_SECONDS = 10.0
CLOSED_PAUSE_SECONDS = 0.5

PRODUCTS = len(seed.MOODS) * len(seed.ORIGINS) * len(seed.KINDS)
COUNTRIES = ("BE", "DE", "FR", "NL", "PT")

log = logging.getLogger("flask_shop.traffic")


@dataclass(frozen=True)
class Visit:
    """One request: `path` with its query, and for POST the JSON that is sent."""

    method: str
    path: str
    cart: dict[str, object] | None = None


# The shop is nearby: no proxy of the machine stands between.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))

Habit = Callable[[Random], Visit]


def open_catalogue(random: Random) -> Visit:
    """Look at one of the pages of teas."""
    return Visit("GET", f"/?page={random.randint(1, 20)}")


def open_product(random: Random) -> Visit:
    """Look at one tea."""
    return Visit("GET", f"/products/{random.randint(1, PRODUCTS)}")


def open_bestsellers(random: Random) -> Visit:
    """Ask what sold best since some day."""
    return Visit("GET", f"/bestsellers?since={seed.OPENED_ON + timedelta(days=random.randrange(90))}")


def open_orders(_random: Random) -> Visit:
    """Look at the newest orders."""
    return Visit("GET", "/orders")


def open_invoice(random: Random) -> Visit:
    """Print the invoice of an order."""
    return Visit("GET", f"/orders/{random.randint(1, seed.ORDERS)}/invoice")


def read_journal(random: Random) -> Visit:
    """Read an article."""
    return Visit("GET", f"/journal/{random.choice(seed.ARTICLES)}")


def fetch_feed(_random: Random) -> Visit:
    """Fetch the feed, as another shop would."""
    return Visit("GET", "/api/products")


def ask_rating(random: Random) -> Visit:
    """Ask for the stars of a tea; one in ten has none, and the shop fails."""
    return Visit("GET", f"/api/products/{random.randint(1, PRODUCTS)}/rating")


def quote_cart(random: Random) -> Visit:
    """Ask what a cart costs with each carrier."""
    items = [{"product": random.randint(1, PRODUCTS), "quantity": random.randint(1, 3)} for _ in range(3)]
    return Visit("POST", "/cart/quote", {"country": random.choice(COUNTRIES), "items": items})


HABITS: dict[Habit, int] = {
    open_catalogue: 20,
    open_product: 20,
    open_bestsellers: 10,
    open_orders: 12,
    open_invoice: 8,
    read_journal: 10,
    fetch_feed: 6,
    ask_rating: 6,
    quote_cart: 8,
}
"""What visitors do, and how often, in hundredths."""


def visits(random: Random) -> Iterator[Visit]:
    """Yield visits without an end: first every habit three times, then by weight."""
    for _round in range(WARM_UP_ROUNDS):
        for habit in HABITS:
            yield habit(random)
    while True:
        yield random.choices(list(HABITS), weights=list(HABITS.values()))[0](random)


def send(url: str, visit: Visit) -> int:
    """Make one request, read the answer and return its status. Raises OSError if the shop doesn't answer."""
    body = None if visit.cart is None else json.dumps(visit.cart).encode()
    headers = {} if body is None else {"Content-Type": "application/json"}
    asked = urllib.request.Request(url + visit.path, data=body, headers=headers, method=visit.method)
    try:
        with DIRECT.open(asked, timeout=ANSWER_SECONDS) as answer:
            answer.read()
            status: int = answer.status
    except urllib.error.HTTPError as error:
        with error:
            error.read()
        status = error.code
    except http.client.HTTPException as error:
        raise ConnectionError(f"no whole answer: {error!r}") from error
    return status


def wait_until_open(url: str) -> None:
    """Return as soon as the shop takes requests."""
    closed = False
    while True:
        try:
            send(url, Visit("GET", "/"))
        except OSError as error:
            if not closed:
                log.warning("the shop at %s doesn't answer yet: %s", url, error)
            closed = True
            time.sleep(CLOSED_PAUSE_SECONDS)
        else:
            return


def run(url: str, *, per_second: float, random: Random) -> None:
    """Visit the shop without an end; what fails is logged in one line."""
    wait_until_open(url)
    warm_up = WARM_UP_ROUNDS * len(HABITS)
    for number, visit in enumerate(visits(random)):
        try:
            status = send(url, visit)
            if status >= 500:
                log.info("%s %s answered %d", visit.method, visit.path, status)
        except OSError as error:
            log.warning("%s %s failed: %s", visit.method, visit.path, error)
            wait_until_open(url)
        time.sleep(WARM_UP_PAUSE_SECONDS if number < warm_up else random.uniform(0.5, 1.5) / per_second)


def main() -> int:
    """Read the command line and run; return the exit status."""
    parser = argparse.ArgumentParser("python -m flask_shop.traffic", description="Visit the shop, gently.")
    parser.add_argument("--url", default="http://127.0.0.1:5050", help="address of the shop")
    parser.add_argument("--per-second", type=float, default=3.0, help="after the first rounds")
    parser.add_argument("--seed", type=int, help="make the same visits again")
    arguments = parser.parse_args()
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.INFO)
    signal.signal(signal.SIGTERM, _stop)
    with contextlib.suppress(KeyboardInterrupt):
        run(arguments.url.rstrip("/"), per_second=arguments.per_second, random=Random(arguments.seed))
    return 0


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main())
