"""The set of endpoints as a Flask app, with the SDK where RECORDED is set."""

from __future__ import annotations

import io
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import flask

log = logging.getLogger("shop")
logging.basicConfig(level=logging.INFO, format="%(name)s %(levelname)s %(message)s")

app = flask.Flask(__name__)
if os.environ.get("RECORDED"):
    import perfplatform_sdk
    from perfplatform_sdk.integrations.flask import PerfPlatform

    perfplatform_sdk.init()
    PerfPlatform(app)


@app.get("/json/<int:number>")
def json(number: int) -> dict[str, Any]:
    log.info("asked for %d", number)
    return {"number": number, "items": list(range(50)), "名": "值"}


@app.get("/html")
def html() -> flask.Response:
    response = flask.make_response(flask.render_template_string("<p>{{ name }}</p>" * 20, name="<b>"))
    response.set_cookie("a", "b", httponly=True)
    return response


@app.get("/redirect")
def redirect() -> Any:
    return flask.redirect("/html")


@app.get("/slash/")
def slash() -> str:
    return "slash"


@app.get("/empty")
def empty() -> tuple[str, int]:
    return "", 204


@app.get("/sorry")
def sorry() -> tuple[str, int]:
    return "sorry", 500


@app.get("/raised")
def raised() -> str:
    raise LookupError("nothing there")


@app.get("/propagated")
def propagated() -> str:
    app.config["PROPAGATE_EXCEPTIONS"] = True
    raise LookupError("the server's own affair")


@app.teardown_request
def propagate_no_more(error: BaseException | None) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = None


@app.get("/large")
def large() -> bytes:
    return bytes(range(256)) * 4000


@app.post("/echo")
def echo() -> bytes:
    return flask.request.get_data()


@app.get("/inner")
def inner() -> str:
    answer = app.test_client().get("/json/7")
    return f"{answer.status} {answer.get_data(as_text=True)}"


@app.get("/stream")
def stream() -> flask.Response:
    def parts() -> Iterator[bytes]:
        yield b""
        yield b"one"
        time.sleep(0.5)
        yield b"two" * 1000

    return flask.Response(parts(), mimetype="text/plain")


@app.get("/length")
def length() -> flask.Response:
    return flask.Response((part for part in (b"12", b"345")), headers={"Content-Length": "5"})


@app.get("/breaks")
def breaks() -> flask.Response:
    def parts() -> Iterator[bytes]:
        yield b"one"
        raise OSError("the disk is gone")

    return flask.Response(parts())


@app.get("/endless")
def endless() -> flask.Response:
    def parts() -> Iterator[bytes]:
        try:
            for _ in range(1_000):
                time.sleep(0.002)
                yield b"data: tick\n\n" * 5_000
            log.warning("nobody left")
        finally:
            log.warning("closed")

    return flask.Response(parts(), mimetype="text/event-stream")


@app.get("/file")
def file() -> Any:
    return flask.send_file(Path(os.environ["REPORT"]), conditional=True)


@app.get("/memory")
def memory() -> Any:
    return flask.send_file(io.BytesIO(b"m" * 5000), mimetype="application/octet-stream")
