"""Over real sockets, an app answers the same bytes with the SDK recording every request as without it."""

from __future__ import annotations

import io
import logging
import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import flask
import pytest
from fake_platform import FakePlatform
from werkzeug.serving import make_server

from perfplatform_sdk.integrations.flask import PerfPlatform


def make_app(folder: Path, events: list[str]) -> flask.Flask:
    app = flask.Flask(__name__, root_path=str(folder))
    app.secret_key = "the same for both"
    add_pages(app)
    add_replies(app)
    add_streams(app, events)
    add_files(app, folder)
    return app


def add_pages(app: flask.Flask) -> None:
    @app.get("/json")
    def json_() -> dict[str, Any]:
        return {"items": list(range(50)), "名": "值"}

    @app.get("/html")
    def html() -> str:
        return flask.render_template_string("<p>{{ name }}</p>" * 20, name="<b>")

    @app.get("/large")
    def large() -> bytes:
        return bytes(range(256)) * 4000

    @app.get("/environ")
    def environ() -> str:
        return " ".join(sorted(flask.request.environ))

    @app.post("/echo")
    def echo() -> bytes:
        return flask.request.get_data()


def add_replies(app: flask.Flask) -> None:
    @app.get("/redirect")
    def redirect() -> Any:
        return flask.redirect("/html")

    @app.get("/slash/")
    def slash() -> str:
        return "slash"

    @app.get("/cookie")
    def cookie() -> Any:
        flask.session["n"] = 1
        response = flask.make_response("crumbs")
        response.set_cookie("a", "b", httponly=True)
        return response

    @app.get("/500")
    def failed() -> tuple[str, int]:
        return "sorry", 500

    @app.get("/raised")
    def raised() -> str:
        raise LookupError("nothing there")

    @app.get("/empty")
    def empty() -> tuple[str, int]:
        return "", 204


def add_streams(app: flask.Flask, events: list[str]) -> None:
    @app.get("/stream")
    def stream() -> flask.Response:
        def parts() -> Iterator[bytes]:
            yield from (b"", b"one", b"two" * 1000, b"")

        return flask.Response(parts(), mimetype="text/plain")

    @app.get("/length")
    def length() -> flask.Response:
        return flask.Response((part for part in (b"12", b"345")), headers={"Content-Length": "5"})

    @app.get("/stream-that-breaks")
    def breaks() -> flask.Response:
        def parts() -> Iterator[bytes]:
            yield b"one"
            raise OSError("the disk is gone")

        return flask.Response(parts())

    @app.get("/endless")
    def endless() -> flask.Response:
        def parts() -> Iterator[bytes]:
            try:
                while True:
                    time.sleep(0.002)
                    yield b"data: tick\n\n" * 50
            finally:
                events.append("closed early")

        response = flask.Response(parts(), mimetype="text/event-stream")
        response.call_on_close(lambda: events.append("on close"))
        return response


def add_files(app: flask.Flask, folder: Path) -> None:
    @app.get("/file")
    def file() -> Any:
        return flask.send_file(folder / "report.bin", conditional=True)

    @app.get("/memory")
    def memory() -> Any:
        return flask.send_file(io.BytesIO(b"m" * 5000), mimetype="application/octet-stream")


class Served:
    """An app behind werkzeug's own server."""

    def __init__(self, app: flask.Flask) -> None:
        self._server = make_server("127.0.0.1", 0, app, threaded=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def ask(self, request: str, *, read: int = 10**9) -> bytes:
        """The bytes on the wire up to `read`, with what differs from one moment to the next left out."""
        with socket.create_connection(("127.0.0.1", self._server.server_port), 5) as connection:
            connection.sendall(request.encode())
            answer = b""
            while len(answer) < read and (part := connection.recv(min(65536, read - len(answer)))):
                answer += part
        return re.sub(rb"\r\nDate: [^\r]*", b"\r\nDate: -", answer)

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def both(
    tmp_path: Path, platform: FakePlatform, start: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Served, Served, list[str], list[str]]]:
    """The app without and with the SDK, and what its own code noticed in each."""
    (tmp_path / "report.bin").write_bytes(bytes(range(256)) * 100)
    # Sessions carry their time in seconds.
    monkeypatch.setattr("itsdangerous.timed.TimestampSigner.get_timestamp", lambda self: 1_700_000_000)
    start(engine="pyinstrument", interval=0.0001, keep_first=1000)
    bare_events: list[str] = []
    events: list[str] = []
    instrumented = make_app(tmp_path, events)
    PerfPlatform(instrumented)
    bare, recorded = Served(make_app(tmp_path, bare_events)), Served(instrumented)
    yield bare, recorded, bare_events, events
    bare.close()
    recorded.close()


