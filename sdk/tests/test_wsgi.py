"""What is recorded of any WSGI application, and that its bodies stay what they are."""

from __future__ import annotations

import io
import time
from collections.abc import Iterable, Iterator
from typing import Any, Callable
from wsgiref.util import FileWrapper

import pytest
from fake_platform import FakePlatform

import perfplatform_sdk
from perfplatform_sdk.integrations.wsgi import Middleware

Start = Callable[..., None]
Environ = dict[str, Any]
StartResponse = Callable[..., Any]


class Parts:
    """A body that counts how often it is closed."""

    def __init__(self, *parts: bytes) -> None:
        self.parts = parts
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.parts)

    def close(self) -> None:
        self.closed += 1


def answering(body: Any, status: str = "200 OK", headers: Iterable[tuple[str, str]] = ()) -> Any:
    def application(environ: Environ, start_response: StartResponse) -> Any:
        start_response(status, list(headers))
        return body

    return application


def ask(application: Any, method: str = "GET", **environ: Any) -> Any:
    return application({"REQUEST_METHOD": method, **environ}, lambda *_: None)


def serve(application: Any) -> list[bytes]:
    """As servers do: read to the end, and close."""
    body = ask(application)
    try:
        return list(body)
    finally:
        getattr(body, "close", lambda: None)()


def only_entry(platform: FakePlatform, endpoint: str = "(wsgi)", method: str = "GET") -> dict[str, Any]:
    assert perfplatform_sdk.flush(5.0)
    assert list(platform.entries()) == [("request", method, endpoint)]
    return platform.entries()["request", method, endpoint]


def test_without_a_framework_the_endpoint_is_one(platform: FakePlatform, start: Start) -> None:
    start()
    assert serve(Middleware(answering([b"all of it"]))) == [b"all of it"]
    assert only_entry(platform) == {"count": 1, "errors": 0, "engines": {"sampler": 1}}


def test_endpoint_is_named_by_a_function_of_the_environ(platform: FakePlatform, start: Start) -> None:
    start()

    def application(environ: Environ, start_response: StartResponse) -> list[bytes]:
        environ["router.pattern"] = "/orders/:number"
        if environ["PATH_INFO"] == "/broken":
            raise LookupError("nothing there")
        start_response("200 OK", [])
        return [b"order"]

    monitored = Middleware(application, endpoint=lambda environ: str(environ["router.pattern"]))
    assert ask(monitored, PATH_INFO="/orders/7") == [b"order"]
    with pytest.raises(LookupError, match="nothing there"):
        ask(monitored, PATH_INFO="/broken")
    entry = only_entry(platform, "/orders/:number")
    assert (entry["count"], entry["errors"]) == (2, 1)


def test_name_that_fails_is_counted_and_changes_nothing(platform: FakePlatform, start: Start) -> None:
    start()
    body = [b"all of it"]
    monitored = Middleware(answering(body, "500 Broken"), endpoint=lambda environ: str(environ["nowhere"]))
    assert list(ask(monitored)) == body
    assert only_entry(platform, "(not found)")["errors"] == 1
    assert platform.dropped() == {"internal_error": 1}


@pytest.mark.parametrize(
    ("status", "errors"), [("200 OK", 0), ("499 Gone", 0), ("500 Broken", 1), ("nonsense", 0)]
)
def test_status_of_500_and_above_is_an_error(
    platform: FakePlatform, start: Start, status: str, errors: int
) -> None:
    start()
    serve(Middleware(answering([b""], status)))
    assert only_entry(platform)["errors"] == errors


def test_last_of_two_statuses_counts(platform: FakePlatform, start: Start) -> None:
    start()

    def application(environ: Environ, start_response: StartResponse) -> list[bytes]:
        start_response("200 OK", [])
        start_response("500 Broken", [], (ValueError, ValueError(), None))
        return []

    serve(Middleware(application))
    assert only_entry(platform)["errors"] == 1


def test_what_start_response_gives_back_and_raises_passes_through(
    platform: FakePlatform, start: Start
) -> None:
    start()
    seen = []

    def application(environ: Environ, start_response: StartResponse) -> list[bytes]:
        seen.append(start_response("200 OK", [("A", "b")]))
        with pytest.raises(AssertionError, match="headers are sent"):
            start_response("200 OK", [("A", "b")], None)
        return []

    def servers(status: str, headers: Any, *error: Any) -> str:
        assert (status, headers) == ("200 OK", [("A", "b")])
        assert not error, "headers are sent"
        return "write"

    Middleware(application)({"REQUEST_METHOD": "GET"}, servers)
    assert seen == ["write"]


