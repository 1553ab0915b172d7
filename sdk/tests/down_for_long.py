"""100,000 requests of 200 endpoints while the platform is down: prints MB grown and the requests counted.

Run by test_faults.py in an interpreter of its own, for memory is a property of the process.
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import flask
from werkzeug.test import EnvironBuilder

import perfplatform_sdk
from perfplatform_sdk import client
from perfplatform_sdk.integrations.flask import PerfPlatform

REQUESTS = 100_000


def make_app() -> flask.Flask:
    app = flask.Flask(__name__)
    PerfPlatform(app)
    for number in range(200):
        app.add_url_rule(f"/page/{number}/<name>", f"page_{number}", lambda name: name * 3)
    return app


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def serve(app: flask.Flask, requests: range) -> None:
    for number in requests:
        environ = EnvironBuilder(f"/page/{number % 200}/x").get_environ()
        body = app(environ, lambda *_: None)
        for _ in body:
            pass
        body.close()  # type: ignore[attr-defined]


def main(engine: str) -> None:
    perfplatform_sdk.init(
        key="ppk_0123456789", url="http://127.0.0.1:1/down", engine=engine, flush_interval=0.5, exit_timeout=0
    )
    app = make_app()
    serve(app, range(2_000))
    gc.collect()
    before = resident_mb()
    serve(app, range(REQUESTS - 2_000))
    gc.collect()
    grown = resident_mb() - before
    running = client.current()
    assert running is not None
    documents = running.ledger.documents(0.0)
    entries = [entry for document in documents.values() for entry in document["endpoints"]]
    waiting = running.transport._batch
    assert waiting is not None
    for number in waiting.minutes:
        if number not in documents:  # it has not changed since it was put into the batch that waits
            running.ledger.send_again([number])
    entries += [
        entry for document in running.ledger.documents(0.0).values() for entry in document["endpoints"]
    ]
    print(f"{grown:.1f} {sum(entry['count'] for entry in entries)}")


main(sys.argv[1])
