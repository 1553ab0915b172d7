from __future__ import annotations

import asyncio
import inspect
import socket
import ssl
import sys
import traceback
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Callable

import httpx
import pytest
import requests
import urllib3
from counted import Count, Counts, a_request, read
from web_server import web_server

from perfplatform_sdk import hooks
from perfplatform_sdk.integrations.wsgi import Middleware
from perfplatform_sdk.recorder import current_record

Get = Callable[..., int]

# No proxies of this machine, and no certificates, whose loading takes long.
PLAIN: dict[str, Any] = {"trust_env": False, "verify": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)}


def get_by_requests(url: str) -> int:
    return requests.get(url, timeout=10).status_code


def get_by_requests_session(url: str) -> int:
    with requests.Session() as session, session.get(url, timeout=10, stream=True) as response:
        return response.status_code


def get_by_httpx(url: str) -> int:
    return httpx.get(url, follow_redirects=True, **PLAIN).status_code


def get_by_httpx_stream(url: str) -> int:
    with httpx.Client(follow_redirects=True, **PLAIN) as client, client.stream("GET", url) as response:
        return response.status_code


def get_by_async_httpx(url: str) -> int:
    async def get() -> int:
        async with httpx.AsyncClient(follow_redirects=True, **PLAIN) as client:
            return (await client.get(url)).status_code

    return asyncio.run(get())


def get_by_urllib3(url: str) -> int:
    with urllib3.PoolManager() as pool:
        return pool.request("GET", url, retries=urllib3.Retry(connect=0, read=0, redirect=3)).status


ALL = [
    get_by_requests,
    get_by_requests_session,
    get_by_httpx,
    get_by_httpx_stream,
    get_by_async_httpx,
    get_by_urllib3,
]
each = pytest.mark.parametrize("get", ALL)


@pytest.fixture(autouse=True)
def hooked(start: Callable[..., None]) -> Iterator[None]:
    start(engine="none", statement_shapes=True)
    yield
    hooks.uninstall()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with web_server() as address:
        yield address


def caller_of(get: Get) -> str:
    return "get" if get is get_by_async_httpx else get.__name__


@each
def test_call_is_counted_once_with_its_caller_and_shape(get: Get, server: str) -> None:
    with a_request() as counts:
        assert [get(f"{server}/users/{number}/slow?token=secret") for number in (1, 22)] == [200, 200]
        assert get(f"{server}/missing") == 404
    assert counts.rows == [
        Count("http", caller_of(get), f"GET {server}/users/*/slow", 2),
        Count("http", caller_of(get), f"GET {server}/missing", 1),
    ]
    # Each takes 50 ms.
    assert 100_000 <= counts.times_us[f"GET {server}/users/*/slow"] < 20_000_000


@each
def test_outside_a_request_nothing_is_counted(get: Get, server: str) -> None:
    assert get(f"{server}/fine") == 200
    with a_request() as counts:
        pass
    assert counts.rows == []


@each
def test_redirect_is_part_of_the_call_except_for_urllib3(get: Get, server: str) -> None:
    with a_request() as counts:
        assert get(f"{server}/redirect") == 200
    expected = [(f"GET {server}/redirect", 1)]
    if get is get_by_urllib3:
        expected.append((f"GET {server}/fine", 1))
    assert counts.shapes() == expected