def request(method: str, path: str, *headers: str, body: str = "") -> str:
    lines = [f"{method} {path} HTTP/1.1", "Host: shop.test", "Connection: close", *headers]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body])


REQUESTS = [
    request("GET", "/json"),
    request("GET", "/html"),
    request("GET", "/redirect"),
    request("GET", "/slash"),
    request("GET", "/cookie"),
    request("GET", "/nowhere"),
    request("POST", "/json"),
    request("OPTIONS", "/json"),
    request("GET", "/500"),
    request("GET", "/raised"),
    request("GET", "/stream"),
    request("GET", "/length"),
    request("GET", "/stream-that-breaks"),
    request("GET", "/file"),
    request("GET", "/file", "Range: bytes=100-299"),
    request("GET", "/file", "Range: bytes=999999-"),
    request("GET", "/memory"),
    request("GET", "/empty"),
    request("HEAD", "/json"),
    request("HEAD", "/stream"),
    request("HEAD", "/file"),
    request("POST", "/echo", body="a=b&c=d"),
    request("GET", "/large"),
    request("GET", "/environ"),
    "GET /json HTTP/1.0\r\n\r\n",
    "NONSENSE\r\n\r\n",
]


def said(record: logging.LogRecord) -> str:
    """A line of the log without the time and without the one frame that any wrapper adds to a traceback."""
    text = logging.Formatter("%(message)s").format(record)
    text = re.sub(r'  File "[^"]*integrations/wsgi.py".*\n.*\n(    [~^ ]+\n)?', "", text)
    return re.sub(r"\d\d:\d\d:\d\d|0x[0-9a-f]+", "", text)


def test_answers_are_the_same_byte_for_byte(
    both: tuple[Served, Served, list[str], list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    bare, recorded, _, _ = both
    app_log = __name__
    for text in REQUESTS:
        answers, logs = [], []
        for served in (bare, recorded):
            caplog.clear()
            answers.append(served.ask(text))
            logs.append(
                [(r.name, r.levelno, said(r)) for r in caplog.records if r.name in ("werkzeug", app_log)]
            )
        assert answers[0] == answers[1], text
        assert answers[0], text
        assert logs[0] == logs[1], text


def test_everything_of_it_was_recorded(
    both: tuple[Served, Served, list[str], list[str]], platform: FakePlatform
) -> None:
    import perfplatform_sdk

    _, recorded, _, _ = both
    for text in REQUESTS[:-1]:
        recorded.ask(text)
    time.sleep(0.1)
    assert perfplatform_sdk.flush(5.0)
    assert sum(entry["count"] for entry in platform.entries().values()) == len(REQUESTS) - 1
    assert len(platform.profiles) >= 20
    assert "internal_error" not in platform.dropped()


def test_body_that_the_client_gives_up_is_closed(both: tuple[Served, Served, list[str], list[str]]) -> None:
    for served, events in ((both[0], both[2]), (both[1], both[3])):
        assert served.ask(request("GET", "/endless"), read=2000)
        deadline = time.monotonic() + 5
        while len(events) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
    assert both[2] == both[3] == ["closed early", "on close"]


def test_stream_arrives_in_its_own_time(both: tuple[Served, Served, list[str], list[str]]) -> None:
    began = time.monotonic()
    for served in both[:2]:
        assert b"data: tick" in served.ask(request("GET", "/endless"), read=1000)
    assert time.monotonic() - began < 2
