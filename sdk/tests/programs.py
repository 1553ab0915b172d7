"""Apps that know nothing of the SDK, and ways to run them as `perfplatform-run` does."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fake_platform import KEY, FakePlatform

from perfplatform_sdk.run import environment

SDK = Path(__file__).parents[1]
RUN = [sys.executable, "-m", "perfplatform_sdk.run"]
BESIDE = str(Path(sys.executable).parent)

FLASK = """
    import os
    from flask import Flask

    app = Flask(__name__)

    @app.get("/items/<int:number>")
    def item(number):
        return {"number": number, "pid": os.getpid()}
"""
FASTAPI = """
    from fastapi import FastAPI
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    app = FastAPI()

    @app.get("/items/{number}")
    def item(number: int):
        return {"number": number}

    async def answer(request):
        return PlainTextResponse("inner")

    app.mount("/inner", Starlette(routes=[Route("/{name}", answer)]))
"""
DJANGO = """
    import os, sys
    from django.conf import settings
    from django.core.management import execute_from_command_line
    from django.http import JsonResponse
    from django.urls import path

    class Simple:
        def __init__(self, get_response): self.get_response = get_response
        def __call__(self, request): return self.get_response(request)

    def item(request, number):
        return JsonResponse({"number": number, "middleware": settings.MIDDLEWARE})

    urlpatterns = [path("items/<int:number>", item)]
    MIDDLEWARE = ["manage.Simple"]
    ROOT_URLCONF, SECRET_KEY, DEBUG, ALLOWED_HOSTS, USE_TZ = "manage", "x", True, ["*"], True

    if __name__ == "__main__":
        os.environ["DJANGO_SETTINGS_MODULE"] = "manage"
        execute_from_command_line(sys.argv)
"""
CELERY = """
    from celery import Celery

    app = Celery("tasks", broker="filesystem://")
    app.conf.broker_transport_options = {"data_folder_in": "queue", "data_folder_out": "queue"}

    @app.task
    def add(left, right):
        return left + right
"""


def write_apps(folder: Path) -> None:
    for name, source in {"shop": FLASK, "api": FASTAPI, "manage": DJANGO, "tasks": CELERY}.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(source))
    (folder / "queue").mkdir()


def variables_for(platform: FakePlatform) -> dict[str, str]:
    """The environment of a program that sends to this platform."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
        "PATH": f"{BESIDE}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(SDK),
        "PERFPLATFORM_URL": platform.url,
        "PERFPLATFORM_KEY": KEY,
        "PERFPLATFORM_FLUSH_INTERVAL": "0.1",
    }


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def finish(folder: Path, variables: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    """Run Python to its end as the runner would: the runner itself takes as long again."""
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=environment(variables),
        capture_output=True,
        text=True,
        timeout=60,
    )


@contextmanager
def running(folder: Path, variables: dict[str, str], *command: str) -> Iterator[Path]:
    """A server under the runner, and the file with what it writes; ended as by Ctrl-C of a supervisor."""
    log = folder / "log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [*RUN, *command], cwd=folder, env=variables, stdout=out, stderr=out, start_new_session=True
        )
    try:
        yield log
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def get(url: str, log: Path, timeout: float = 60) -> str:
    """The body, once the server answers."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return str(answer.read().decode())
        except (urllib.error.URLError, ConnectionError):
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)


def wait_for(platform: FakePlatform, *place: str, count: int = 1) -> None:
    def arrived() -> bool:
        return platform.entries().get(place, {}).get("count", 0) >= count  # type: ignore[call-overload, no-any-return]

    platform.wait_for(arrived, timeout=30)


@contextmanager
def example(module: str, platform: FakePlatform, *, code: int = 0) -> Iterator[str]:
    """Where a program of examples/ listens, run as its README says. At its end, by SIGTERM, all arrives."""
    variables = {
        **os.environ,
        "PORT": "0",
        "PERFPLATFORM_KEY": KEY,
        "PERFPLATFORM_URL": platform.url,
        "PERFPLATFORM_SLOW_THRESHOLD": "0.01",
        "PYTHONPATH": os.pathsep.join([str(SDK), str(SDK.parent / "examples")]),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", module], env=variables, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        found = re.search(r"http://(\S+)", process.stdout.readline())
        assert found is not None
        yield found[1]
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == code
    finally:
        process.kill()
        process.communicate()