@pytest.mark.parametrize(
    ("get", "error"),
    [
        (get_by_requests, requests.ConnectionError),
        (get_by_httpx, httpx.ConnectError),
        (get_by_async_httpx, httpx.ConnectError),
        (get_by_urllib3, urllib3.exceptions.MaxRetryError),
    ],
)
def test_failing_call_is_counted_and_raises_as_ever(get: Get, error: type[Exception]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/fine"
    with a_request() as counts, pytest.raises(error) as caught:
        get(url)
    assert counts.rows == [Count("http", caller_of(get), f"GET {url}", 1)]
    ours = [frame for frame in traceback.extract_tb(caught.tb) if "perfplatform_sdk" in frame.filename]
    # Before Python 3.11 a frame can't be taken out of a traceback.
    assert len(ours) == (0 if sys.version_info >= (3, 11) else 1)


@pytest.mark.parametrize("get", [get_by_requests, get_by_httpx, get_by_async_httpx, get_by_urllib3])
def test_dropped_connection_is_counted(get: Get, server: str) -> None:
    with a_request() as counts, suppress(OSError, httpx.HTTPError, urllib3.exceptions.HTTPError):
        get(f"{server}/drop")
    assert counts.shapes() == [(f"GET {server}/drop", 1)]


def test_concurrent_tasks_are_told_apart(server: str) -> None:
    async def serve(client: httpx.AsyncClient, number: int) -> Counts:
        with a_request() as counts:
            await asyncio.gather(*(client.get(f"{server}/{'abcdefghij'[number]}") for _ in range(number + 1)))
        return counts

    async def serve_all() -> list[Counts]:
        async with httpx.AsyncClient(**PLAIN) as client:
            return await asyncio.gather(*(serve(client, number) for number in range(5)))

    found = asyncio.run(serve_all())
    assert [counts.shapes() for counts in found] == [
        [(f"GET {server}/{'abcdefghij'[number]}", number + 1)] for number in range(5)
    ]


def test_cancellation_passes_through_and_the_call_is_counted(server: str) -> None:
    async def cancelled() -> Counts:
        async with httpx.AsyncClient(**PLAIN) as client:
            with a_request() as counts:
                task = asyncio.ensure_future(client.get(f"{server}/slow"))
                await asyncio.sleep(0.02)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                assert task.cancelled()
                # What comes after it is counted as ever.
                await client.get(f"{server}/fine")
        return counts

    assert asyncio.run(cancelled()).shapes() == [(f"GET {server}/slow", 1), (f"GET {server}/fine", 1)]


def test_call_through_a_proxy_is_counted_under_its_own_address(server: str) -> None:
    with a_request() as counts, urllib3.ProxyManager(server) as proxy:
        assert proxy.request("GET", "http://elsewhere.test/fine").status == 200
    assert counts.shapes() == [("GET http://elsewhere.test/fine", 1)]


def test_methods_look_as_they_did() -> None:
    hooks.uninstall()
    methods = [
        (requests.Session, "send"),
        (httpx.Client, "send"),
        (httpx.AsyncClient, "send"),
        (urllib3.HTTPConnectionPool, "urlopen"),
    ]
    before = [getattr(owner, name) for owner, name in methods]
    hooks.install(statement_shapes=True)
    for (owner, name), original in zip(methods, before):
        hooked: Any = getattr(owner, name)
        assert hooked is not original
        assert inspect.signature(hooked) == inspect.signature(original)
        assert inspect.iscoroutinefunction(hooked) == inspect.iscoroutinefunction(original)
        assert (hooked.__name__, hooked.__qualname__, hooked.__doc__, hooked.__module__) == (
            original.__name__,
            original.__qualname__,
            original.__doc__,
            original.__module__,
        )
    hooks.install(statement_shapes=True)
    hooks.uninstall()
    assert [getattr(owner, name) for owner, name in methods] == before


def test_a_method_that_another_has_wrapped_since_stays_wrapped(
    monkeypatch: pytest.MonkeyPatch, server: str
) -> None:
    ours, seen = requests.Session.send, []

    def theirs(*args: Any, **kwargs: Any) -> requests.Response:
        seen.append(args[1].url)
        return ours(*args, **kwargs)

    monkeypatch.setattr(requests.Session, "send", theirs)
    hooks.uninstall()
    assert get_by_requests(f"{server}/fine") == 200
    assert seen == [f"{server}/fine"]


def test_a_request_of_the_app_counts_its_calls(server: str) -> None:
    found: list[Counts] = []

    def application(_environ: object, _start: object) -> list[bytes]:
        get_by_requests(f"{server}/fine")
        record = current_record()
        assert record is not None
        found.append(Counts())
        read(record, found[0])
        return []

    Middleware(application)({"REQUEST_METHOD": "GET"}, lambda *_: None)
    assert found[0].rows == [Count("http", "get_by_requests", f"GET {server}/fine", 1)]