@pytest.mark.parametrize("method", ["BREW", "PROPFIND", "X" * 300])
def test_unknown_methods_are_one(platform: FakePlatform, start: Start, method: str) -> None:
    start()
    ask(Middleware(answering([])), method)
    assert only_entry(platform, method="(other)")["count"] == 1


# --- Bodies -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        [b"all of it"],
        (b"all", b"of it"),
        b"bytes",
        io.BytesIO(b"sent by the server"),
        FileWrapper(io.BytesIO()),
    ],
    ids=lambda body: type(body).__name__,
)
def test_whole_bodies_and_files_go_back_as_the_same_object(
    platform: FakePlatform, start: Start, body: Any
) -> None:
    start()
    assert ask(Middleware(answering(body)), **{"wsgi.file_wrapper": FileWrapper}) is body
    assert only_entry(platform)["count"] == 1


@pytest.mark.parametrize("read", [0, 1, 2, 3, 4])
def test_body_is_closed_exactly_as_without_us(platform: FakePlatform, start: Start, read: int) -> None:
    start()
    parts = Parts(b"", b"one", b"two")
    body = ask(Middleware(answering(parts)))
    chunks = iter(body)
    assert [next(chunks, None) for _ in range(read)] == [b"", b"one", b"two", None][:read]
    assert parts.closed == 0
    body.close()
    assert parts.closed == 1
    assert only_entry(platform)["count"] == 1


def test_body_without_close_is_none_the_worse(platform: FakePlatform, start: Start) -> None:
    start()
    assert serve(Middleware(answering(iter([b"one", b"two"])))) == [b"one", b"two"]
    assert only_entry(platform)["count"] == 1


def test_error_of_close_passes_through(platform: FakePlatform, start: Start) -> None:
    start()

    class Faulty(Parts):
        def close(self) -> None:
            raise OSError("the disk is gone")

    body = ask(Middleware(answering(Faulty(b"one"))))
    with pytest.raises(OSError, match="the disk is gone"):
        body.close()
    assert only_entry(platform)["count"] == 1


@pytest.mark.parametrize("after", [0, 1, 3])
def test_body_that_breaks_is_one_error(platform: FakePlatform, start: Start, after: int) -> None:
    start()

    def parts() -> Iterator[bytes]:
        for _ in range(after):
            yield b"part"
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        serve(Middleware(answering(parts())))
    entry = only_entry(platform)
    assert (entry["count"], entry["errors"]) == (1, 1)


def test_application_that_is_a_generator_begins_with_its_body(platform: FakePlatform, start: Start) -> None:
    start()

    def application(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        start_response("503 Busy", [])
        yield b"later"

    assert serve(Middleware(application)) == [b"later"]
    assert only_entry(platform)["errors"] == 1


@pytest.mark.parametrize(
    ("headers", "streaming"),
    [([("Content-Length", "5")], False), ([("content-length", "10")], True), ([], True)],
    ids=["whole", "first half", "no length"],
)
def test_iterator_is_a_stream_unless_its_first_bytes_are_all(
    platform: FakePlatform, start: Start, headers: list[tuple[str, str]], streaming: bool
) -> None:
    start(engine="pyinstrument", interval=0.0001)

    def parts() -> Iterator[bytes]:
        until = time.perf_counter() + 0.002
        while time.perf_counter() < until:
            len(headers)
        yield b"01234"
        time.sleep(0.2)

    serve(Middleware(answering(parts(), headers=headers)))
    assert perfplatform_sdk.flush(5.0)
    (profile,) = platform.profiles
    assert profile["streaming"] is streaming
    assert 2_000 <= profile["duration_us"] < 200_000


def test_what_is_collected_without_close_leaves_nothing_behind(platform: FakePlatform, start: Start) -> None:
    start()
    closed = []

    def application(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        start_response("200 OK", [])
        try:
            yield b"one"
        finally:
            closed.append("generator")

    next(iter(ask(Middleware(application))))
    # As without us at once, by its reference count.
    assert closed == ["generator"]
