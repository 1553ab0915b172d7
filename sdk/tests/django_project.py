"""A Django project of one file, for WSGI and ASGI, with and without the SDK."""

from __future__ import annotations

import asyncio
import io
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import FunctionType
from typing import Any, Callable

import django
from asgiref.sync import sync_to_async
from django.conf import settings
from django.conf.urls.i18n import i18n_patterns
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponse,
    JsonResponse,
    StreamingHttpResponse,
)
from django.middleware.gzip import GZipMiddleware
from django.template import engines
from django.template.response import TemplateResponse
from django.test import AsyncClient, Client
from django.urls import include, path, re_path
from django.views.generic import View

SDK = "perfplatform_sdk.integrations.django.Middleware"
# Before Django 4.2 streams under ASGI are ordinary iterators, which are gone through on the event loop.
HAS_ASYNC_STREAMS = django.VERSION >= (4, 2)

SETTINGS: dict[str, Any] = {
    "ALLOWED_HOSTS": ["*"],
    "DEBUG": False,
    "LANGUAGES": [("en", "English"), ("de", "Deutsch")],
    "LOGGING_CONFIG": None,
    "MIDDLEWARE": [
        "django_project.GZip",
        "django.middleware.http.ConditionalGetMiddleware",
        "django.middleware.locale.LocaleMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django_project.closed",
    ],
    "ROOT_URLCONF": "django_project",
    "SECRET_KEY": "the same for both",
    "TEMPLATES": [{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
    "USE_I18N": True,
    "USE_TZ": True,
}

if not settings.configured:
    settings.configure(**SETTINGS)
    django.setup()

REPORT = Path(__file__)
events: list[str] = []  # what the project's own code noticed
gate = threading.Event()  # some streams wait for it


def marker(seconds: float = 0.05) -> None:
    """Takes CPU time."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        len(str(until))


class GZip(GZipMiddleware):
    """Django's, without the random bytes that it adds to each response."""

    max_random_bytes = 0


def closed(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """A middleware that answers some requests itself."""

    def refuse(request: HttpRequest) -> HttpResponse | None:
        if request.path == "/faulty-middleware":
            raise LookupError("in a middleware")
        return HttpResponse("closed", status=503) if request.path == "/closed" else None

    if asyncio.iscoroutinefunction(get_response):

        async def asynchronous(request: HttpRequest) -> Any:
            return refuse(request) or await get_response(request)

        return asynchronous
    return lambda request: refuse(request) or get_response(request)


closed.sync_capable = closed.async_capable = True  # type: ignore[attr-defined]


def sync_only(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """A middleware as they were before Django 3.1."""
    return lambda request: get_response(request)


def other_urls(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """A middleware that gives requests a URLconf of their own, as for tenants."""

    def give(request: HttpRequest) -> Any:
        request.urlconf = Tenant  # type: ignore[attr-defined]
        return get_response(request)

    return give


def order(_request: HttpRequest, number: int) -> HttpResponse:
    marker()
    return JsonResponse({"order": number, "名": "值"})


async def order_async(_request: HttpRequest, number: int) -> HttpResponse:
    marker()
    await asyncio.sleep(0.01)
    return JsonResponse({"order": number})


async def hop(_request: HttpRequest) -> HttpResponse:
    await sync_to_async(marker)()
    return HttpResponse("hopped")


def page(request: HttpRequest) -> HttpResponse:
    return TemplateResponse(request, engines["django"].from_string("{{ name }}" * 50), {"name": "<b>"})


def page_that_breaks(request: HttpRequest) -> HttpResponse:
    return TemplateResponse(request, engines["django"].from_string("{{ f }}"), {"f": raised})


def cookie(_request: HttpRequest) -> HttpResponse:
    response = HttpResponse("crumbs")
    response.set_cookie("a", "b", httponly=True)
    return response


def raised(_request: HttpRequest | None = None) -> HttpResponse:
    raise LookupError("nothing there")


async def raised_async(_request: HttpRequest) -> HttpResponse:
    raise LookupError("nothing there")


def exits(_request: HttpRequest) -> HttpResponse:
    raise SystemExit(3)


def refused(_request: HttpRequest, what: str) -> HttpResponse:
    raise {"404": Http404, "403": PermissionDenied, "400": SuspiciousOperation}[what]("no")


def status(_request: HttpRequest, code: int) -> HttpResponse:
    return HttpResponse("as you like", status=code)


def echo(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.body, content_type="text/plain")


echo.csrf_exempt = True  # type: ignore[attr-defined]


def large(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(bytes(range(256)) * 4000, content_type="application/octet-stream")


class Methods(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(f"{request.method} {sorted(request.__dict__)}")


def stream(_request: HttpRequest) -> StreamingHttpResponse:
    def parts() -> Iterator[bytes]:
        try:
            marker(0.03)
            yield from (b"", b"one", b"two" * 10, b"")
        finally:
            events.append("closed")

    return StreamingHttpResponse(parts())


def under_asgi(path: str) -> str:
    """The path of the view whose stream this Django wants under ASGI."""
    return f"{path}-async" if HAS_ASYNC_STREAMS else path


async def parts_of(response: Any) -> AsyncIterator[bytes]:
    """The parts of a stream as the handler for ASGI takes them."""
    if hasattr(response, "__aiter__"):
        async for part in response:
            yield part
    else:
        for part in response:
            yield part


def stream_text(_request: HttpRequest) -> StreamingHttpResponse:
    response = StreamingHttpResponse(iter(["ein", "s"]))
    response["Content-Length"] = "4"
    return response


async def stream_async(_request: HttpRequest) -> StreamingHttpResponse:
    async def parts() -> AsyncIterator[bytes]:
        try:
            marker(0.03)
            await asyncio.sleep(0)
            for part in (b"", b"one", b"two" * 10, b""):
                yield part
        finally:
            events.append("closed")

    return StreamingHttpResponse(parts())


def stream_that_breaks(_request: HttpRequest, after: int) -> StreamingHttpResponse:
    def parts() -> Iterator[bytes]:
        for _ in range(after):
            yield b"part"
        raise OSError("the disk is gone")

    return StreamingHttpResponse(parts())


async def stream_that_breaks_async(_request: HttpRequest, after: int) -> StreamingHttpResponse:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(after):
            yield b"part"
        raise OSError("the disk is gone")

    return StreamingHttpResponse(parts())


def gated(_request: HttpRequest) -> StreamingHttpResponse:
    def parts() -> Iterator[bytes]:
        try:
            yield b"one"
            gate.wait(10)
            yield b"two"
        finally:
            events.append("closed")

    return StreamingHttpResponse(parts(), content_type="text/event-stream")


async def gated_async(_request: HttpRequest) -> StreamingHttpResponse:
    async def parts() -> AsyncIterator[bytes]:
        try:
            yield b"one"
            while not gate.is_set():
                await asyncio.sleep(0.001)
            yield b"two"
        finally:
            events.append("closed")

    return StreamingHttpResponse(parts(), content_type="text/event-stream")


async def patient(_request: HttpRequest) -> HttpResponse:
    events.append("waiting")
    await asyncio.sleep(30)
    return HttpResponse("late")


def file(_request: HttpRequest) -> FileResponse:
    return FileResponse(REPORT.open("rb"), as_attachment=True)


def memory(_request: HttpRequest) -> FileResponse:
    return FileResponse(io.BytesIO(b"m" * 5000), filename="m.bin")


def outer(_request: HttpRequest) -> HttpResponse:
    marker(0.02)
    inner = Client().get("/shop/orders/7/")
    failed = Client(raise_request_exception=False).get("/raised")
    return HttpResponse(f"saw {json.loads(inner.content)['order']} and {failed.status_code}")


async def outer_async(_request: HttpRequest) -> HttpResponse:
    inner = await AsyncClient().get("/async/orders/8")
    return HttpResponse(f"saw {json.loads(inner.content)['order']}")


def own_function(number: int) -> Callable[[], None]:
    """A function of this number alone, by its name."""
    return FunctionType(marker.__code__.replace(co_name=f"own_marker_{number}"), globals(), "", (0.05,))


def own(_request: HttpRequest, number: int) -> HttpResponse:
    own_function(number)()
    return HttpResponse("own")


async def own_async(_request: HttpRequest, number: int) -> HttpResponse:
    await asyncio.sleep(0.005)
    own_function(number + 100)()
    return HttpResponse("own")


class Tenant:
    """A URLconf."""

    urlpatterns = (path("en/plain", status, {"code": 200}),)


urlpatterns = [
    path("", page),
    path(
        "shop/", include([path("orders/<int:number>/", order), re_path(r"^v\d/(?P<number>[0-9]+)$", order)])
    ),
    path("async/orders/<int:number>", order_async),
    path("hop", hop),
    path("own/sync/<int:number>", own),
    path("own/async/<int:number>", own_async),
    path("page-that-breaks", page_that_breaks),
    path("cookie", cookie),
    path("raised", raised),
    path("raised-async", raised_async),
    path("exits", exits),
    path("refused/<what>", refused),
    path("status/<int:code>", status),
    path("echo", echo),
    path("guarded", status, {"code": 200}),
    path("large", large),
    path("methods", Methods.as_view()),
    path("stream", stream),
    path("stream-text", stream_text),
    path("stream-async", stream_async),
    path("breaks/<int:after>", stream_that_breaks),
    path("breaks-async/<int:after>", stream_that_breaks_async),
    path("gated", gated),
    path("gated-async", gated_async),
    path("patient", patient),
    path("file", file),
    path("memory", memory),
    path("outer", outer),
    path("outer-async", outer_async),
    *i18n_patterns(re_path(r"^about/(?:us/)?$", status, {"code": 200})),
]
