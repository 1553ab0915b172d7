"""A platform on a real socket, which behaves as the tests tell it to."""

from __future__ import annotations

import gzip
import json
import socket
import struct
import threading
import time
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Callable

import jsonschema

REPOSITORY = Path(__file__).parents[2]
VECTORS = REPOSITORY / "docs" / "vectors"
KEY = "ppk_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"

_SCHEMA = jsonschema.Draft202012Validator(json.loads((VECTORS / "batch.schema.json").read_text("utf-8")))

Behaviour = Callable[["Handler"], None]


class FakePlatform:
    """Collects the batches that it accepted; every one is held against the schema of the wire format."""

    def __init__(self, port: int = 0) -> None:
        self.behaviour: Behaviour = accept
        self.batches: list[dict[str, Any]] = []
        self.posts: list[bytes] = []
        self.keys: list[str] = []
        self.faults: list[str] = []
        self.connections = 0
        self.settings_behaviour: Behaviour = give_settings
        self.settings: dict[str, Any] = {}  # what it answers at sdk-config/
        self.settings_asked: list[str] = []  # If-None-Match of each time
        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self._server.platform = self  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/tools/perf"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def profiles(self) -> list[dict[str, Any]]:
        return [profile for batch in self.batches for profile in batch.get("profiles", [])]

    def ledger(self) -> dict[tuple[str, str], dict[str, Any]]:
        """The newest state of each minute of each instance, as the server keeps it."""
        newest: dict[tuple[str, str], dict[str, Any]] = {}
        for batch in self.batches:
            for document in batch.get("ledger", []):
                place = (batch["process"]["instance"], document["minute"])
                if place not in newest or newest[place]["seq"] < document["seq"]:
                    newest[place] = document
        return newest

    def entries(self) -> dict[tuple[str, str, str], dict[str, Any]]:
        """Counts, errors and engine classes of each endpoint, summed over minutes and instances."""
        found: dict[tuple[str, str, str], dict[str, Any]] = {}
        for document in self.ledger().values():
            for entry in document["endpoints"]:
                place = (entry["kind"], entry["method"], entry["route"])
                total = found.setdefault(place, {"count": 0, "errors": 0, "engines": {}})
                total["count"] += entry["count"]
                total["errors"] += entry["errors"]
                for engine, histogram in entry["histograms"].items():
                    number = sum(count for _, count in histogram["buckets"])
                    total["engines"][engine] = total["engines"].get(engine, 0) + number
        return found

    def statistics(self) -> dict[str, int]:
        """What the SDK says of itself in the newest ledger document."""
        batches = [batch for batch in self.batches if batch.get("ledger")]
        return dict(batches[-1]["ledger"][-1]["statistics"])

    def dropped(self) -> dict[str, int]:
        """What the instance that spoke last has dropped in all."""
        batches = [batch for batch in self.batches if batch.get("ledger")]
        return dict(batches[-1]["ledger"][-1]["dropped"]) if batches else {}

    def wait_for(self, condition: Callable[[], bool], timeout: float = 8.0) -> None:
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, "it did not happen in time"
            time.sleep(0.01)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    @property
    def platform(self) -> FakePlatform:
        return self.server.platform  # type: ignore[attr-defined,no-any-return]

    def setup(self) -> None:
        super().setup()
        self.platform.connections += 1

    def do_POST(self) -> None:
        self.body = self.rfile.read(int(self.headers["Content-Length"]))
        self.platform.posts.append(self.body)
        self.platform.behaviour(self)

    def do_GET(self) -> None:
        self.platform.settings_asked.append(self.headers.get("If-None-Match", ""))
        self.platform.settings_behaviour(self)

    def answer(self, status: int, body: object, **headers: str) -> None:
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def accept(handler: Handler) -> None:
    platform = handler.platform
    assert handler.path == "/tools/perf/api/v1/ingest/"
    batch = json.loads(gzip.decompress(handler.body))
    # Large batches are held against the schema by a part of their profiles, for that takes long.
    profiles = batch.get("profiles", [])
    some = {**batch, "profiles": profiles[:: 1 + len(profiles) // 20]}
    platform.faults += [error.message[:300] for error in _SCHEMA.iter_errors(some)]
    platform.keys.append(handler.headers["Authorization"])
    platform.batches.append(batch)
    accepted = len(batch.get("profiles", [])) + len(batch.get("ledger", []))
    handler.answer(202, {"code": 0, "msg": "success", "data": {"accepted": accepted, "rejected": []}})


def give_settings(handler: Handler) -> None:
    platform = handler.platform
    assert handler.path == "/tools/perf/api/v1/sdk-config/"
    platform.keys.append(handler.headers["Authorization"])
    etag = f'"{zlib.crc32(json.dumps(platform.settings).encode()):08x}"'
    if handler.headers.get("If-None-Match") == etag:
        handler.answer(304, b"", ETag=etag)
    else:
        handler.answer(200, {"code": 0, "msg": "success", "data": platform.settings}, ETag=etag)


def status(code: int, data: object = None, **headers: str) -> Behaviour:
    return lambda handler: handler.answer(code, {"code": 1, "msg": "no", "data": data or {}}, **headers)


def black_hole(handler: Handler) -> None:
    time.sleep(30)
    handler.close_connection = True


def slow(handler: Handler) -> None:
    time.sleep(0.3)
    accept(handler)


def endless(handler: Handler) -> None:
    """Begin an answer and never come to its end."""
    handler.send_response(202)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    try:
        for _ in range(1_000):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.02)
    except OSError:
        handler.close_connection = True  # the SDK has had enough


def reset(handler: Handler) -> None:
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


def nonsense(handler: Handler) -> None:
    handler.answer(202, b"<html><body>Please log in to the hotel's network</body></html>")


def garbage(handler: Handler) -> None:
    handler.wfile.write(b"\x00\xff SSH-2.0-OpenSSH_9.2p1\r\n\r\n")
    handler.close_connection = True


def first(times: int, behaviour: Behaviour, then: Behaviour = accept) -> Behaviour:
    """Behave one way for some times, then another way."""
    left = [times]

    def behave(handler: Handler) -> None:
        left[0] -= 1
        (behaviour if left[0] >= 0 else then)(handler)

    return behave
