"""Over real sockets, a Django project answers the same bytes with the SDK recording all of it as without."""

from __future__ import annotations

import gc
import logging
import re
import socket
import threading
from collections.abc import Iterator
from socketserver import ThreadingMixIn
from typing import Any, Callable, NamedTuple, Protocol
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import asgi_server
import django_project as project
import pytest
from asgi_server import wait_for
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.test import override_settings
from django.urls import clear_url_caches
from fake_platform import FakePlatform

import perfplatform_sdk

Start = Callable[..., None]


DATE = re.compile(rb"(?i)\r\ndate: [^\r]*")
# What the pages of DEBUG show: times, ports, addresses of objects, numbers of files, threads and tasks, and
# their effects.
MOMENTARY = re.compile(
    rb'(?i)etag: "[^"]*"|content-length: \d+|\w{3}, \d\d \w{3} \d{4} [\d:]{8}|\d{12,}|0x[0-9a-f]+|name=\d+'
    rb"|\b(?:Thread-|Task-|asyncio_)\d+|<pre>&#x27;\d{4,5}&#x27;</pre>|<pre>\d{4,5}</pre>"
)


class Server(Protocol):
    port: int

    def close(self) -> None: ...


class ThreadingWsgiServer(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class QuietHandler(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Wsgi:
    """A project behind the server of the standard library."""

    def __init__(self) -> None:
        self._server = ThreadingWsgiServer(("127.0.0.1", 0), QuietHandler)
        self._server.set_app(WSGIHandler())
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def asgi() -> Server:
    # uvloop sends what was written when a turn ends, and before Django 4.2 a whole stream is one turn.
    return asgi_server.Served(ASGIHandler(), loop="asyncio")


def ask(server: Server, text: str) -> bytes:
    """The bytes on the wire, without the date."""
    with socket.create_connection(("127.0.0.1", server.port), 20) as connection:
        connection.sendall(text.encode())
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return DATE.sub(b"", answer)


def request(method: str, path: str, *headers: str, body: str = "") -> str:
    lines = [f"{method} {path} HTTP/1.1", "Host: shop.test", "Connection: close", *headers]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body])


GETS = [
    *("/", "/shop/orders/5/", "/shop/orders/5", "/async/orders/5", "/hop", "/methods", "/cookie", "/large"),
    *("/nowhere", "/raised", "/raised-async", "/page-that-breaks", "/closed", "/faulty-middleware"),
    *("/refused/404", "/refused/403", "/refused/400", "/status/503", "/about/", "/de/about/", "/outer"),
    *("/stream", "/stream-text", "/stream-async", "/file", "/memory"),
]
REQUESTS = [
    *[request("GET", path) for path in GETS],
    *[request("GET", path, "Accept-Encoding: gzip") for path in ("/", "/large", "/stream", "/file")],
    *[request("HEAD", path) for path in ("/", "/stream", "/file", "/methods", "/nowhere")],
    request("GET", "/", 'If-None-Match: "d41d8"'),
    request("POST", "/echo", body="a=b&c=d"),
    request("POST", "/guarded", body="a=b"),
    request("OPTIONS", "/methods"),
    request("PUT", "/methods"),
    "GET /methods HTTP/1.0\r\n\r\n",
]
BREAKING = [request("GET", path) for path in ("/breaks/0", "/breaks/2", "/breaks-async/0", "/breaks-async/2")]


class Answer(NamedTuple):
    wire: bytes
    logs: list[tuple[str, int, str]]
    events: list[str]


def said(record: logging.LogRecord) -> str:
    """A line of the log, without the frame that a wrapper of an iterator or a thread adds to tracebacks."""
    text = logging.Formatter("%(message)s").format(record)
    text = re.sub(r'[| ]*  File "[^"]*(django_stream|threads).py".*\n.*\n([| ]*    [~^ ]+\n)?', "", text)
    return re.sub(r"0x[0-9a-f]+|127.0.0.1:\d+", "", text)


def answers(server: Server, texts: list[str], caplog: pytest.LogCaptureFixture) -> list[Answer]:
    found = []
    for text in texts:
        caplog.clear()
        project.events.clear()
        wire = ask(server, text)
        logs = [
            (record.name, record.levelno, said(record))
            for record in caplog.records
            if record.name.startswith(("django", "uvicorn", "asyncio"))
        ]
        found.append(Answer(wire, logs, list(project.events)))
    server.close()
    caplog.clear()
    return found


@pytest.fixture(params=[Wsgi, asgi], ids=["WSGI", "ASGI"])
def serve(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Server]]:
    monkeypatch.setattr(project, "marker", lambda *_: None)
    clear_url_caches()
    with override_settings(**project.SETTINGS):
        yield request.param
    gc.collect()  # Django 5 leaves files of streams that break open; their warnings belong to this test


def with_sdk(serve: Callable[[], Server]) -> Server:
    with override_settings(MIDDLEWARE=[project.SDK, *project.SETTINGS["MIDDLEWARE"]]):
        return serve()


@pytest.mark.filterwarnings(
    "ignore:StreamingHttpResponse must consume", "ignore:[Uu]nclosed file:ResourceWarning"
)
def test_answers_are_the_same_byte_for_byte(
    serve: Callable[[], Server], platform: FakePlatform, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    texts = REQUESTS + (BREAKING if serve is asgi else [])
    bare = answers(serve(), texts, caplog)
    start(keep_first=100, overhead_budget=64)
    recorded = answers(with_sdk(serve), texts, caplog)
    for text, without, with_ in zip(texts, bare, recorded):
        assert with_ == without, text
        assert with_.wire.startswith(b"HTTP/1."), text
    assert perfplatform_sdk.flush(5.0)
    assert sum(entry["count"] for entry in platform.entries().values()) == len(texts)
    assert "internal_error" not in platform.dropped()


def test_pages_of_debug_are_the_same(
    serve: Callable[[], Server], start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    texts = [request("GET", path) for path in ("/raised", "/raised-async", "/nowhere")]
    with override_settings(DEBUG=True):
        bare = answers(serve(), texts, caplog)
        start(keep_first=100, overhead_budget=64)
        recorded = answers(with_sdk(serve), texts, caplog)
    for text, without, with_ in zip(texts, bare, recorded):
        pages = [MOMENTARY.sub(b"-", answer.wire) for answer in (without, with_)]
        assert pages[0] == pages[1], text
        assert with_.logs == without.logs, text
        assert b"Traceback" in pages[0] or b"/nowhere" in pages[0]


@pytest.mark.parametrize("leaves", [False, True])
def test_stream_arrives_in_its_own_time_and_is_closed(
    serve: Callable[[], Server], leaves: bool, start: Start
) -> None:
    start()
    server = with_sdk(serve)
    project.events.clear()
    project.gate.clear()
    with socket.create_connection(("127.0.0.1", server.port), 20) as connection:
        connection.sendall(
            request("GET", project.under_asgi("/gated") if serve is asgi else "/gated").encode()
        )
        answer = b""
        while b"one" not in answer:
            answer += connection.recv(65536)
        assert b"two" not in answer
        if leaves:
            connection.close()
        project.gate.set()
        while not leaves and (part := connection.recv(65536)):
            answer += part
    assert leaves or b"two" in answer
    wait_for(lambda: project.events == ["closed"])
    server.close()
