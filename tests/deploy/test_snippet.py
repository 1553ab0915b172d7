"""The two texts of the page "Connect an app" do what they promise, to the letter, in an empty environment."""

from __future__ import annotations

import os
import re
import subprocess
import venv
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
import requests

from tests.deploy.browser import Browser, Page
from tests.instance import Instance, free_port, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

APP = """
import sys, time
from flask import Flask

app = Flask(__name__)

{snippet}


@app.get("/invoices/<int:number>")
def show_invoice(number):
    return add_up(number)


def add_up(number):
    end = time.perf_counter() + 0.1
    while time.perf_counter() < end:
        sum(range(1000))
    return str(number)


app.run(port=int(sys.argv[1]))
"""


@pytest.fixture(scope="module", params=["", "/tools/perf"], ids=["at the root", "below a path"])
def instance(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    made = Instance(tmp_path_factory.mktemp("instance"), demo=False)
    made.variables["PUBLIC_URL"] = f"http://127.0.0.1:{made.port}{request.param}"
    try:
        made.start()
        yield made
    finally:
        if made.process:
            made.stop()


@pytest.fixture(scope="module")
def admin(instance: Instance) -> Browser:
    """Signed in as the administrator."""
    status = instance.status()
    assert status["url"] == instance.variables["PUBLIC_URL"]
    admin = Browser(status["url"])
    admin.log_in(status["username"], status["password"])
    return admin


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The variables of a shell in a fresh virtual environment that has Flask and nothing of ours."""
    directory = tmp_path_factory.mktemp("app") / "venv"
    venv.create(directory, with_pip=True)
    ours = ("PYTHON", "VIRTUAL_ENV", "PERFPLATFORM_", "DJANGO_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    shell = {**kept, "PATH": f"{directory / 'bin'}:{os.defpath}"}
    subprocess.run(["pip", "install", "--quiet", f"flask=={version('flask')}"], env=shell, check=True)
    return shell


def install(line: str, environment: dict[str, str], *, origin: str) -> None:
    """As a person does who copies the line into a terminal; the SDK must come from `origin`."""
    subprocess.run(["pip", "uninstall", "--yes", "--quiet", "perfplatform-sdk"], env=environment, check=True)
    done = subprocess.run(["sh", "-c", line], env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{origin}/sdk/files/perfplatform_sdk-" in done.stdout
    assert re.search(r"(?i)Successfully installed .*perfplatform[-_.]sdk-\d", done.stdout), done.stdout


def test_copied_lines_bring_the_first_profile(
    instance: Instance, admin: Browser, environment: dict[str, str], tmp_path: Path
) -> None:
    slug = admin.create_project("Invoices")
    page = admin.create_key(slug)
    install(page.texts["snippet-install"], environment, origin=admin.public_url)
    (project,) = instance.api("GET", "projects/")["items"]
    assert project["slug"] == slug
    assert not instance.profile_ids(project["id"])

    port = free_port()
    program = tmp_path / "app.py"
    program.write_text(APP.format(snippet=page.texts["snippet-flask"]))
    with (tmp_path / "log").open("wb") as log:
        app = subprocess.Popen(
            ["python", str(program), str(port)], env=environment, cwd=tmp_path, stdout=log, stderr=log
        )
    try:
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/invoices/7"), 30, (tmp_path / "log").read_text)
        wait_until(lambda: instance.profile_ids(project["id"]), 60, (tmp_path / "log").read_text)
    finally:
        app.terminate()
        app.wait(timeout=30)

    (profile,) = instance.api("GET", f"projects/{project['id']}/profiles/")["items"]
    assert (profile["kind"], profile["method"]) == ("request", "GET")
    assert profile["endpoint"] == "/invoices/<int:number>"
    listed = admin.get(f"/projects/{slug}/profiles/").text
    path = admin.public_url.partition(f":{instance.port}")[2]
    assert f"{path}/profiles/{profile['id']}/" in Page(listed).links
    assert "add_up" in admin.get(f"/profiles/{profile['id']}/").text


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).text == "7"
    except requests.ConnectionError:
        return False


def test_index_works_for_every_spelling_that_pip_accepts(admin: Browser, environment: dict[str, str]) -> None:
    for name in ("perfplatform-sdk", "perfplatform_sdk", "PerfPlatform.SDK"):
        index = f"{admin.public_url}/sdk/simple"
        line = f"pip install --no-deps --index-url {index} {name}"
        install(line, environment, origin=admin.public_url)
