"""Copying a text for a ticket, opening the source, saving a table: what one does every day."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from profiles.tests.recorded import own, profile
from tests.e2e.conftest import SESSION_COOKIE
from tests.e2e.made import PRODUCTS, MadeProject, make_project
from tests.e2e.measured import make_measured
from tests.e2e.test_endpoint_and_functions import endpoint_page
from tests.e2e.test_every_page import LOOKS, dress, serious_faults

TEMPLATE = "https://git.example/{repo}/blob/{version}/{file}#L{line}"
HOSTILE_FILE = '"><script>alert(1)</script>/' + "名" * 200 + ".py"


@pytest.fixture(scope="module")
def shop(instance: dict[str, Any]) -> MadeProject:
    return make_measured(instance, "Everyday shop")


def set_link(page: Page, project: MadeProject, template: str, repository: str = "team/shop") -> None:
    page.goto(f"{project.page}settings/")
    page.locator("#source_source_link").fill(template)
    page.locator("#source_repository").fill(repository)
    page.locator("section", has=page.locator("#source")).get_by_role("button", name="Save").click()


def test_a_text_for_a_ticket_is_copied(logged_in_page: Page, shop: MadeProject) -> None:
    page = logged_in_page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    address = shop.send_products()
    for place, told in ((address, "Duration: 200 ms"), (endpoint_page(shop), "p50 / p95 / p99: ")):
        page.goto(place)
        button = page.get_by_role("button", name="Copy as text")
        button.focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name="Copied")).to_be_visible()
        text = page.evaluate("navigator.clipboard.readText()")
        assert text.startswith("GET /products\n\nProject: Everyday shop")
        assert told in text
        assert "list_products  shop/views.py:31" in text
        # The link leads there.
        page.goto(text.splitlines()[-1])
        expect(page.get_by_role("heading", level=1)).to_have_text("GET /products")


def test_the_text_comes_along_to_another_period(logged_in_page: Page, shop: MadeProject) -> None:
    page = logged_in_page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(endpoint_page(shop))
    page.get_by_role("link", name="Last 7 days").click()
    page.wait_for_url("**period=7d**")
    page.get_by_role("button", name="Copy as text").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert "start=" in page.evaluate("navigator.clipboard.readText()").splitlines()[-1]


def test_places_lead_to_the_source(
    logged_in_page: Page, instance: dict[str, Any], troubles: list[str]
) -> None:
    page = logged_in_page
    project = make_project(instance, "Linked")
    set_link(page, project, "javascript:alert(1)//{file}")
    expect(page.locator("#source_source_link_error")).to_contain_text("Begin with https://")
    expect(page.locator("#source_source_link")).to_have_value("javascript:alert(1)//{file}")
    # The browser itself notes the status.
    assert all("422" in trouble for trouble in troubles)
    troubles.clear()
    set_link(page, project, TEMPLATE)
    expect(page.get_by_text("The settings were saved.")).to_be_visible()
    page.goto(project.send_products())
    page.get_by_label("Find a function", exact=True).fill("price_of")
    place = page.locator(".ct-detail-place a")
    expect(place).to_have_attribute("href", "https://git.example/team/shop/blob/1.0/shop/pricing.py#L18")
    expect(place).to_have_attribute("rel", "noopener noreferrer")
    # The chosen frame of the flame graph is the same function.
    page.keyboard.press("Enter")
    expect(page.locator(".fg-detail .ct-detail-place a")).to_have_attribute(
        "href", "https://git.example/team/shop/blob/1.0/shop/pricing.py#L18"
    )
    page.get_by_label("My code only").first.uncheck()
    page.get_by_label("Find a function", exact=True).fill("execute")
    expect(page.locator("[data-part=detail-name]")).to_contain_text("execute")
    expect(page.locator("#calltree .ct-detail-place a")).to_have_count(0)


def test_hostile_files_lead_nowhere_else(logged_in_page: Page, instance: dict[str, Any]) -> None:
    page = logged_in_page
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    project = make_project(instance, "Hostile files")
    set_link(page, project, "vscode://file/srv/{file}:{line}", "")
    (address,) = project.send(profile([((own("view", f"{HOSTILE_FILE}:1"), own("f", "..//x.py:1")), 0.1)]))
    page.goto(address)
    links = page.eval_on_selector_all("a.source", "links => links.map(link => link.getAttribute('href'))")
    assert links
    assert all(link.startswith("vscode://file/srv/%22%3E%3Cscript%3E") for link in links)
    for width in (390, 1440):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_tables_are_saved(logged_in_page: Page, shop: MadeProject) -> None:
    page = logged_in_page
    shop.send_minute(queue_full=12)
    for path, name in (
        ("profiles/?order=slowest", "profiles"),
        ("settings/ingest/", "ingest"),
        ("settings/instances/", "instances"),
    ):
        page.goto(shop.page + path)
        with page.expect_download() as download:
            page.get_by_role("link", name="CSV").click()
        assert download.value.suggested_filename == f"{shop.slug}-{name}.csv"
        assert download.value.path().read_text("utf-8-sig").count("\n") > 1


@pytest.fixture
def plain_page(browser: Browser, instance: dict[str, Any], session_cookie: str) -> Iterator[Page]:
    """A browser without JavaScript."""
    context = browser.new_context(java_script_enabled=False)
    context.add_cookies([{"name": SESSION_COOKIE, "value": session_cookie, "url": instance["url"]}])
    yield context.new_page()
    context.close()


def test_without_a_script_the_text_is_read_and_places_are_links(plain_page: Page, shop: MadeProject) -> None:
    page = plain_page
    page.goto(shop.send_products())
    expect(page.locator("#ticket")).to_contain_text("Duration: 200 ms")
    box = page.locator("#ticket").bounding_box()
    assert box
    assert box["height"] > 100
    expect(page.get_by_role("button", name="Copy as text")).to_be_hidden()


@pytest.mark.parametrize(("theme", "language", "width"), LOOKS)
def test_pages_are_accessible_and_fit(
    logged_in_page: Page, instance: dict[str, Any], theme: str, language: str, width: int
) -> None:
    page, project = logged_in_page, make_project(instance, "Looked at everyday")
    set_link(page, project, TEMPLATE)
    dress(page, instance["url"], theme, language)
    page.set_viewport_size({"width": width, "height": 844})
    for address in (project.send(profile(PRODUCTS))[0], f"{project.page}settings/", project.profiles_page):
        page.goto(address)
        page.wait_for_load_state("networkidle")
        assert serious_faults(page) == [], address
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address


def test_strangers_get_nothing(shop: MadeProject) -> None:
    for path in ("profiles.csv", "settings/ingest.csv", "settings/instances.csv", "search/?q=a"):
        assert "/login/" in requests.get(shop.page + path, timeout=30).url
