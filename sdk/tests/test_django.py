"""What is recorded of a Django project's requests, under WSGI and ASGI."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any, Callable, NamedTuple

import django_project as project
import pytest
from asgi_server import PlayedServer, call, http, play
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.base import BaseHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse
from django.test import AsyncClient, Client, RequestFactory, override_settings
from django.urls import clear_url_caches
from fake_platform import KEY, FakePlatform

import perfplatform_sdk
from perfplatform_sdk import client
from perfplatform_sdk.integrations.asgi import Middleware as AsgiMiddleware
from perfplatform_sdk.integrations.django import Middleware
from perfplatform_sdk.integrations.django_route import readable

Start = Callable[..., None]


@pytest.fixture(autouse=True)
def recorded_project() -> Iterator[None]:
    """The project with our middleware, first in the list."""
    clear_url_caches()
    with override_settings(
        **{**project.SETTINGS, "MIDDLEWARE": [project.SDK, *project.SETTINGS["MIDDLEWARE"]]}
    ):
        yield


def entries(platform: FakePlatform) -> dict[str, tuple[int, int]]:
    """Count and errors by route."""
    assert perfplatform_sdk.flush(5.0)
    return {route: (entry["count"], entry["errors"]) for (_, _, route), entry in platform.entries().items()}


def profile_of(platform: FakePlatform, endpoint: str) -> dict[str, Any]:
    (found,) = [profile for profile in platform.profiles if profile["endpoint"] == endpoint]
    return found


def get(path: str, **more: Any) -> Any:
    """Ask under WSGI and take in the whole body, as a server does."""
    response = Client(raise_request_exception=False).get(path, **more)
    if response.streaming:
        b"".join(response.streaming_content)
        response.close()
    return response


async def get_async(path: str) -> Any:
    """Ask under ASGI."""
    response = await AsyncClient(raise_request_exception=False).get(path)
    if response.streaming:
        async for _ in project.parts_of(response):
            continue
        response.close()
    return response


class Case(NamedTuple):
    path: str
    endpoint: str
    status: int


CASES = [
    Case("/", "/", 200),
    Case("/shop/orders/41/?token=secret", "/shop/orders/<int:number>/", 200),
    Case("/shop/v1/77", "/shop/v\\d/<number>", 200),
    Case("/async/orders/4", "/async/orders/<int:number>", 200),
    Case("/en/about/", "/<language>/about/(us/)?", 200),
    Case("/de/about/us/", "/<language>/about/(us/)?", 200),
    Case("/nowhere/41", "(not found)", 404),
    Case("/about/", "(not found)", 302),  # LocaleMiddleware finds the language
    Case("/shop/orders/41", "(not found)", 301),  # CommonMiddleware adds the slash
    Case("/closed", "(not found)", 503),
    Case("/faulty-middleware", "(not found)", 500),
    Case("/refused/404", "/refused/<what>", 404),
    Case("/refused/403", "/refused/<what>", 403),
    Case("/refused/400", "/refused/<what>", 400),
    Case("/status/503", "/status/<int:code>", 503),
    Case("/raised", "/raised", 500),
    Case("/raised-async", "/raised-async", 500),
    Case("/page-that-breaks", "/page-that-breaks", 500),
]


@pytest.mark.parametrize("kind", ["WSGI", "ASGI"])
def test_requests_are_counted_by_their_routes(
    kind: str, platform: FakePlatform, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(engine="sampler", overhead_budget=64)
    monkeypatch.setattr(project, "marker", lambda: None)
    expected: dict[str, tuple[int, int]] = {}
    for case in CASES:
        response = get(case.path) if kind == "WSGI" else asyncio.run(get_async(case.path))
        assert response.status_code == case.status, case.path
        count, errors = expected.get(case.endpoint, (0, 0))
        expected[case.endpoint] = (count + 1, errors + (case.status >= 500))
    assert entries(platform) == expected
    failed = {(profile["status"], profile.get("error_type", "")) for profile in platform.profiles}
    assert failed >= {(500, "LookupError"), (503, "")}
    assert failed - {(500, "LookupError"), (503, "")} == {
        (status, "") for status, _ in failed if status < 500
    }
    assert "internal_error" not in platform.dropped()


@pytest.mark.parametrize("engine", ["sampler", "pyinstrument"])
def test_profile_shows_the_view(engine: str, platform: FakePlatform, start: Start) -> None:
    start(engine=engine, overhead_budget=64)
    get("/shop/orders/41/?token=secret")
    assert entries(platform) == {"/shop/orders/<int:number>/": (1, 0)}
    (profile,) = platform.profiles
    assert (profile["method"], profile["status"], profile["streaming"]) == ("GET", 200, False)
    assert {"order", "marker"} <= set(profile["session"]["strings"])
    assert "secret" not in str(platform.batches)
    assert "/orders/41" not in str(platform.batches)
    assert platform.batches[0]["process"]["framework"].startswith("django ")


@pytest.mark.parametrize("path", ["/shop/orders/1/", "/async/orders/1", "/hop"])
@pytest.mark.parametrize("kind", ["WSGI", "ASGI"])
def test_view_on_another_thread_or_loop_belongs_to_its_request(
    path: str, kind: str, platform: FakePlatform, start: Start
) -> None:
    start(engine="sampler", overhead_budget=64)
    get(path) if kind == "WSGI" else asyncio.run(get_async(path))
    entries(platform)
    (profile,) = platform.profiles
    assert "marker" in profile["session"]["strings"]


def test_refused_form_is_counted_by_its_route(platform: FakePlatform, start: Start) -> None:
    start()
    assert Client(enforce_csrf_checks=True).post("/guarded").status_code == 403
    assert entries(platform) == {"/guarded": (1, 0)}


def test_invented_method_makes_no_endpoint(platform: FakePlatform, start: Start) -> None:
    start()
    Client().generic("HACK", "/status/200")
    entries(platform)
    assert list(platform.entries()) == [("request", "(other)", "/status/<int:code>")]


# Streams


@pytest.mark.parametrize("path", ["/stream", "/stream-text", "/file"])
def test_stream_ends_with_its_first_part(path: str, platform: FakePlatform, start: Start) -> None:
    start(engine="sampler", overhead_budget=64, slow_threshold=0.001)
    began = time.perf_counter()
    response = Client().get(path)
    parts = iter(response.streaming_content)
    while not next(parts):
        continue
    elapsed_us = (time.perf_counter() - began) * 1e6
    time.sleep(0.1)
    assert b"".join(parts) or path == "/file"
    response.close()
    assert entries(platform) == {path: (1, 0)}
    assert [profile["streaming"] for profile in platform.profiles] in ([True], [])
    assert all(profile["duration_us"] <= elapsed_us for profile in platform.profiles)
    if path == "/stream":
        assert "marker" in platform.profiles[0]["session"]["strings"]


def test_stream_under_asgi_ends_with_its_first_part(platform: FakePlatform, start: Start) -> None:
    start(engine="sampler", overhead_budget=64)
    path = project.under_asgi("/stream")

    async def read() -> float:
        began, elapsed = time.perf_counter(), 0.0
        response = await AsyncClient().get(path)
        async for part in project.parts_of(response):
            elapsed = elapsed or (time.perf_counter() - began if part else 0.0)
            await asyncio.sleep(0.1 if part else 0)
        response.close()
        return elapsed

    elapsed = asyncio.run(read())
    assert entries(platform) == {path: (1, 0)}
    profile = profile_of(platform, path)
    assert profile["streaming"] is True
    assert 30_000 <= profile["duration_us"] <= elapsed * 1e6
    assert "marker" in profile["session"]["strings"]


@pytest.mark.parametrize("after", [0, 2])
@pytest.mark.parametrize("kind", ["WSGI", "ASGI"])
def test_stream_that_breaks_is_one_error(kind: str, after: int, platform: FakePlatform, start: Start) -> None:
    start()
    path = "/breaks" if kind == "WSGI" else project.under_asgi("/breaks")
    with pytest.raises(OSError, match="the disk is gone"):
        get(f"{path}/{after}") if kind == "WSGI" else asyncio.run(get_async(f"{path}/{after}"))
    assert entries(platform) == {f"{path}/<int:after>": (1, 1)}


def test_stream_that_nobody_reads_is_counted_when_it_is_closed(platform: FakePlatform, start: Start) -> None:
    start()
    response = Client().head("/stream")
    assert entries(platform) == {}
    response.close()
    assert entries(platform) == {"/stream": (1, 0)}


@pytest.mark.parametrize(
    "path",
    ["/stream", *(["/stream-async"] if project.HAS_ASYNC_STREAMS else []), "/file", "/shop/orders/1/"],
)
def test_response_stays_what_it_was(path: str, start: Start) -> None:
    def seen(response: Any) -> tuple[object, ...]:
        closers = len(response._resource_closers)
        names = sorted(response.__dict__.keys() - {"_iterator"})
        file = getattr(response, "file_to_stream", None)
        return type(response), names, dict(response.items()), type(file), closers

    start()
    bare = getattr(project, urls_to_views[path])
    inner: list[tuple[object, ...]] = []

    def get_response(request: Any) -> Any:
        response = asyncio.run(bare(request)) if path == "/stream-async" else bare(request)
        inner.append(seen(response))
        return response

    response = Middleware(get_response)(RequestFactory().get(path))
    outer = seen(response)
    response.close()
    assert outer[:-1] == inner[0][:-1]
    assert outer[-1] - inner[0][-1] == (path in ("/stream", "/stream-async"))  # type: ignore[operator]


urls_to_views = {
    "/stream": "stream",
    "/stream-async": "stream_async",
    "/file": "file",
    "/shop/orders/1/": "page",
}


# Requests inside of requests


def test_view_that_calls_others_keeps_its_own_record(platform: FakePlatform, start: Start) -> None:
    start(engine="sampler", overhead_budget=64)
    assert get("/outer").content == b"saw 7 and 500"
    assert asyncio.run(get_async("/outer-async")).content == b"saw 8"
    assert entries(platform) == {
        "/outer": (1, 0),
        "/outer-async": (1, 0),
        "/shop/orders/<int:number>/": (1, 0),
        "/async/orders/<int:number>": (1, 0),
        "/raised": (1, 1),
    }
    assert "order" in profile_of(platform, "/outer")["session"]["strings"]


def test_wrapper_around_the_project_and_middleware_in_it_count_once(
    platform: FakePlatform, start: Start
) -> None:
    start()
    sent = play(AsgiMiddleware(ASGIHandler()))
    assert sent[0]["status"] == 200
    assert entries(platform) == {"/": (1, 0)}


def test_concurrent_requests_show_their_own_functions_only(platform: FakePlatform, start: Start) -> None:
    start(engine="sampler", keep_first=100, overhead_budget=64)
    paths = [f"/own/{kind}/{number}" for number in range(5) for kind in ("sync", "async")]

    async def ask_all() -> None:
        handler = ASGIHandler()

        await asyncio.gather(*[call(handler, http(path), PlayedServer()) for path in paths])

    asyncio.run(ask_all())
    assert entries(platform) == {f"/own/{kind}/<int:number>": (5, 0) for kind in ("sync", "async")}
    shown = [
        {string for string in profile["session"]["strings"] if string.startswith("own_marker_")}
        for profile in platform.profiles
    ]
    assert sorted(map(len, shown)) == [1] * 10
    assert len(set().union(*shown)) == 10


# The middleware and its handler


@pytest.mark.parametrize(
    ("is_async", "below"), [(False, []), (True, []), (True, ["django_project.sync_only"])]
)
def test_no_thread_is_changed_for_us(is_async: bool, below: list[str]) -> None:
    with override_settings(MIDDLEWARE=[project.SDK, *below]):
        handler = BaseHandler()
        handler.load_middleware(is_async=is_async)
    (process_view,) = handler._view_middleware
    assert isinstance(process_view.__self__, Middleware)


def test_sync_middlewares_under_asgi_are_recorded(platform: FakePlatform, start: Start) -> None:
    start(engine="sampler", overhead_budget=64)
    with override_settings(MIDDLEWARE=[project.SDK, "django_project.sync_only"]):
        asyncio.run(get_async("/shop/orders/3/"))
    assert entries(platform) == {"/shop/orders/<int:number>/": (1, 0)}
    assert "marker" in platform.profiles[0]["session"]["strings"]


def test_cancelled_request_is_no_error(platform: FakePlatform, start: Start) -> None:
    start()

    async def ask() -> None:
        project.events.clear()
        asking = asyncio.create_task(get_async("/patient"))
        while "waiting" not in project.events:
            await asyncio.sleep(0.001)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    asyncio.run(ask())
    assert entries(platform) == {"/patient": (1, 0)}


def test_what_is_no_exception_passes_and_is_an_error(platform: FakePlatform, start: Start) -> None:
    start()
    with pytest.raises(SystemExit):
        get("/exits")
    assert entries(platform) == {"/exits": (1, 1)}


def test_propagated_exceptions_are_the_same(platform: FakePlatform, start: Start) -> None:
    start()
    with (
        override_settings(DEBUG_PROPAGATE_EXCEPTIONS=True),
        pytest.raises(LookupError, match="nothing there"),
    ):
        Client().get("/raised")
    assert entries(platform) == {"/raised": (1, 1)}


# Settings


def test_settings_of_the_project_begin_to_record(
    platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_begun", False)
    arguments = {"key": KEY, "url": platform.url, "environment": "of the settings"}
    with override_settings(PERFPLATFORM=arguments):
        get("/")
    entries(platform)
    assert platform.batches[0]["environment"] == "of the settings"


def test_own_call_of_init_goes_before_the_settings(
    platform: FakePlatform, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(environment="of the call")
    with override_settings(PERFPLATFORM={"key": KEY, "url": platform.url, "environment": "settings"}):
        get("/")
    perfplatform_sdk.flush(5.0)
    assert {batch["environment"] for batch in platform.batches} == {"of the call"}
    start(enabled=False)
    with override_settings(PERFPLATFORM={"key": KEY, "url": platform.url}):
        get("/")
    assert client.current() is None


def test_wrong_settings_are_named_once(
    warnings: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_begun", False)
    monkeypatch.setattr(client, "_told", True)
    with override_settings(PERFPLATFORM="ppk_"):
        assert get("/").status_code == 200
    assert len(warnings()) == 1
    assert "PERFPLATFORM" in warnings()[0]


def test_nothing_is_recorded_before_init(platform: FakePlatform) -> None:
    assert isinstance(get("/"), HttpResponse)
    assert get("/raised").status_code == 500
    assert asyncio.run(get_async(project.under_asgi("/stream"))).status_code == 200
    assert platform.posts == []


# Routes


@pytest.mark.parametrize(
    ("route", "shown"),
    [
        ("orders/<int:number>/", "orders/<int:number>/"),
        (r"^orders/(?P<number>[0-9]+)/$", "orders/<number>/"),
        (r"^a/(\d+)/(?:page-(?P<n>\d+(?:x)?)/)?$", "a/<value>/(page-<n>/)?"),
        (r"(?i)^report\.json\Z", "report.json"),
        (r"^v\d+/[()x]+/(?P<a>(b|c)\))/(?!z)$", r"v\d+/[()x]+/<a>/"),
        ("^$", ""),
        ("shop/<int:shop>/(?P<rest>.*)$", "shop/<int:shop>/<rest>"),
        (r"^[^]x]/(?i:a)(?P<never closed", r"[^]x]/(a)<value>"),
    ],
)
def test_regular_expressions_are_shown_readable(route: str, shown: str) -> None:
    assert readable(route) == shown


def test_urlconf_of_the_request_has_its_own_languages(platform: FakePlatform, start: Start) -> None:
    start()
    assert settings.ROOT_URLCONF == "django_project"
    with override_settings(MIDDLEWARE=[project.SDK, "django_project.other_urls"]):
        get("/en/plain")
    assert entries(platform) == {"/en/plain": (1, 0)}


def test_wsgi_handler_is_the_frameworks_own(platform: FakePlatform, start: Start) -> None:
    start()
    statuses: list[str] = []
    environ = Client()._base_environ(PATH_INFO="/status/503")  # type: ignore[no-untyped-call]
    body = WSGIHandler()(environ, lambda status, _: statuses.append(status))
    assert (statuses, b"".join(body)) == (["503 Service Unavailable"], b"as you like")
    body.close()  # type: ignore[attr-defined]
    assert entries(platform) == {"/status/<int:code>": (1, 1)}
