"""What is recorded of the requests of FastAPI and Starlette apps."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from types import FunctionType
from typing import Any, Callable

import fastapi
import httpx
import pytest
from fake_platform import FakePlatform
from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI, HTTPException, Response
from starlette.applications import Starlette
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

import perfplatform_sdk
from perfplatform_sdk.integrations.fastapi import PerfPlatform
from perfplatform_sdk.recorder import current_record

Start = Callable[..., None]
Counts = dict[tuple[str, str], tuple[int, int]]


def marker_of_the_endpoint(seconds: float = 0.05) -> None:
    time.sleep(seconds)


def marker_of_the_dependency() -> int:
    time.sleep(0.05)
    return 1


def background_sync() -> None:
    time.sleep(0.05)


async def background_async(fails: bool) -> None:
    await asyncio.sleep(0.02)
    if fails:
        raise LookupError("nothing there")


class ShopError(Exception):
    pass


def make_app() -> FastAPI:
    app = FastAPI()
    PerfPlatform(app)

    @app.get("/sync/{number}")
    def sync(number: int, one: int = Depends(marker_of_the_dependency)) -> int:
        marker_of_the_endpoint()
        return number + one

    @app.get("/status/{code}")
    async def status(code: int) -> Response:
        return Response("as you like", code)

    @app.get("/broken")
    async def broken() -> None:
        await asyncio.sleep(0.03)
        raise LookupError("nothing there")

    @app.get("/unavailable")
    async def unavailable() -> None:
        await asyncio.sleep(0.03)
        raise HTTPException(503)

    @app.get("/handled")
    def handled() -> None:
        time.sleep(0.03)
        raise ShopError

    @app.exception_handler(ShopError)
    async def handle(_request: Request, _error: Exception) -> Response:
        return Response("sorry", 502)

    @app.get("/background")
    async def background(tasks: BackgroundTasks, fails: bool = False) -> str:
        tasks.add_task(background_sync)
        tasks.add_task(background_async, fails)
        return "later"

    return app


def ask(app: Any, *paths: str, method: str = "GET") -> list[httpx.Response]:
    """Ask one after the other, in an event loop of its own."""

    async def ask_all() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop.test") as client:
            return [await client.request(method, path) for path in paths]

    return asyncio.run(ask_all())


def sent_of(platform: FakePlatform, kind: str = "request") -> Counts:
    """What arrived: count and errors by method and route."""
    assert perfplatform_sdk.flush(5.0)
    return {
        (method, route): (entry["count"], entry["errors"])
        for (of, method, route), entry in platform.entries().items()
        if of == kind
    }


def names_in(profile: dict[str, Any]) -> set[str]:
    session = profile["session"]
    return {session["strings"][frame[0]] for frame in session["frames"] if isinstance(frame, list)}


def test_request_is_named_by_its_route_and_nothing_else_of_it_leaves(
    platform: FakePlatform, start: Start
) -> None:
    start()
    (response,) = ask(make_app(), "/sync/7541?token=secret")
    assert response.json() == 7542
    assert sent_of(platform) == {("GET", "/sync/{number}"): (1, 0)}
    assert platform.batches[0]["process"]["framework"] == f"fastapi {fastapi.__version__}"
    assert "secret" not in str(platform.batches)
    assert "7541" not in str(platform.batches)


def test_sync_endpoints_and_dependencies_belong_to_their_request(
    platform: FakePlatform, start: Start
) -> None:
    start(slow_threshold=0.01)
    ask(make_app(), "/sync/1")
    assert sent_of(platform) == {("GET", "/sync/{number}"): (1, 0)}
    (profile,) = platform.profiles
    assert {"marker_of_the_endpoint", "marker_of_the_dependency"} <= names_in(profile)
    assert profile["duration_us"] >= 100_000


def test_included_and_mounted_routers_give_the_whole_pattern(platform: FakePlatform, start: Start) -> None:
    start()
    items = APIRouter()

    @items.get("/items/{item}")
    async def item(item: int) -> int:
        return item

    sub = FastAPI()
    PerfPlatform(sub)  # a second one on the way is none
    sub.include_router(items, prefix="/deep")
    app = make_app()
    app.include_router(items, prefix="/v1")
    app.include_router(items, prefix="/{tenant}")
    app.mount("/shops/{shop}", sub)
    paths = (
        "/v1/items/1",
        "/acme/items/2",
        "/shops/9/deep/items/3",
        "/shops/9/nothing",
        "/shops/9/deep/items/x",
    )
    assert [response.status_code for response in ask(app, *paths)] == [200, 200, 200, 404, 422]
    assert sent_of(platform) == {
        ("GET", "/v1/items/{item}"): (1, 0),
        ("GET", "/{tenant}/items/{item}"): (1, 0),
        ("GET", "/shops/{shop}/deep/items/{item}"): (2, 0),
        ("GET", "(not found)"): (1, 0),
    }


def test_plain_starlette_is_recorded_alike(platform: FakePlatform, start: Start, tmp_path: Path) -> None:
    start()
    (tmp_path / "style.css").write_text("p {}")

    async def hello(request: Request) -> Response:
        return PlainTextResponse("hello")

    class Copying:
        """A middleware that hands on a copy of the scope."""

        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await self.app(dict(scope), receive, send)

    app = Starlette(
        routes=[
            Route("/hello/{number:int}/", hello),
            Mount("/static", StaticFiles(directory=tmp_path)),
            Mount("/api/{version}", routes=[Route("/hello", hello, methods=["POST"])]),
        ]
    )
    app.add_middleware(Copying)
    PerfPlatform(app)
    paths = "/hello/1/", "/hello/1", "/static/style.css", "/static/none", "/api/2/hello", "/api/2/none"
    assert [response.status_code for response in ask(app, *paths)] == [200, 307, 200, 404, 405, 404]
    assert sent_of(platform) == {
        ("GET", "/hello/{number:int}/"): (1, 0),
        ("GET", "/static/{path}"): (2, 0),
        ("GET", "/api/{version}/hello"): (1, 0),
        ("GET", "(not found)"): (2, 0),
    }
    assert platform.batches[0]["process"]["framework"].startswith("starlette ")


def test_wrong_method_is_that_of_the_route_and_no_route_is_not_found(
    platform: FakePlatform, start: Start
) -> None:
    start()
    app = make_app()
    assert [response.status_code for response in ask(app, "/broken", "/.env", method="POST")] == [405, 404]
    assert sent_of(platform) == {("POST", "/broken"): (1, 0), ("POST", "(not found)"): (1, 0)}


@pytest.mark.skipif(not hasattr(FastAPI, "frontend"), reason="this FastAPI has no frontends")
def test_frontends_have_one_name_each(platform: FakePlatform, start: Start, tmp_path: Path) -> None:
    app = make_app()
    start()
    (tmp_path / "app.js").write_text("")
    (tmp_path / "index.html").write_text("")
    router = APIRouter(prefix="/admin")
    router.frontend("/panel", directory=tmp_path)
    app.frontend("/ui", directory=tmp_path)
    app.include_router(router)
    sub = FastAPI()
    sub.frontend("/", directory=tmp_path)
    app.mount("/shops/{shop}", sub)
    paths = "/ui/app.js", "/ui/", "/admin/panel/app.js", "/shops/7/app.js"
    assert [response.status_code for response in ask(app, *paths)] == [200] * 4
    assert sent_of(platform) == {
        ("GET", "/ui/{path}"): (2, 0),
        ("GET", "/admin/panel/{path}"): (1, 0),
        ("GET", "/shops/{shop}/{path}"): (1, 0),
    }


def test_errors_are_what_is_unhandled_and_what_is_answered_with_500_and_above(
    platform: FakePlatform, start: Start
) -> None:
    start()
    paths = "/broken", "/unavailable", "/handled", "/status/499", "/status/500"
    assert [response.status_code for response in ask(make_app(), *paths)] == [500, 503, 502, 499, 500]
    assert sent_of(platform) == {
        ("GET", "/broken"): (1, 1),
        ("GET", "/unavailable"): (1, 1),
        ("GET", "/handled"): (1, 1),
        ("GET", "/status/{code}"): (2, 1),
    }
    found = {profile["endpoint"]: profile.get("error_type") for profile in platform.profiles}
    assert found["/broken"] == "LookupError"
    assert found["/unavailable"] is None
    assert found["/handled"] == f"{__name__}.ShopError"


def test_exception_reaches_the_server_as_without_us(platform: FakePlatform, start: Start) -> None:
    start()

    async def ask_once() -> None:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(make_app()), base_url="http://t"
        ) as client:
            await client.get("/broken")

    with pytest.raises(LookupError, match="nothing there"):
        asyncio.run(ask_once())
    assert sent_of(platform) == {("GET", "/broken"): (1, 1)}


def test_background_tasks_are_tasks_of_their_own(platform: FakePlatform, start: Start) -> None:
    start(slow_threshold=0.01)
    app = make_app()
    began = time.perf_counter()
    ask(app, "/background")
    elapsed_us = (time.perf_counter() - began) * 1e6
    ask(app, "/background?fails=1")
    assert sent_of(platform, "task") == {
        ("", f"{__name__}.background_sync"): (2, 0),
        ("", f"{__name__}.background_async"): (2, 1),
    }
    # What a background task raises leaves the app through the request.
    assert sent_of(platform) == {("GET", "/background"): (2, 1)}
    tasks = [profile for profile in platform.profiles if profile["kind"] == "task"]
    assert any("background_sync" in names_in(profile) for profile in tasks)
    assert all(
        profile["duration_us"] <= elapsed_us - 70_000
        for profile in platform.profiles
        if profile["kind"] == "request"
    )


@pytest.mark.parametrize("first", [True, False])
def test_middlewares_keep_their_order_whenever_the_app_is_wrapped(
    first: bool, platform: FakePlatform, start: Start
) -> None:
    start()
    seen: list[str] = []
    app = Starlette(routes=[Route("/", lambda request: PlainTextResponse(f"{current_record() is not None}"))])

    class Outer(BaseHTTPMiddleware):
        async def dispatch(self, request: Request, call_next: Any) -> Any:
            seen.append(type(self).__name__)
            return await call_next(request)

    class Inner(Outer):
        pass

    if first:
        PerfPlatform(app)
    app.add_middleware(Inner)
    app.add_middleware(Outer)
    if not first:
        ask(app, "/")
        PerfPlatform(app)
        seen.clear()
    PerfPlatform(app)
    assert [middleware.cls for middleware in app.user_middleware] == [Outer, Inner]
    assert ask(app, "/")[0].text == "True"
    assert seen == ["Outer", "Inner"]
    assert sent_of(platform) == {("GET", "/"): (1, 0)}


def wait() -> Any:
    time.sleep(0.2)
    return current_record()


async def wait_async() -> Any:
    await asyncio.sleep(0.2)
    return await asyncio.ensure_future(asyncio.to_thread(current_record))


def marker(function: Callable[[], Any], number: int) -> Callable[[], Any]:
    """The function under a name of its own."""
    return FunctionType(function.__code__.replace(co_name=f"marker_{number}"), globals())


def make_marked_app(seen: dict[int, list[Any]]) -> FastAPI:
    app = FastAPI()
    PerfPlatform(app)

    def add(number: int) -> None:
        def note() -> None:
            """A dependency, on another thread."""
            seen[number] = [current_record()]

        def sync(_: None = Depends(note)) -> None:
            seen[number].append(marker(wait, number)())

        async def asynchronous(_: None = Depends(note)) -> None:
            seen[number].append(await marker(wait_async, number)())

        app.get(f"/{number}")(asynchronous if number % 2 else sync)

    for number in range(50):
        add(number)
    return app


def test_fifty_requests_at_once_keep_apart(platform: FakePlatform, start: Start) -> None:
    start()
    seen: dict[int, list[Any]] = {}
    app = make_marked_app(seen)

    async def ask_all() -> list[int]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t") as client:
            answers = await asyncio.gather(*(client.get(f"/{number}") for number in range(50)))
            return [answer.status_code for answer in answers]

    assert asyncio.run(ask_all()) == [200] * 50
    assert all(noted is not None and noted is waited for noted, waited in seen.values())
    assert len({id(noted) for noted, _ in seen.values()}) == 50
    assert sent_of(platform) == {("GET", f"/{number}"): (1, 0) for number in range(50)}
    markers = {
        profile["endpoint"]: {name for name in names_in(profile) if name.startswith("marker_")}
        for profile in platform.profiles
    }
    assert all(names <= {f"marker_{endpoint[1:]}"} for endpoint, names in markers.items())
    # The sampler looks at a random 20 of those that wait: a few may have been seen before their marker alone.
    assert sum(map(len, markers.values())) >= 40
