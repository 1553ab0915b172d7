"""From a new project to its first profile, as a person does it."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, Request, expect

from tests.e2e.made import PRODUCTS, MadeProject, make_project, profile


@pytest.fixture
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    permissions = ["clipboard-read", "clipboard-write"]
    return {**browser_context_args, "timezone_id": "Asia/Tokyo", "permissions": permissions}


@pytest.fixture
def polls(page: Page) -> Iterator[list[str]]:
    """Addresses of what the setup page asks for while it waits."""
    found: list[str] = []

    def note(request: Request) -> None:
        if "/first-profile/" in request.url:
            found.append(request.url)

    page.on("request", note)
    yield found
    page.remove_listener("request", note)


def test_from_a_new_project_to_its_first_profile(
    logged_in_page: Page, instance: dict[str, Any], polls: list[str]
) -> None:
    page = logged_in_page
    name = f"Billing {secrets.token_hex(4)}"
    page.get_by_role("link", name="New project").click()
    expect(page.get_by_label("Time zone")).to_have_value("Asia/Tokyo")
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Create project").click()

    expect(page.get_by_role("heading", name="Connect an app")).to_be_visible()
    page.get_by_role("button", name="Create a key and show the snippet").click()
    flask = page.locator("#snippet-flask").inner_text()
    key = re.search(r"ppk_[\w-]{43}", flask)
    assert key
    assert f'url="{instance["url"]}"' in flask
    install = page.locator("#snippet-install").inner_text()
    file = re.escape(f"{instance['url']}/sdk/files/") + r"perfplatform_sdk-[\d.]+-py3-none-any\.whl"
    assert re.fullmatch(rf'pip install "perfplatform-sdk @ {file}#sha256=[0-9a-f]{{64}}"', install)

    expect(page.get_by_text("Waiting for the first profile")).to_be_visible()
    slug = re.search(r"/projects/([^/]+)/setup/", page.url)
    assert slug
    project = MadeProject(instance["url"], slug[1], key[0])
    project.send(profile(PRODUCTS, endpoint="/first"))
    arrived = page.get_by_role("heading", name="The first profile has arrived")
    expect(arrived).to_be_visible(timeout=10_000)
    asked = len(polls)
    page.wait_for_timeout(3_000)
    assert len(polls) == asked, "it goes on asking"
    page.get_by_role("link", name="Look inside").click()
    expect(page.get_by_role("tree", name="Call tree")).to_be_visible()


def test_copy_button_copies_the_text_and_says_so(logged_in_page: Page, instance: dict[str, Any]) -> None:
    page = logged_in_page
    page.goto(f"{make_project(instance).page}setup/")
    snippet = page.locator(".snippet", has=page.locator("#snippet-install"))
    snippet.get_by_role("button", name="Copy").click()
    expect(snippet.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.locator("#snippet-install").inner_text()
    expect(snippet.get_by_role("button", name="Copy", exact=True)).to_be_enabled(timeout=5_000)


def test_page_in_a_background_tab_asks_for_nothing(
    logged_in_page: Page, instance: dict[str, Any], polls: list[str]
) -> None:
    page = logged_in_page
    page.goto(f"{make_project(instance).page}setup/")
    expect(page.get_by_text("Waiting for the first profile")).to_be_visible()
    page.wait_for_timeout(3_000)
    assert len(polls) > 1
    page.evaluate("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
    page.wait_for_timeout(500)
    asked = len(polls)
    page.wait_for_timeout(5_000)
    assert len(polls) == asked
    page.evaluate("delete document.hidden")
    page.wait_for_timeout(3_000)
    assert len(polls) > asked


def test_ended_session_leads_to_sign_in_instead_of_a_page_in_a_table(
    logged_in_page: Page, instance: dict[str, Any]
) -> None:
    page = logged_in_page
    page.goto(f"{make_project(instance).page}setup/")
    expect(page.get_by_text("Waiting for the first profile")).to_be_visible()
    page.context.clear_cookies(name="perfplatform_session")
    page.wait_for_url(re.compile(r"/login/\?next=/projects/"), timeout=10_000)
