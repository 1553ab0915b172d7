"""The carriers' rate service, played by a small HTTP server of our own on loopback."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

TARIFFS = {"courier": (890, 6, 1), "post": (420, 3, 4), "slow-boat": (150, 1, 21)}
"""Carrier: base price in cents, cents for each 100 g, days."""

DISTANCE_SECONDS = 0.012
"""How far away the carriers are: the time that the network would take."""

_started: list[str] = []
_lock = threading.Lock()


def start_once() -> str:
    """Start the service on a free loopback port, unless this process has done so, and return its address."""
    with _lock:
        if not _started:
            server = ThreadingHTTPServer(("127.0.0.1", 0), CarrierHandler)
            threading.Thread(target=server.serve_forever, name="carriers", daemon=True).start()
            _started.append(f"http://127.0.0.1:{server.server_port}")
        return _started[0]


class CarrierHandler(BaseHTTPRequestHandler):
    """Answers `GET /<carrier>?country=DE&grams=500` with a price."""

    def do_GET(self) -> None:
        """Answer after the time that the network would take."""
        time.sleep(DISTANCE_SECONDS)
        address = urlsplit(self.path)
        carrier = address.path.strip("/")
        if carrier not in TARIFFS:
            self.send_error(404)
            return
        question = parse_qs(address.query)
        body = json.dumps(self.price(carrier, question["country"][0], int(question["grams"][0]))).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def price(self, carrier: str, country: str, grams: int) -> dict[str, str | int]:
        """Return the carrier's price in cents; outside the shop's own country it is double."""
        base, each, days = TARIFFS[carrier]
        cents = base + each * (grams // 100 + 1)
        return {"carrier": carrier, "price_cents": cents if country == "NL" else 2 * cents, "days": days}

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's name
        """Say nothing: the shop's log is about the shop."""
