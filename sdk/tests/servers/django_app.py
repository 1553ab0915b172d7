"""The set of endpoints as a Django project of one file, with the SDK where RECORDED is set."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Callable

import django
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.template import engines
from django.test import Client
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

try:
    from asgiref.sync import iscoroutinefunction, markcoroutinefunction
except ImportError:  # asgiref before 3.6
    from asyncio import coroutines, iscoroutinefunction

    def markcoroutinefunction(function: Any) -> None:
        function._is_coroutine = coroutines._is_coroutine


RECORDED = bool(os.environ.get("RECORDED"))
# Before Django 4.2 streams under ASGI are ordinary iterators.
IS_ASYNC = bool(os.environ.get("ASYNC_STREAMS")) and django.VERSION >= (4, 2)

log = logging.getLogger("shop")
logging.basicConfig(level=logging.INFO, format="%(name)s %(levelname)s %(message)s", stream=sys.stderr)


class Nothing:
    """A middleware that does nothing, for WSGI and ASGI."""

    sync_capable = async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self._get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        return self._get_response(request)


settings.configure(
    ALLOWED_HOSTS=["*"],
    DEBUG=False,
    LOGGING_CONFIG=None,
    MIDDLEWARE=[
        # Django puts a layer of its own around each middleware, which tracebacks show.
        "perfplatform_sdk.integrations.django.Middleware" if RECORDED else "django_app.Nothing",
        "django.middleware.common.CommonMiddleware",
        "django_app.keep_exceptions",
    ],
    ROOT_URLCONF="django_app",
    SECRET_KEY="the same for both",
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
    USE_TZ=True,
    WSGI_APPLICATION="django_app.application",
)
django.setup()
if RECORDED:
    import perfplatform_sdk

    perfplatform_sdk.init()


def keep_exceptions(get_response: Callable[[HttpRequest], HttpResponse]) -> Any:
    """Only the view that wants it lets its exceptions out of the project."""

    def handle(request: HttpRequest) -> HttpResponse:
        settings.DEBUG_PROPAGATE_EXCEPTIONS = request.path == "/propagated"
        return get_response(request)

    return handle


def json(request: HttpRequest, number: int) -> HttpResponse:
    log.info("asked for %d", number)
    return JsonResponse({"number": number, "items": list(range(50)), "名": "值"})


def html(request: HttpRequest) -> HttpResponse:
    template = engines["django"].from_string("<p>{{ name }}</p>" * 20)
    response = HttpResponse(template.render({"name": "<b>"}))
    response.set_cookie("a", "b", httponly=True)
    return response


def redirect(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=302, headers={"Location": "/html"})


def slash(request: HttpRequest) -> HttpResponse:
    return HttpResponse("slash")


def empty(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=204)


def sorry(request: HttpRequest) -> HttpResponse:
    return HttpResponse("sorry", status=500)


def raised(request: HttpRequest) -> HttpResponse:
    raise LookupError("nothing there")


def large(request: HttpRequest) -> HttpResponse:
    return HttpResponse(bytes(range(256)) * 4000, content_type="application/octet-stream")


@csrf_exempt
def echo(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.body)


def inner(request: HttpRequest) -> HttpResponse:
    answer = Client().get("/json/7")
    return HttpResponse(f"{answer.status_code} {answer.content.decode()}")


def streaming(parts: Callable[[], Iterator[bytes]], kind: str = "text/plain") -> StreamingHttpResponse:
    async def later() -> AsyncIterator[bytes]:
        for part in parts():
            yield part

    return StreamingHttpResponse(later() if IS_ASYNC else parts(), content_type=kind)


def stream(request: HttpRequest) -> StreamingHttpResponse:
    def parts() -> Iterator[bytes]:
        yield b""
        yield b"one"
        time.sleep(0.5)
        yield b"two" * 1000

    return streaming(parts)


def length(request: HttpRequest) -> StreamingHttpResponse:
    response = streaming(lambda: (part for part in (b"12", b"345")))
    response["Content-Length"] = "5"
    return response


def breaks(request: HttpRequest) -> StreamingHttpResponse:
    def parts() -> Iterator[bytes]:
        yield b"one"
        raise OSError("the disk is gone")

    return streaming(parts)


def endless(request: HttpRequest) -> StreamingHttpResponse:
    def parts() -> Iterator[bytes]:
        try:
            for _ in range(1_000):
                time.sleep(0.002)
                yield b"data: tick\n\n" * 5_000
            log.warning("nobody left")
        finally:
            log.warning("closed")

    return streaming(parts, "text/event-stream")


def file(request: HttpRequest) -> FileResponse:
    return FileResponse(Path(os.environ["REPORT"]).open("rb"))


urlpatterns = [
    path("json/<int:number>", json),
    path("html", html),
    path("redirect", redirect),
    path("slash/", slash),
    path("empty", empty),
    path("sorry", sorry),
    path("raised", raised),
    path("propagated", raised),
    path("large", large),
    path("echo", echo),
    path("inner", inner),
    path("stream", stream),
    path("length", length),
    path("breaks", breaks),
    path("endless", endless),
    path("file", file),
]
application = WSGIHandler()
async_application = ASGIHandler()
