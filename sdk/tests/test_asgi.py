"""The ASGI middleware around apps of no framework: nothing changes, and each request is counted once."""

from __future__ import annotations

import asyncio
import gc
import time
import weakref
from typing import Any, Callable, NamedTuple

import pytest
from asgi_server import CONNECT, REQUEST, Message, PlayedServer, call, http, play, websocket
from fake_platform import FakePlatform

import perfplatform_sdk
from perfplatform_sdk.integrations.asgi import Middleware
from perfplatform_sdk.recorder import Record, current_record

Start = Callable[..., None]


def begin_response(status: int = 200, *headers: tuple[bytes, bytes]) -> Message:
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def body(content: bytes, *, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": content, "more_body": more}


ACCEPT: Message = {"type": "websocket.accept"}
TEXT: Message = {"type": "websocket.send", "text": "hello"}
CLOSE: Message = {"type": "websocket.close", "code": 1000}


class Sends:
    """An app that sends the same messages each time, raises or not, and remembers how it was recorded."""

    def __init__(self, *messages: Message, raises: BaseException | None = None) -> None:
        self.messages = messages
        self.raises = raises
        self.record: Record | None = None
        self.ended_with: Message | None = None  # the message whose sending has ended the record

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.record = current_record()
        for message in self.messages:
            await send(message)
            if self.ended_with is None and self.record is not None and self.record.ended:
                self.ended_with = message
        if self.raises is not None:
            raise self.raises


def sent_of(platform: FakePlatform) -> dict[tuple[str, str], tuple[int, int]]:
    """What arrived: count and errors by method and route."""
    assert perfplatform_sdk.flush(5.0)
    return {
        (method, route): (entry["count"], entry["errors"])
        for (_, method, route), entry in platform.entries().items()
    }


class Case(NamedTuple):
    messages: tuple[Message, ...]
    ends_with: int  # the message that ends the record
    streaming: bool


HELLO = body(b"hello")
LENGTH = (b"Content-Length", b"5")
RESPONSES = {
    "whole": Case((begin_response(200, LENGTH), HELLO), 1, streaming=False),
    "without a body": Case((begin_response(204), {"type": "http.response.body"}), 1, streaming=False),
    "failed": Case((begin_response(503), HELLO), 1, streaming=False),
    "without headers": Case(({"type": "http.response.start", "status": 200}, HELLO), 1, streaming=False),
    "after hints": Case(
        ({"type": "http.response.early_hint", "links": []}, begin_response(), HELLO), 2, streaming=False
    ),
    "before trailers": Case(
        (begin_response(), HELLO, {"type": "http.response.trailers", "headers": []}), 1, streaming=False
    ),
    "whole, as middlewares pass it on": Case(
        (begin_response(200, LENGTH), body(b"hello", more=True), body(b"")), 1, streaming=False
    ),
    "parts of a known length": Case(
        (begin_response(200, LENGTH), body(b"he", more=True), body(b"llo")), 1, streaming=True
    ),
    "stream": Case((begin_response(), body(b"1", more=True), HELLO), 1, streaming=True),
    "stream that begins empty": Case(
        (begin_response(), body(b"", more=True), body(b"1", more=True), HELLO), 2, streaming=True
    ),
    "stream of nothing": Case((begin_response(), body(b"", more=True), body(b"")), 2, streaming=True),
    "file": Case(
        (begin_response(), {"type": "http.response.pathsend", "path": "/etc/hostname"}), 1, streaming=True
    ),
    "file by descriptor": Case(
        (begin_response(206), {"type": "http.response.zerocopysend", "file": 3}), 1, streaming=True
    ),
}


@pytest.mark.parametrize("case", RESPONSES.values(), ids=RESPONSES)
def test_messages_of_a_response_pass_unchanged_and_the_right_one_ends_it(
    case: Case, platform: FakePlatform, start: Start
) -> None:
    start()
    app = Sends(*case.messages)
    passed: list[Message] = []

    async def ask() -> None:
        async def keep(message: Message) -> None:
            passed.append(message)

        await Middleware(app)(http(), PlayedServer().receive, keep)

    asyncio.run(ask())
    assert [id(message) for message in passed] == [id(message) for message in case.messages]
    assert app.ended_with is case.messages[case.ends_with]
    assert app.record is not None
    status = next(message["status"] for message in case.messages if "status" in message)
    assert (app.record.status, app.record.streaming) == (status, case.streaming)
    assert sent_of(platform) == {("GET", "(asgi)"): (1, int(status >= 500))}


WEBSOCKETS = {
    "answered": (Case((ACCEPT, TEXT, TEXT, CLOSE), 1, streaming=True), 101),
    "closed without a word": (Case((ACCEPT, CLOSE), 1, streaming=True), 101),
    "refused": (Case((CLOSE,), 0, streaming=False), 403),
    "refused with a response": (
        Case(
            (
                {"type": "websocket.http.response.start", "status": 401, "headers": []},
                {"type": "websocket.http.response.body", "body": b"who?"},
            ),
            1,
            streaming=False,
        ),
        401,
    ),
}


@pytest.mark.parametrize(("case", "status"), WEBSOCKETS.values(), ids=WEBSOCKETS)
def test_websocket_ends_with_the_first_message_of_the_app(
    case: Case, status: int, platform: FakePlatform, start: Start
) -> None:
    start()
    app = Sends(*case.messages)
    assert play(Middleware(app), websocket(), CONNECT) == list(case.messages)
    assert app.ended_with is case.messages[case.ends_with]
    assert app.record is not None
    assert (app.record.status, bool(app.record.streaming)) == (status, case.streaming)
    assert sent_of(platform) == {("WEBSOCKET", "(asgi)"): (1, 0)}


def test_websocket_without_a_word_of_the_app_ends_with_the_app(platform: FakePlatform, start: Start) -> None:
    start()
    app = Sends(ACCEPT)
    play(Middleware(app), websocket(), CONNECT)
    assert app.ended_with is None
    assert app.record is not None
    assert (app.record.ended, app.record.streaming) == (True, True)
    assert sent_of(platform) == {("WEBSOCKET", "(asgi)"): (1, 0)}


def test_time_after_the_first_part_of_a_stream_does_not_count(platform: FakePlatform, start: Start) -> None:
    start(slow_threshold=0.001)
    first_part_after: list[float] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.03)
        await send(begin_response())
        await send(body(b"1", more=True))
        first_part_after.append(time.perf_counter() - began)
        await asyncio.sleep(0.1)
        await send(body(b""))

    began = time.perf_counter()
    play(Middleware(app))
    sent_of(platform)
    (profile,) = platform.profiles
    assert 30_000 <= profile["duration_us"] <= first_part_after[0] * 1e6
    assert (profile["streaming"], profile["status"]) == (True, 200)


