"""The app's own profilers, tracers and debuggers work beside the SDK as they do without it."""

from __future__ import annotations

import cProfile
import pstats
import re
import sys
import threading
import time
import trace
from collections.abc import Iterator
from typing import Any, Callable

import flask
import pytest
from fake_platform import FakePlatform
from pyinstrument import Profiler
from pyinstrument.session import Session
from werkzeug.debug import DebuggedApplication
from werkzeug.test import Client

import perfplatform_sdk
from perfplatform_sdk.integrations.flask import PerfPlatform

Start = Callable[..., None]
ENGINES = [
    "auto",
    *(pytest.param(name, marks=pytest.mark.slow) for name in ("sampler", "pyinstrument", "none")),
]


def burn(seconds: float = 0.03) -> int:
    until, rounds = time.thread_time() + seconds, 0
    while time.thread_time() < until:
        rounds += one_round()
    return rounds


def one_round() -> int:
    return sum(range(50)) and 1


@pytest.fixture(params=ENGINES)
def app(request: pytest.FixtureRequest, start: Start, platform: FakePlatform) -> Iterator[flask.Flask]:
    """An app whose requests are recorded: at the end all of them were, and nothing was left behind."""
    start(engine=request.param, version="1")
    app = flask.Flask(__name__)
    PerfPlatform(app)
    yield app
    assert sys.getprofile() is None
    assert sys.gettrace() is None
    assert perfplatform_sdk.flush(5.0)
    assert sum(entry["count"] for entry in platform.entries().values()) == 3
    assert "internal_error" not in platform.dropped()


def three_times(app: Any, path: str = "/") -> list[str]:
    return [str(Client(app).get(path).get_data(as_text=True)) for _ in range(3)]


def functions_of(session: Session) -> set[str]:
    return {frame.partition("\0")[0] for stack, _ in session.frame_records for frame in stack}


@pytest.mark.parametrize("where", ["around the view", "inside the view", "around requests"])
def test_pyinstrument_of_the_app(app: flask.Flask, where: str) -> None:
    sessions: list[Session] = []

    def profiled(function: Callable[[], object]) -> None:
        profiler = Profiler(interval=0.001, async_mode="disabled")
        with profiler:
            function()
        assert profiler.last_session is not None
        sessions.append(profiler.last_session)

    @app.get("/")
    def view() -> str:
        if where == "around requests":
            burn()
        else:
            profiled(burn if where == "inside the view" else lambda: burn())
        return "done"

    wsgi_app = app.wsgi_app
    if where == "around requests":

        def around(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
            bodies: list[Any] = []
            profiled(lambda: bodies.append(wsgi_app(environ, start_response)))
            return bodies[0]

        app.wsgi_app = around  # type: ignore[method-assign,assignment]
    assert three_times(app) == ["done"] * 3
    for session in sessions:
        assert {"burn", "one_round"} <= functions_of(session)
    assert len(sessions) == 3


def test_cprofile_of_the_app(app: flask.Flask) -> None:
    counted = []

    @app.get("/")
    def view() -> str:
        profiler = cProfile.Profile()
        rounds = profiler.runcall(burn)
        stats = pstats.Stats(profiler).stats  # type: ignore[attr-defined]
        (calls,) = (row[0] for (_, _, name), row in stats.items() if name == "one_round")
        counted.append(calls == rounds)
        return "done"

    assert three_times(app) == ["done"] * 3
    assert counted == [True] * 3


# pyinstrument, with the SDK as without, can't be put back by who has taken its profile function away.
@pytest.mark.parametrize("app", ["sampler", "none"], indirect=True)
def test_profile_function_of_the_app(app: flask.Flask) -> None:
    events: list[str] = []

    @app.get("/")
    def view() -> str:
        def note(frame: Any, event: str, arg: object) -> None:
            if event == "call":
                events.append(frame.f_code.co_name)

        former = sys.getprofile()
        sys.setprofile(note)
        one_round()
        sys.setprofile(former)
        return "done"

    assert three_times(app) == ["done"] * 3
    assert events == ["one_round"] * 3


def test_tracer_of_the_app_sees_every_line(app: flask.Flask) -> None:
    """coverage.py and debuggers are made of the same hook."""
    lines: list[int] = []

    @app.get("/")
    def view() -> str:
        tracer = trace.Trace(count=1, trace=0)
        rounds = tracer.runfunc(burn)
        first = one_round.__code__.co_firstlineno
        counts = tracer.results().counts
        (times,) = (times for (file, line), times in counts.items() if file == __file__ and line == first + 1)
        lines.append(times - rounds)
        return "done"

    assert three_times(app) == ["done"] * 3
    assert lines == [0, 0, 0]


def test_tracer_of_all_threads_stays(app: flask.Flask) -> None:
    seen = []

    @app.get("/")
    def view() -> str:
        seen.append(sys.gettrace() is tracer.globaltrace)
        return "done"

    tracer = trace.Trace(count=1, trace=0)
    threading.settrace(tracer.globaltrace)
    try:
        thread = threading.Thread(target=three_times, args=(app,))
        thread.start()
        thread.join()
    finally:
        threading.settrace(None)  # type: ignore[arg-type]
    assert seen == [True] * 3


def test_debugger_shows_the_view_and_answers(app: flask.Flask) -> None:
    app.debug = True

    @app.get("/")
    def view() -> str:
        answer = 41
        raise LookupError(f"not {answer}")

    debugged = DebuggedApplication(app, evalex=True, pin_security=False)
    for page in three_times(debugged):
        assert "LookupError: not 41" in page
        secret = re.search(r'SECRET = "(\w+)"', page)
        frames = re.findall(r'id="frame-(\d+)"', page)
        assert secret is not None
        said = Client(debugged).get(
            "/",
            query_string={"__debugger__": "yes", "cmd": "answer + 1", "frm": frames[-1], "s": secret[1]},
            headers={"Host": "localhost"},
        )
        assert "42" in said.get_data(as_text=True)
