"""What is recorded of a Flask app's requests."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timezone
from functools import partial
from typing import Any, Callable

import flask
import pytest
from fake_platform import FakePlatform
from werkzeug.test import Client

import perfplatform_sdk
from perfplatform_sdk.integrations.flask import PerfPlatform

Start = Callable[..., None]


def burn(seconds: float) -> int:
    until, rounds = time.perf_counter() + seconds, 0
    while time.perf_counter() < until:
        rounds += len(str(rounds))
    return rounds


def faulty_function(seconds: float = 0.05) -> None:
    burn(seconds)


@pytest.fixture
def start(start: Start) -> Start:
    """With an engine that sees every request in the same way."""
    return partial(start, engine="pyinstrument", interval=0.0002)


@pytest.fixture
def app() -> flask.Flask:
    app = flask.Flask(__name__)
    PerfPlatform(app)

    @app.get("/orders/<int:number>")
    def order(number: int) -> str:
        faulty_function()
        return f"order {number}"

    @app.get("/broken")
    def broken() -> str:
        burn(0.001)
        raise LookupError("nothing there")

    @app.get("/status/<int:code>")
    def give_status(code: int) -> tuple[str, int]:
        burn(0.001)
        return "as you like", code

    @app.get("/outer")
    def outer() -> str:
        inner = app.test_client().get("/orders/7")
        return f"outer saw {inner.get_data(as_text=True)}"

    @app.get("/stream")
    def stream() -> flask.Response:
        def parts() -> Iterator[str]:
            faulty_function(0.03)
            yield "one"
            time.sleep(0.3)
            yield "two"

        return flask.Response(parts())

    @app.get("/stream-that-breaks/<int:after>")
    def breaking(after: int) -> flask.Response:
        def parts() -> Iterator[str]:
            for number in range(after):
                yield str(number)
            raise OSError("the disk is gone")

        return flask.Response(parts())

    return app


def get(app: flask.Flask, path: str, **arguments: Any) -> Any:
    return Client(app).open(path, **arguments)


def send(platform: FakePlatform) -> None:
    assert perfplatform_sdk.flush(5.0)


def frames_of(profile: dict[str, Any]) -> set[str]:
    session = profile["session"]
    return {session["strings"][frame[0]] for frame in session["frames"] if isinstance(frame, list)}


def test_request_is_recorded_with_its_route_and_the_faulty_function(
    app: flask.Flask, platform: FakePlatform, start: Start
) -> None:
    start(version="1.4.2")
    before, began = time.time(), time.perf_counter()
    assert get(app, "/orders/41?token=secret").data == b"order 41"
    elapsed_us = (time.perf_counter() - began) * 1e6
    send(platform)
    (profile,) = platform.profiles
    assert (profile["kind"], profile["method"], profile["endpoint"]) == (
        "request",
        "GET",
        "/orders/<int:number>",
    )
    assert (profile["status"], profile["trigger"], profile["streaming"]) == (200, "sampled", False)
    assert profile["engine"] == "pyinstrument"
    assert 50_000 <= profile["duration_us"] <= elapsed_us
    assert 0 < profile["cpu_us"] <= profile["duration_us"]
    started_at = datetime.strptime(profile["started_at"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(
        tzinfo=timezone.utc
    )
    assert 0 <= started_at.timestamp() - before < elapsed_us / 1e6
    assert {"order", "faulty_function", "burn"} <= frames_of(profile)
    assert "secret" not in str(platform.batches)
    assert "/orders/41" not in str(platform.batches)
    batch = platform.batches[0]
    assert batch["version"]["name"] == "1.4.2"
    assert batch["environment"] == "test"
    assert batch["process"]["framework"].startswith("flask ")


def test_most_of_the_time_lies_in_the_faulty_function(
    app: flask.Flask, platform: FakePlatform, start: Start
) -> None:
    start()
    get(app, "/orders/1")
    send(platform)
    session = platform.profiles[0]["session"]
    faulty = session["strings"].index("faulty_function")
    inside, total = 0.0, sum(session["times"])
    for node, seconds in zip(session["samples"], session["times"]):
        while node != -1:
            parent, frame = session["nodes"][node]
            if session["frames"][frame][0] == faulty:
                inside += seconds
                break
            node = parent
    assert inside / total > 0.8
    assert 0.5 < total / session["duration"] <= 1


def test_what_no_route_matches_is_one_endpoint(
    app: flask.Flask, platform: FakePlatform, start: Start
) -> None:
    start()
    assert get(app, "/wp-login.php").status_code == 404
    assert get(app, "/.env").status_code == 404
    assert get(app, "/broken", method="POST").status_code == 405
    send(platform)
    assert platform.entries() == {
        ("request", "GET", "(not found)"): {"count": 2, "errors": 0, "engines": {"pyinstrument": 2}},
        ("request", "POST", "(not found)"): {"count": 1, "errors": 0, "engines": {"pyinstrument": 1}},
    }


def test_unhandled_exception_is_an_error_with_its_type(
    app: flask.Flask, platform: FakePlatform, start: Start
) -> None:
    start()
    assert get(app, "/broken").status_code == 500
    send(platform)
    (profile,) = platform.profiles
    assert (profile["status"], profile["error_type"]) == (500, "LookupError")
    assert platform.entries()["request", "GET", "/broken"]["errors"] == 1


def test_exception_that_leaves_the_app_is_an_error_without_a_status(
    app: flask.Flask, platform: FakePlatform, start: Start
) -> None:
    start()
    app.config["PROPAGATE_EXCEPTIONS"] = True
    with pytest.raises(LookupError, match="nothing there"):
        get(app, "/broken")
    send(platform)
    (profile,) = platform.profiles
    assert (profile["status"], profile["error_type"]) == (None, "LookupError")
    assert platform.entries()["request", "GET", "/broken"] == {
        "count": 1,
        "errors": 1,
        "engines": {"pyinstrument": 1},
    }


@pytest.mark.parametrize(("code", "errors"), [(200, 0), (404, 0), (499, 0), (500, 1), (503, 1)])
def test_status_of_500_and_above_is_an_error(
    app: flask.Flask, platform: FakePlatform, start: Start, code: int, errors: int
) -> None:
    start()
    get(app, f"/status/{code}")
    send(platform)
    assert platform.entries()["request", "GET", "/status/<int:code>"]["errors"] == errors
    assert platform.profiles[0]["status"] == code


def test_handled_exception_is_no_error(app: flask.Flask, platform: FakePlatform, start: Start) -> None:
    start()
    app.register_error_handler(LookupError, lambda error: ("gone", 410))
    assert get(app, "/broken").status_code == 410
    send(platform)
    assert platform.entries()["request", "GET", "/broken"]["errors"] == 0
    assert "error_type" not in platform.profiles[0]


def test_view_that_calls_another_view_loses_neither_record(
    app: flask.Flask, platform: FakePlatform, start: Start
) -> None:
    start()
    assert get(app, "/outer").data == b"outer saw order 7"
    send(platform)
    assert {place[2]: entry["count"] for place, entry in platform.entries().items()} == {
        "/outer": 1,
        "/orders/<int:number>": 1,
    }
    # The inner one runs under the outer one's profiler: one recording, with both in it.
    (profile,) = platform.profiles
    assert profile["endpoint"] == "/outer"
    assert {"outer", "order", "faulty_function"} <= frames_of(profile)
    assert platform.entries()["request", "GET", "/orders/<int:number>"]["engines"] == {"pyinstrument": 1}


def test_stream_ends_with_its_first_byte_and_is_marked(
    app: flask.Flask, platform: FakePlatform, start: Start
) -> None:
    start()
    began = time.perf_counter()
    assert get(app, "/stream").data == b"onetwo"
    elapsed_us = (time.perf_counter() - began) * 1e6
    send(platform)
    (profile,) = platform.profiles
    assert profile["streaming"] is True
    assert 30_000 <= profile["duration_us"] <= elapsed_us - 300_000
    assert "faulty_function" in frames_of(profile)


def test_stream_closed_before_its_first_byte_is_counted_once(
    app: flask.Flask, platform: FakePlatform, start: Start
) -> None:
    start()
    response = Client(app).open("/stream", buffered=False)
    response.close()
    send(platform)
    assert platform.entries()["request", "GET", "/stream"]["count"] == 1


@pytest.mark.parametrize("after", [0, 1, 3])
def test_stream_that_breaks_is_one_error(
    app: flask.Flask, platform: FakePlatform, start: Start, after: int
) -> None:
    start()
    with pytest.raises(OSError, match="the disk is gone"):
        get(app, f"/stream-that-breaks/{after}").get_data()
    send(platform)
    entry = platform.entries()["request", "GET", "/stream-that-breaks/<int:after>"]
    assert (entry["count"], entry["errors"]) == (1, 1)


def test_slow_and_failed_requests_are_kept_beside_the_random_share(
    app: flask.Flask, platform: FakePlatform, start: Start
) -> None:
    start(slow_threshold=0.25)

    @app.get("/sometimes/<what>")
    def sometimes(what: str) -> str:
        faulty_function(0.3 if what == "slow" else 0.04)
        if what == "broken":
            raise ArithmeticError
        return what

    for what in ("fine", "fine", "fine", "fine", "slow", "broken", "fine"):
        get(app, f"/sometimes/{what}")
    send(platform)
    triggers = [(profile["trigger"], profile.get("error_type")) for profile in platform.profiles]
    assert sorted(triggers[-2:]) == [("error", "ArithmeticError"), ("slow", None)]
    assert triggers[:-2] == [("sampled", None)] * 3
    assert all("faulty_function" in frames_of(profile) for profile in platform.profiles)
    assert platform.entries()["request", "GET", "/sometimes/<what>"]["count"] == 7


def test_engine_none_counts_and_times_only(app: flask.Flask, platform: FakePlatform, start: Start) -> None:
    start(engine="none")
    assert get(app, "/orders/1").status_code == 200
    assert get(app, "/orders/1", method="HEAD").status_code == 200
    assert get(app, "/broken").status_code == 500
    assert get(app, "/stream").data == b"onetwo"
    assert get(app, "/nowhere").status_code == 404
    app.config["PROPAGATE_EXCEPTIONS"] = True
    with pytest.raises(LookupError):
        get(app, "/broken")
    send(platform)
    assert platform.profiles == []
    assert not app.before_request_funcs.get(None)
    assert platform.entries() == {
        ("request", "GET", "/orders/<int:number>"): {"count": 1, "errors": 0, "engines": {"none": 1}},
        ("request", "HEAD", "/orders/<int:number>"): {"count": 1, "errors": 0, "engines": {"none": 1}},
        ("request", "GET", "/broken"): {"count": 2, "errors": 2, "engines": {"none": 2}},
        ("request", "GET", "/stream"): {"count": 1, "errors": 0, "engines": {"none": 1}},
        ("request", "GET", "(not found)"): {"count": 1, "errors": 0, "engines": {"none": 1}},
    }


def test_trace_of_the_caller_is_kept(app: flask.Flask, platform: FakePlatform, start: Start) -> None:
    start()
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    get(app, "/orders/1", headers={"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"})
    get(app, "/orders/2")
    start(trace_header="X-Request-Id")
    get(app, "/orders/3", headers={"X-Request-Id": "abc"})
    send(platform)
    platform.wait_for(lambda: len(platform.profiles) == 3)
    assert sorted(profile.get("trace_id", "") for profile in platform.profiles) == ["", trace_id, "abc"]


def test_init_after_the_extension_works_and_nothing_before_it_does(
    app: flask.Flask, platform: FakePlatform, start: Start
) -> None:
    assert get(app, "/orders/1").status_code == 200
    start()
    assert get(app, "/orders/2").status_code == 200
    send(platform)
    assert platform.entries()["request", "GET", "/orders/<int:number>"]["count"] == 1


def test_forgotten_init_is_said_once(
    app: flask.Flask, warnings: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perfplatform_sdk.client._told", False)
    get(app, "/status/200")
    get(app, "/status/200")
    assert warnings() == ["perfplatform: nothing is recorded, for perfplatform_sdk.init() was not called"]


def test_extension_on_the_same_app_twice_counts_once(
    app: flask.Flask, platform: FakePlatform, start: Start
) -> None:
    PerfPlatform().init_app(app)
    start()
    get(app, "/status/200")
    send(platform)
    assert platform.entries()["request", "GET", "/status/<int:code>"]["count"] == 1


def test_servers_own_file_wrapper_goes_back_untouched(
    app: flask.Flask, platform: FakePlatform, start: Start, tmp_path: Any
) -> None:
    start()
    (tmp_path / "report.bin").write_bytes(b"x" * 100_000)

    class ServersFile:
        def __init__(self, file: Any, size: int = 8192) -> None:
            self.file = file

        def close(self) -> None:
            self.file.close()

    @app.get("/report")
    def report() -> flask.Response:
        return flask.send_file(tmp_path / "report.bin")

    from werkzeug.test import EnvironBuilder

    environ = EnvironBuilder("/report").get_environ()
    environ["wsgi.file_wrapper"] = ServersFile
    body = app(environ, lambda *_: None)
    assert type(body) is ServersFile
    body.close()  # type: ignore[attr-defined]
    send(platform)
    assert platform.profiles[0]["streaming"] is True