def test_app_sees_the_very_scope_and_messages_of_the_server(platform: FakePlatform, start: Start) -> None:
    start()
    scope = http("/x")
    before = dict(scope)
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.extend((scope, dict(scope), await receive()))

    play(Middleware(app), scope)
    assert seen[0] is scope
    assert seen[1] == before == scope
    assert seen[2] is REQUEST


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.mark.parametrize(
    ("settings", "header", "trace_id"),
    [
        ({}, (b"traceparent", f"00-{TRACE}-00f067aa0ba902b7-01".encode()), TRACE),
        ({"trace_header": "X-Request-ID"}, (b"x-request-id", b"from the proxy"), "from the proxy"),
        ({}, (b"traceparent", b"nonsense"), None),
    ],
)
def test_trace_is_that_of_the_request(
    settings: dict[str, str],
    header: tuple[bytes, bytes],
    trace_id: str | None,
    platform: FakePlatform,
    start: Start,
) -> None:
    start(**settings)
    scope = http(headers=[(b"host", b"shop.test"), header])
    play(Middleware(Sends(begin_response(500), HELLO)), scope)
    assert sent_of(platform) == {("GET", "(asgi)"): (1, 1)}
    (profile,) = platform.profiles
    assert profile.get("trace_id") == trace_id


def test_unknown_scopes_pass_untouched(platform: FakePlatform, start: Start) -> None:
    start()
    seen: list[Any] = []

    async def app(*arguments: Any) -> None:
        seen.append(arguments)

    server = PlayedServer()
    arguments = {"type": "mqtt"}, server.receive, server.send
    asyncio.run(Middleware(app)(*arguments))
    assert seen == [arguments]
    assert sent_of(platform) == {}


