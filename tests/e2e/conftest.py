"""One running product for all browser tests, and a browser that reports what a person would not see."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, WebError

from tests.deploy.browser import Browser
from tests.instance import Instance

HERE = Path(__file__).parent
CHROMIUM = "/usr/bin/chromium"
SESSION_COOKIE = "perfplatform_session"
QUIET = ("about", "blob", "data")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests in this folder start the whole product."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """A `./dev run` with the demo, for all tests of the session: leave it as you found it."""
    made = Instance(tmp_path_factory.mktemp("instance"))
    try:
        made.start()
        yield made
    finally:
        if made.process:
            made.stop()


@pytest.fixture(scope="session")
def instance(running: Instance) -> dict[str, Any]:
    """What `./dev status --json` says of it."""
    return running.status()


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """Debian's Chromium, without whatever it would ask of the network by itself."""
    return {
        "executable_path": CHROMIUM,
        "args": [
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
        ],
    }


@pytest.fixture
def troubles(context: BrowserContext, instance: dict[str, Any]) -> Iterator[list[str]]:
    """Errors on the console, exceptions and requests to other hosts: any left at the end is a failure.

    A test that provokes one on purpose looks at the list and clears it.
    """
    found: list[str] = []
    origin = urlsplit(instance["url"])[:2]

    def note_console(message: ConsoleMessage) -> None:
        if message.type == "error":
            found.append(f"console: {message.text} ({message.location.get('url')})")

    def note_exception(error: WebError) -> None:
        found.append(f"exception: {error.error}")

    def note_request(request: Request) -> None:
        asked = urlsplit(request.url)
        if asked.scheme not in QUIET and asked[:2] != origin:
            found.append(f"request to another host: {request.url}")

    context.on("console", note_console)
    context.on("weberror", note_exception)
    context.on("request", note_request)
    yield found
    assert not found


@pytest.fixture
def page(page: Page, troubles: list[str]) -> Page:
    """The browser's page, watched."""
    return page


@pytest.fixture(scope="session")
def session_cookie(instance: dict[str, Any]) -> str:
    """One sign-in for all tests: checking a password is slow on purpose. Don't sign out with it."""
    person = Browser(instance["url"])
    person.log_in(instance["username"], instance["password"])
    cookie: str = person.session.cookies[SESSION_COOKIE]
    return cookie


@pytest.fixture
def logged_in_page(page: Page, instance: dict[str, Any], session_cookie: str) -> Page:
    """The page, on the project list, as the first administrator."""
    page.context.add_cookies([{"name": SESSION_COOKIE, "value": session_cookie, "url": instance["url"]}])
    page.goto(f"{instance['url']}/")
    return page
