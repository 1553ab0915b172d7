"""One process that serves an app in one version and records its requests.

It writes batches of the wire format, one a line, until nobody reads them any more.
"""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from importlib import import_module
from io import BytesIO
from itertools import count
from random import Random
from typing import Any, Final

import django
import msgspec
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path
from pyinstrument.profiler import Profiler

from . import release

# The Django request of 200 ms: about so many samples of a millisecond.
TYPICAL_SAMPLES: Final = 133
OTHER_PARTS: Final = (5, 7)
SPREAD: Final = (0.6, 1.4)
FIRST_SIZE: Final = 10.0
# How far one recording corrects the size of the next: some take long because the machine is busy.
CORRECTION: Final = 0.3
INTERVAL_S: Final = 0.001
WARM_UPS: Final = 2
MOST_ITEMS: Final = 3_000


def configure(app: str) -> None:
    package = f"{__package__}.{app}"
    settings.configure(
        ALLOWED_HOSTS=["*"],
        SECRET_KEY=secrets.token_hex(),
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        INSTALLED_APPS=[
            "django.contrib.contenttypes",
            "django.contrib.auth",
            "django.contrib.sessions",
            package,
        ],
        MIDDLEWARE=[
            "django.middleware.security.SecurityMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.locale.LocaleMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.middleware.clickjacking.XFrameOptionsMiddleware",
        ],
        ROOT_URLCONF=sys.modules[__name__],
        SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
        USE_TZ=True,
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    )
    django.setup()
    call_command("migrate", run_syncdb=True, verbosity=0)
    import_module(f"{package}.data").fill()


urlpatterns: list[Any] = []


def serve(app: str, version: str) -> list[str]:
    """Put the app's pages under addresses; returns these. Each page has three parts, as dashboards have."""
    views = release.views(app, version).VIEWS
    for number, view in enumerate(views):
        parts = [view, *(views[(number * step + 1 + step) % len(views)] for step in OTHER_PARTS)]
        name = getattr(view, "view_class", view).__name__.lower()
        urlpatterns.append(path(f"{app}/{name}/", Page(parts), name=name))
    return [f"/{pattern.pattern}" for pattern in urlpatterns]


class Page:
    """A view that answers with what several views say."""

    def __init__(self, parts: list[Callable[[HttpRequest], HttpResponse]]) -> None:
        self.parts = parts

    def __call__(self, request: HttpRequest) -> HttpResponse:
        page = HttpResponse()
        for part in self.parts:
            answer = part(request)
            if isinstance(answer, TemplateResponse):
                answer.render()
            page.write(answer.content)
        return page


class Recorded:
    """A request, and what pyinstrument saw of it."""

    def __init__(self, call: Callable[[], str]) -> None:
        self.started_at = time.time()
        profiler = Profiler(interval=INTERVAL_S, async_mode="disabled")
        began_ns, cpu_ns = time.perf_counter_ns(), time.thread_time_ns()
        with profiler:
            status = call()
        self.duration_us = (time.perf_counter_ns() - began_ns) // 1_000
        self.cpu_us = (time.thread_time_ns() - cpu_ns) // 1_000
        self.status = int(status[:3])
        assert profiler.last_session
        self.session: dict[str, Any] = profiler.last_session.to_json()


class Recorder:
    """Calls endpoints with sizes that make their requests about as long as typical ones."""

    def __init__(self, routes: list[str], seed: str) -> None:
        self.application = WSGIHandler()
        self.random = Random(seed)
        self.sizes = dict.fromkeys(routes, FIRST_SIZE)
        for route in routes:
            self.call(route, 1)
            for _ in range(WARM_UPS):
                self.record(route, correction=1.0)

    def record(self, route: str, *, correction: float = CORRECTION) -> Recorded:
        share = self.random.uniform(*SPREAD)
        size = round(self.sizes[route] * share)
        recorded = Recorded(lambda: self.call(route, size))
        wrong_by = TYPICAL_SAMPLES * share / max(5, len(recorded.session["frame_records"]))
        self.sizes[route] = min(max(self.sizes[route] * wrong_by**correction, 2.0), MOST_ITEMS)
        return recorded

    def call(self, route: str, size: int) -> str:
        said: list[str] = []

        def start(status: str, *_headers: Any) -> Callable[[bytes], object]:
            said.append(status)
            return len

        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": route,
            "QUERY_STRING": f"size={size}&start={self.random.randrange(400)}",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "wsgi.input": BytesIO(),
            "wsgi.url_scheme": "http",
        }
        for _chunk in self.application(environ, start):
            pass
        if not said[0].startswith("2"):
            raise RuntimeError(f"{route} answered {said[0]}")
        return said[0]


def items(recorder: Recorder) -> Iterator[dict[str, Any]]:
    """Profiles without end, endpoint after endpoint."""
    routes = list(recorder.sizes)
    for number in count():
        route = routes[number % len(routes)]
        one = recorder.record(route)
        yield {
            "id": new_id(),
            "kind": "request",
            "endpoint": route,
            "method": "GET",
            "status": one.status,
            "started_at": datetime.fromtimestamp(one.started_at, UTC),
            "duration_us": one.duration_us,
            "cpu_us": one.cpu_us,
            "engine": "pyinstrument",
            "interval_us": round(INTERVAL_S * 1e6),
            "trigger": "sampled",
            "session": {**one.session, "target_description": f"GET {route}"},
        }


def new_id() -> str:
    """As the SDK makes them."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"


def main() -> None:
    app, version, seed = sys.argv[1:]
    configure(app)
    recorder = Recorder(serve(app, version), seed)
    with suppress(BrokenPipeError):
        for item in items(recorder):
            sys.stdout.buffer.write(msgspec.json.encode(item) + b"\n")
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