def test_what_is_left_is_sent_before_the_app_has_shut_down(platform: FakePlatform, start: Start) -> None:
    start(flush_interval=3600.0)
    lifespan = [
        {"type": "lifespan.startup.complete"},
        {"type": "lifespan.shutdown.complete"},
    ]
    counted: list[int] = []
    app = Middleware(Sends(begin_response(), HELLO))

    async def live() -> None:
        async def keep(message: Message) -> None:
            counted.append(sum(entry["count"] for entry in platform.entries().values()))
            passed.append(message)

        passed: list[Message] = []
        await call(app, http(), PlayedServer())
        await Middleware(Sends(*lifespan))({"type": "lifespan"}, PlayedServer().receive, keep)
        assert passed == lifespan

    asyncio.run(live())
    assert counted == [0, 1]


def test_lifespan_that_the_app_does_not_know_is_refused_as_without_us(
    platform: FakePlatform, start: Start
) -> None:
    start()
    error = ValueError("what is a lifespan?")
    with pytest.raises(ValueError, match="what is a lifespan") as caught:
        play(Middleware(Sends(raises=error)), {"type": "lifespan"})
    assert caught.value is error


def test_headers_that_can_be_read_only_once_are_the_servers(platform: FakePlatform, start: Start) -> None:
    start()
    headers = iter([LENGTH])
    app = Sends(
        {"type": "http.response.start", "status": 200, "headers": headers}, body(b"hello", more=True), HELLO
    )
    play(Middleware(app))
    assert list(headers) == [LENGTH]
    assert sent_of(platform) == {("GET", "(asgi)"): (1, 0)}


def test_endpoint_is_what_the_function_says_of_the_scope(platform: FakePlatform, start: Start) -> None:
    start()

    def endpoint(scope: Any) -> str:
        return {"/orders/1": "/orders/{id}", "/broken": 1 / 0 if scope["path"] == "/broken" else ""}[
            scope["path"]
        ]

    app = Middleware(Sends(begin_response(), HELLO), endpoint)
    assert play(app, http("/orders/1")) == play(app, http("/broken", "BREW")) == [begin_response(), HELLO]
    assert sent_of(platform) == {("GET", "/orders/{id}"): (1, 0), ("(other)", "(not found)"): (1, 0)}
    assert platform.dropped()["internal_error"] > 0


@pytest.mark.parametrize(
    ("error", "messages"),
    [
        (LookupError("nothing"), ()),
        (LookupError("nothing"), (begin_response(),)),
        (LookupError("nothing"), (begin_response(), body(b"1", more=True))),
        (LookupError("nothing"), (begin_response(), HELLO)),
        (SystemExit(1), ()),
        (KeyboardInterrupt(), ()),
    ],
)
def test_exception_of_the_app_is_raised_untouched_and_an_error(
    error: BaseException, messages: tuple[Message, ...], platform: FakePlatform, start: Start
) -> None:
    start()
    server = PlayedServer()
    wrapped = Middleware(Sends(*messages, raises=error))

    async def ask() -> BaseException | None:
        try:
            await call(wrapped, http(), server)
        except BaseException as caught:  # asyncio treats some of them in its own way
            return caught
        return None

    assert asyncio.run(ask()) is error
    assert server.sent == list(messages)
    assert error.__cause__ is None
    assert error.__context__ is None
    assert sent_of(platform) == {("GET", "(asgi)"): (1, 1)}


def test_error_type_is_that_of_the_exception_which_the_response_is_for(
    platform: FakePlatform, start: Start
) -> None:
    start()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            await asyncio.sleep(0.03)
            raise LookupError("nothing")
        except LookupError:
            await send(begin_response(500 if scope["path"] == "/500" else 404))
            await send(HELLO)

    play(Middleware(app), http("/500"))
    play(Middleware(app), http("/404"))
    assert sent_of(platform) == {("GET", "(asgi)"): (2, 1)}
    found = {profile["status"]: profile.get("error_type") for profile in platform.profiles}
    assert found == {500: "LookupError", 404: None}


def test_cancelled_request_is_no_error(platform: FakePlatform, start: Start) -> None:
    start()
    server = PlayedServer()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.Event().wait()

    async def ask() -> None:
        task = asyncio.ensure_future(call(Middleware(app), http(), server))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()

    asyncio.run(ask())
    assert sent_of(platform) == {("GET", "(asgi)"): (1, 0)}


