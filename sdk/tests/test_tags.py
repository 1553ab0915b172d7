from __future__ import annotations

import contextvars
import threading
from typing import Any, Callable

import pytest

from perfplatform_sdk import profile
from perfplatform_sdk.recorder import begin, current_record
from perfplatform_sdk.tags import MAX_TAGS, asgi_trace_id, set_tag, trace_id_of, wsgi_trace_id

Start = Callable[..., None]

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


def tags_of(set_tags: Callable[[], None]) -> dict[str, str]:
    """The tags that the function sets in a request."""
    record = begin("request")
    assert record is not None
    set_tags()
    record.end()
    return dict(record.tags or {})


def test_tags_are_set_and_replaced(start: Start) -> None:
    start(engine="none")

    def work() -> None:
        set_tag("tenant", "first")
        set_tag("tenant", "second")
        set_tag("plan", "gold")

    assert tags_of(work) == {"tenant": "second", "plan": "gold"}


def test_outside_a_request_nothing_happens(start: Start) -> None:
    set_tag("tenant", "nobody's")
    start(engine="none")
    set_tag("tenant", "nobody's")
    assert tags_of(lambda: None) == {}


def test_tags_are_bounded(start: Start) -> None:
    start(engine="none")

    def work() -> None:
        set_tag("n" * 100, "v" * 1_000)
        set_tag("", "no name")
        set_tag("\0", "no name either")
        for number in range(100):
            set_tag(f"tag\0{number}", number)
        set_tag("tag1", "replaced")

    tags = tags_of(work)
    assert len(tags) == MAX_TAGS
    assert tags["n" * 64] == "v" * 200
    assert tags["tag0"] == "0"
    assert tags["tag1"] == "replaced"
    assert "tag15" not in tags


class Broken:
    def __str__(self) -> str:
        raise LookupError("can't be shown")


def test_what_is_no_string_becomes_one_and_nothing_raises(start: Start) -> None:
    start(engine="none")

    def work() -> None:
        values: list[tuple[Any, object]] = [
            (1, 2.5),
            ("none", None),
            (b"bytes", b"x"),
            ("surrogate\ud800", "\udfff"),
            ("broken", Broken()),
            (Broken(), "broken"),
        ]
        for name, value in values:
            set_tag(name, value)

    assert tags_of(work) == {"1": "2.5", "none": "None", "b'bytes'": "b'x'", "surrogate?": "?"}


def test_tags_of_a_call_belong_to_its_request(start: Start) -> None:
    start(engine="none")

    @profile
    def report() -> None:
        set_tag("report", "monthly")

    assert tags_of(report) == {"report": "monthly"}


def test_threads_tag_the_request_that_they_work_for(start: Start) -> None:
    start(engine="none")

    def work() -> None:
        context = contextvars.copy_context()
        thread = threading.Thread(target=context.run, args=(set_tag, "thread", "yes"))
        thread.start()
        thread.join()
        other = threading.Thread(target=set_tag, args=("thread", "of nobody"))
        other.start()
        other.join()

    assert tags_of(work) == {"thread": "yes"}
    assert current_record() is None


@pytest.mark.parametrize(
    ("header", "trace_id"),
    [
        (PARENT, TRACE),
        (f" {PARENT}\t", TRACE),
        (f"01-{TRACE}-00f067aa0ba902b7-01-what.comes.later", TRACE),
        (f"cc-{TRACE}-00f067aa0ba902b7-01", TRACE),
        (f"00-{TRACE}-00f067aa0ba902b7-01-more", ""),
        (f"ff-{TRACE}-00f067aa0ba902b7-01", ""),
        (f"00-{'0' * 32}-00f067aa0ba902b7-01", ""),
        (f"00-{TRACE}-{'0' * 16}-01", ""),
        (f"00-{TRACE.upper()}-00f067aa0ba902b7-01", ""),
        (f"00-{TRACE}-00f067aa0ba902b7-01\n", ""),
        (f"00-{TRACE[:-1]}-00f067aa0ba902b7-01", ""),
        (f"00-{TRACE}-00f067aa0ba902b7-01x", ""),
        ("", ""),
        ("secret", ""),
    ],
)
def test_traceparent_is_read_only_if_it_is_valid(header: str, trace_id: str) -> None:
    assert trace_id_of(header) == trace_id


def test_trace_id_of_requests() -> None:
    assert wsgi_trace_id({"HTTP_TRACEPARENT": PARENT}) == TRACE
    assert wsgi_trace_id({"HTTP_TRACEPARENT": "nonsense"}) == ""
    assert wsgi_trace_id({}) == ""
    headers = [(b"host", b"h"), (b"traceparent", PARENT.encode()), (b"traceparent", b"second")]
    assert asgi_trace_id(headers) == TRACE
    assert asgi_trace_id([(b"host", b"h")]) == ""
    assert asgi_trace_id([(b"traceparent", b"\xff\xfe")]) == ""


def test_trace_id_from_a_configured_header() -> None:
    amazon = "Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=1"
    for value, trace_id in [
        ("abc-123", "abc-123"),
        (" abc ", "abc"),
        (amazon, amazon[:64]),
        ("a\x07b", ""),
        ("äöü", ""),
        ("", ""),
    ]:
        assert wsgi_trace_id({"HTTP_X_REQUEST_ID": value}, "X-Request-Id") == trace_id
        assert asgi_trace_id([(b"x-request-id", value.encode("latin-1"))], "X-Request-Id") == trace_id
    assert wsgi_trace_id({"HTTP_TRACEPARENT": PARENT}, "Traceparent") == TRACE
