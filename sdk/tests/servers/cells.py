"""Which apps run under which servers, and what they are asked."""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import NamedTuple

# granian 2.5, the last one for Python 3.9, hangs by itself: with ASGI often when it is to stop, with WSGI on
# chunked requests and when clients go away.
GRANIAN_HANGS = version("granian").startswith("2.5.")


class Cell(NamedTuple):
    """An app under a server: a command, with the port where `PORT` stands."""

    app: str
    server: str
    command: tuple[str, ...]
    variables: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        return f"{self.app}-{self.server}"

    @property
    def requests(self) -> list[str]:
        """What it is asked."""
        return [text for text in REQUESTS if not (self.hangs and "chunked" in text)]

    @property
    def hangs(self) -> bool:
        """On some requests, with and without the SDK."""
        return GRANIAN_HANGS and self.server == "granian"


PYTHON = sys.executable
GUNICORN = (PYTHON, "-m", "gunicorn", "--bind=127.0.0.1:PORT", "--workers=1", "--access-logfile=-")
GRANIAN = (PYTHON, "-m", "granian", "--host=127.0.0.1", "--port=PORT", "--workers=1", "--access-log")
UVICORN = (PYTHON, "-m", "uvicorn", "--host=127.0.0.1", "--port=PORT", "--no-use-colors")
# uvloop sends what was written when a turn ends, and before Django 4.2 a whole stream is one turn.
ASYNC_DJANGO = (("ASYNC_STREAMS", "1"), ("UVICORN_LOOP", "asyncio"))

WSGI_SERVERS = {
    "gunicorn-sync": GUNICORN,
    "gunicorn-gthread": (*GUNICORN, "--worker-class=gthread", "--threads=2"),
    "gunicorn-gevent": (*GUNICORN, "--worker-class=gevent"),
    "gunicorn-gevent-preloaded": (*GUNICORN, "--worker-class=gevent", "--preload"),
    "granian": (*GRANIAN, "--interface=wsgi"),
}
ASGI_SERVERS = {
    "uvicorn": UVICORN,
    **({} if GRANIAN_HANGS else {"granian": (*GRANIAN, "--interface=asgi")}),
}
WSGI_APPS = {"flask": "flask_app:app", "django": "django_app:application"}
ASGI_APPS = {"django-async": "django_app:async_application", "fastapi": "fastapi_app:app"}
DEVELOPMENT_SERVERS = [
    # `flask --app` is of Flask 2.2 and newer.
    Cell(
        "flask", "development", (PYTHON, "-m", "flask", "run", "--port=PORT"), (("FLASK_APP", "flask_app"),)
    ),
    Cell(
        "django", "development", (PYTHON, "-m", "django_manage", "runserver", "--noreload", "127.0.0.1:PORT")
    ),
    Cell("fastapi", "development", (*UVICORN, "--reload", "fastapi_app:app")),
]
CELLS = [
    *(
        Cell(app, server, (*command, target))
        for app, target in WSGI_APPS.items()
        for server, command in WSGI_SERVERS.items()
    ),
    *(
        Cell(app, server, (*command, target), ASYNC_DJANGO if app == "django-async" else ())
        for app, target in ASGI_APPS.items()
        for server, command in ASGI_SERVERS.items()
    ),
    *DEVELOPMENT_SERVERS,
]


def request(method: str, path: str, *headers: str, body: str = "") -> str:
    lines = [f"{method} {path} HTTP/1.1", "Host: shop.test", "Connection: close", *headers]
    length = [f"Content-Length: {len(body)}"] if body else []
    return "\r\n".join([*lines, *length, "", body])


REQUESTS = [
    request("GET", "/json/41?password=hunter2"),
    request("GET", "/html"),
    request("GET", "/redirect"),
    request("GET", "/slash"),
    request("GET", "/nowhere"),
    request("POST", "/json/1"),
    request("OPTIONS", "/json/1"),
    request("GET", "/empty"),
    request("GET", "/sorry"),
    request("GET", "/raised"),
    request("GET", "/propagated"),
    request("GET", "/stream"),
    request("GET", "/length"),
    request("GET", "/breaks"),
    request("GET", "/file"),
    request("GET", "/file", "Range: bytes=100-299"),
    request("GET", "/file", "Range: bytes=999999-"),
    request("GET", "/memory"),
    request("GET", "/background"),
    request("HEAD", "/json/1"),
    request("HEAD", "/stream"),
    request("HEAD", "/file"),
    request("POST", "/echo", body="a=b&c=d"),
    request("POST", "/echo", "Transfer-Encoding: chunked") + "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n",
    request("GET", "/large"),
    request("GET", "/inner"),
    "GET /json/1 HTTP/1.0\r\n\r\n",
]