@pytest.mark.parametrize("breaks_after", [0, 1, 2])
def test_client_that_went_away_while_the_app_sent_is_no_error(
    breaks_after: int, platform: FakePlatform, start: Start
) -> None:
    start()
    app = Middleware(Sends(begin_response(), body(b"1", more=True), body(b"2", more=True), HELLO))
    with pytest.raises(OSError, match="the client is gone"):
        play(app, http(), REQUEST, breaks_after=breaks_after)
    assert sent_of(platform) == {("GET", "(asgi)"): (1, 0)}


def test_exception_that_the_app_raises_for_a_disconnect_is_no_error(
    platform: FakePlatform, start: Start
) -> None:
    start()

    class Disconnected(Exception):
        pass

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if (await receive())["type"].endswith(".disconnect"):
            raise Disconnected

    for scope in (http(), websocket()):
        with pytest.raises(Disconnected):
            play(Middleware(app), scope, {"type": f"{scope['type']}.disconnect"})
    assert sent_of(platform) == {("GET", "(asgi)"): (1, 0), ("WEBSOCKET", "(asgi)"): (1, 0)}


def test_app_called_by_an_app_has_its_own_record_and_wrappers_of_one_request_share_one(
    platform: FakePlatform, start: Start
) -> None:
    start()
    inner = Middleware(Sends(begin_response(), HELLO), lambda scope: "/inner")

    async def shared(scope: Any, receive: Any, send: Any) -> None:
        await inner(dict(scope, root_path="/mounted"), receive, send)

    async def calling(scope: Any, receive: Any, send: Any) -> None:
        server = PlayedServer()
        await inner(http("/within"), server.receive, server.send)
        for message in server.sent:
            await send(message)

    assert play(Middleware(shared)) == play(Middleware(calling, lambda scope: "/outer"))
    assert sent_of(platform) == {
        ("GET", "(asgi)"): (1, 0),
        ("GET", "/inner"): (1, 0),
        ("GET", "/outer"): (1, 0),
    }


def test_without_a_client_the_app_gets_what_the_server_gave() -> None:
    seen: list[Any] = []

    async def app(*arguments: Any) -> None:
        seen.append(arguments)

    server = PlayedServer()
    arguments = http(), server.receive, server.send
    asyncio.run(Middleware(app)(*arguments))  # type: ignore[arg-type]
    assert seen == [arguments]


def test_fifty_requests_at_once_keep_apart(platform: FakePlatform, start: Start) -> None:
    start()
    records: dict[str, Record] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        records[scope["path"]] = record = current_record()  # type: ignore[assignment]
        for _ in range(5):
            await asyncio.sleep(0.002)
            assert current_record() is record
        number = int(scope["path"][1:])
        await send(begin_response(500 if number % 10 == 0 else 200))
        assert await asyncio.ensure_future(later(lambda: current_record() is record))
        await send(body(scope["path"].encode()))
        assert current_record() is None

    async def later(see: Callable[[], bool]) -> bool:
        await asyncio.sleep(0)
        return see()

    async def ask() -> None:
        wrapped = Middleware(app, lambda scope: scope["path"])
        servers = [PlayedServer() for _ in range(50)]
        await asyncio.gather(*(call(wrapped, http(f"/{n}"), server) for n, server in enumerate(servers)))
        assert [server.sent[1]["body"] for server in servers] == [f"/{n}".encode() for n in range(50)]

    asyncio.run(ask())
    assert len({id(record) for record in records.values()}) == 50
    assert sent_of(platform) == {("GET", f"/{n}"): (1, int(n % 10 == 0)) for n in range(50)}


def test_record_is_freed_with_the_request(platform: FakePlatform, start: Start) -> None:
    """Without the garbage collector, which circles would keep busy."""
    start(engine="none")
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(weakref.ref(send.__self__))
        await send(begin_response())
        await send(HELLO)

    gc.disable()
    try:
        play(Middleware(app))
        assert [reference() for reference in seen] == [None]
    finally:
        gc.enable()


def test_switched_off_it_costs_next_to_nothing() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        pass

    async def nanoseconds(app: Any) -> float:
        scope, rounds = http(), []
        for _ in range(20):
            began = time.perf_counter_ns()
            for _ in range(500):
                await app(scope, None, None)
            rounds.append(time.perf_counter_ns() - began)
        return min(rounds) / 500

    assert asyncio.run(nanoseconds(Middleware(app))) - asyncio.run(nanoseconds(app)) < 3000
