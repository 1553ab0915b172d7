"""`perfplatform-run` with servers, reloaders and workers: each starts several processes of its own."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest
from fake_platform import FakePlatform
from programs import FLASK, free_port, get, running, variables_for, wait_for, write_apps

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_apps(tmp_path)
    return tmp_path


@pytest.fixture
def variables(platform: FakePlatform) -> dict[str, str]:
    return {**variables_for(platform), "FLASK_APP": "shop"}  # `flask --app` is of Flask 2.2 and newer


@pytest.mark.parametrize(
    ("command", "route"),
    [
        ("flask run --reload --port {port}", "/items/<int:number>"),
        ("-m flask run --port {port}", "/items/<int:number>"),
        ("gunicorn shop:app --preload --worker-class gthread --bind 127.0.0.1:{port}", "/items/<int:number>"),
        ("gunicorn shop:app --worker-class gevent --bind 127.0.0.1:{port}", "/items/<int:number>"),
        ("granian --interface wsgi --port {port} shop:app", "/items/<int:number>"),
        ("uvicorn api:app --port {port}", "/items/{number}"),
        ("uvicorn api:app --reload --port {port}", "/items/{number}"),
        ("uvicorn api:app --workers 2 --port {port}", "/items/{number}"),
        ("granian --interface asgi --port {port} api:app", "/items/{number}"),
        ("python manage.py runserver {port}", "/items/<int:number>"),
        ("manage.py runserver --noreload {port}", "/items/<int:number>"),
    ],
)
def test_servers(
    platform: FakePlatform, folder: Path, variables: dict[str, str], command: str, route: str
) -> None:
    port = free_port()
    with running(folder, variables, *command.format(port=port).split()) as log:
        for number in range(3):
            assert str(number) in get(f"http://127.0.0.1:{port}/items/{number}", log)
        wait_for(platform, "request", "GET", route, count=3)
    assert platform.entries().keys() == {("request", "GET", route)}
    assert platform.entries()["request", "GET", route]["count"] == 3
    assert "perfplatform" not in log.read_text()
    assert "MonkeyPatchWarning" not in log.read_text()


def test_reloaded_app_is_recorded_too(
    platform: FakePlatform, folder: Path, variables: dict[str, str]
) -> None:
    port = free_port()
    command = ("flask", "run", "--reload", "--port", str(port))
    with running(folder, variables, *command) as log:
        get(f"http://127.0.0.1:{port}/items/1", log)
        wait_for(platform, "request", "GET", "/items/<int:number>")
        changed = textwrap.dedent(FLASK).replace("/items/", "/things/")
        deadline = time.monotonic() + 60
        while ("request", "GET", "/things/<int:number>") not in platform.entries():
            assert time.monotonic() < deadline, log.read_text()
            # Again and again, for the reloader looks at whole seconds and may be restarting.
            (folder / "shop.py").write_text(f"{changed}\n# {time.monotonic()}\n")
            time.sleep(2)
            with suppress(urllib.error.URLError, ConnectionError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/things/1", timeout=10).close()


def test_celery_worker(platform: FakePlatform, folder: Path, variables: dict[str, str]) -> None:
    command = ("celery", "--app", "tasks", "worker", "--concurrency", "2", "--pool", "prefork")
    with running(folder, variables, *command):
        send = "import tasks\nfor number in range(3): tasks.add.delay(number, 1)"
        subprocess.run([sys.executable, "-c", send], cwd=folder, env=variables, check=True, timeout=60)
        wait_for(platform, "task", "", "tasks.add", count=3)
    assert platform.entries()["task", "", "tasks.add"]["count"] == 3
