"""`python -m flask_shop` and `python -m flask_shop.traffic`, as programs."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from random import Random

import pytest
from flask import Flask

from flask_shop import traffic
from flask_shop.tests.conftest import Start

ROUND = len(traffic.HABITS)


def routes_of(app: Flask, visits: list[traffic.Visit]) -> Counter[str]:
    """Return how often each route of the shop is visited."""
    adapter = app.url_map.bind("localhost")
    matched = [adapter.match(visit.path.split("?")[0], visit.method, return_rule=True)[0] for visit in visits]
    return Counter(str(rule) for rule in matched)


def test_traffic_begins_with_every_route_three_times(shops: dict[str, Flask]) -> None:
    first = list(islice(traffic.visits(Random(1)), 3 * ROUND))
    served = {str(rule): 3 for rule in shops["1.0"].url_map.iter_rules() if rule.endpoint != "static"}
    assert routes_of(shops["1.0"], first) == served


def test_traffic_goes_on_with_every_route(shops: dict[str, Flask]) -> None:
    later = list(islice(traffic.visits(Random(1)), 3 * ROUND, 3 * ROUND + 600))
    assert len(routes_of(shops["1.0"], later)) == ROUND


def test_traffic_asks_for_a_rating_that_fails_now_and_then() -> None:
    ratings = [
        visit.path for visit in islice(traffic.visits(Random(1)), 4_000) if visit.path.endswith("rating")
    ]
    failing = [path for path in ratings if int(path.split("/")[3]) % 10 == 0]
    assert 0 < len(failing) < len(ratings) / 4


@contextmanager
def counting_server(status: int, port: int = 0) -> Iterator[tuple[str, list[str], threading.Event]]:
    """Serve `status` to everyone; yields address, requests so far, and an event set after a round."""
    seen: list[str] = []
    enough = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            seen.append(f"{self.command} {self.path}")
            if len(seen) > ROUND:
                enough.set()
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_POST = do_GET  # noqa: N815 - the name that http.server asks for

        def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}", seen, enough
        server.shutdown()
        serving.join()


def test_traffic_stops_on_sigterm_and_is_quiet(start: Start) -> None:
    with counting_server(200) as (url, seen, enough):
        process = start("flask_shop.traffic", "--url", url)
        assert enough.wait(30)
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=5) == ("", "")
    assert process.returncode == 0
    assert "POST /cart/quote" in seen


def test_traffic_logs_a_failing_shop_in_one_line_each_and_goes_on(start: Start) -> None:
    with counting_server(500) as (url, _seen, enough):
        process = start("flask_shop.traffic", "--url", url)
        assert enough.wait(30)
        process.terminate()
        _out, log = process.communicate(timeout=5)
    assert all(line.endswith("answered 500") for line in log.splitlines())


def test_traffic_waits_for_a_shop_that_is_not_open_yet(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    process = start("flask_shop.traffic", "--url", f"http://127.0.0.1:{port}")
    assert process.stderr is not None
    assert "doesn't answer yet" in process.stderr.readline()
    with counting_server(200, port) as (_url, _seen, enough):
        assert enough.wait(30)
    process.terminate()
    process.communicate(timeout=5)
    assert process.returncode == 0


def opened_at(shop: subprocess.Popen[str]) -> str:
    """Wait for the shop to say its address, and return it."""
    assert shop.stdout is not None
    line = shop.stdout.readline()
    found = re.search(r"is open at (http://127\.0\.0\.1:\d+)$", line)
    assert found, line or shop.communicate()
    return found[1]


@pytest.mark.parametrize("release", ["1.0", "1.1"])
def test_shop_serves_its_release_until_sigterm(start: Start, release: str) -> None:
    shop = start("flask_shop", SHOP_VERSION=release)
    url = opened_at(shop)
    for habit in traffic.HABITS:
        assert traffic.send(url, habit(Random(1))) == 200
    shop.send_signal(signal.SIGTERM)
    assert shop.wait(timeout=5) == 0


def test_a_proxy_of_the_machine_is_left_alone(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    url = opened_at(start("flask_shop"))
    assert traffic.send(url, traffic.quote_cart(Random(1))) == 200


def test_shop_survives_its_own_error(start: Start) -> None:
    shop = start("flask_shop")
    url = opened_at(shop)
    assert traffic.send(url, traffic.Visit("GET", "/api/products/10/rating")) == 500
    assert traffic.send(url, traffic.Visit("GET", "/api/products/11/rating")) == 200


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"PORT": "tea"}, "can't listen on port tea"),
        ({"PORT": "70000"}, "can't listen on port 70000"),
        ({"SHOP_VERSION": "2.0"}, "SHOP_VERSION must be one of 1.0, 1.1"),
    ],
)
def test_wrong_setting_is_said_in_one_sentence(start: Start, environment: dict[str, str], said: str) -> None:
    shop = start("flask_shop", **environment)
    _out, errors = shop.communicate(timeout=20)
    assert shop.returncode == 1
    assert said in errors
    assert len(errors.splitlines()) == 1


def test_taken_port_is_said_in_one_sentence(start: Start, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        shop = start("flask_shop", PORT=str(taken.getsockname()[1]), SHOP_DATA=str(tmp_path))
        _out, errors = shop.communicate(timeout=20)
    assert shop.returncode == 1
    assert "can't listen on port" in errors
    assert len(errors.splitlines()) == 1
