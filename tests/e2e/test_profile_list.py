"""The list of a project's profiles: the demo's profiles, filters, paging; with scripts and without."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import SESSION_COOKIE
from tests.e2e.made import PRODUCTS, MadeProject, make_project, profile


@pytest.fixture(scope="module")
def filled(instance: dict[str, Any]) -> MadeProject:
    """60 profiles of three endpoints, two versions and three statuses."""
    project, now = make_project(instance, "Filled"), datetime.now(UTC)
    for version, rest in (("1.0", 0), ("1.1", 1)):
        items = [
            profile(
                PRODUCTS,
                endpoint=("/products", "/cart", "/search")[number % 3],
                status=(200, 404, 500)[number % 3],
                duration_us=1_000 * (number + 1),
                started_at=now - timedelta(seconds=number),
            )
            for number in range(rest, 60, 2)
        ]
        project.send(*items, version=version)
    return project


@pytest.fixture
def scriptless_page(browser: Browser, instance: dict[str, Any], session_cookie: str) -> Iterator[Page]:
    """A signed-in browser that runs no scripts."""
    context = browser.new_context(java_script_enabled=False)
    context.add_cookies([{"name": SESSION_COOKIE, "value": session_cookie, "url": instance["url"]}])
    yield context.new_page()
    context.close()


def test_profiles_of_the_demo_arrive_and_open(logged_in_page: Page, instance: dict[str, Any]) -> None:
    page = logged_in_page
    address = f"{instance['url']}/projects/{instance['demo']['slug']}/profiles/"
    page.goto(address)
    for _attempt in range(60):
        if page.locator(".profile-table tbody tr").count():
            break
        page.wait_for_timeout(1_000)
        page.reload()
    page.locator(".profile-table tbody tr a").first.click()
    expect(page.get_by_role("tree", name="Call tree")).to_be_visible()
    expect(page.locator(".ct-row")).not_to_have_count(0)
    page.goto(f"{instance['url']}/")
    row = page.get_by_role("row", name=re.compile("Demo|Shop", re.IGNORECASE)).first
    expect(row.locator("time")).to_have_text(re.compile("ago|just now"))


def test_filters_swap_the_table_and_stand_in_the_address(logged_in_page: Page, filled: MadeProject) -> None:
    page = logged_in_page
    page.goto(filled.profiles_page)
    page.evaluate("window.notReloaded = true")
    expect(page.get_by_text("60 profiles")).to_be_visible()
    page.get_by_label("Endpoint").select_option("/cart")
    expect(page.get_by_text("20 profiles")).to_be_visible()
    expect(page).to_have_url(f"{filled.profiles_page}?endpoint=%2Fcart")
    page.get_by_label("Version").select_option("1.1")
    expect(page.get_by_text("10 profiles")).to_be_visible()
    page.get_by_label("At least (ms)").fill("50")
    page.get_by_label("At least (ms)").press("Enter")
    expect(page.get_by_text("2 profiles")).to_be_visible()
    expect(page).to_have_url(f"{filled.profiles_page}?endpoint=%2Fcart&version=1.1&min_ms=50")
    assert page.evaluate("window.notReloaded")
    # The address alone brings the same page, with its fields filled in.
    page.goto(page.url)
    expect(page.get_by_text("2 profiles")).to_be_visible()
    expect(page.get_by_label("Version")).to_have_value("1.1")
    page.get_by_label("Status").select_option("ok")
    expect(page.get_by_text("2 profiles")).to_be_visible()
    page.get_by_label("Status").select_option("error")
    expect(page.get_by_text("No profile matches")).to_be_visible()
    page.get_by_role("link", name="Remove all filters").click()
    expect(page.get_by_text("60 profiles")).to_be_visible()


def test_paging_and_the_browsers_back_button(logged_in_page: Page, filled: MadeProject) -> None:
    page = logged_in_page
    page.goto(filled.profiles_page)
    rows = page.locator(".profile-table tbody tr")
    newest = rows.first.get_by_role("link").get_attribute("href")
    expect(rows).to_have_count(25)
    page.get_by_role("link", name="Older").click()
    expect(page.get_by_role("link", name="Newest")).to_be_visible()
    page.get_by_role("link", name="Older").click()
    expect(rows).to_have_count(10)
    expect(page.get_by_role("link", name="Older")).to_have_count(0)
    page.go_back()
    expect(rows).to_have_count(25)
    page.get_by_role("link", name="Newest").click()
    expect(rows.first.get_by_role("link")).to_have_attribute("href", str(newest))


def test_filters_and_paging_work_without_scripts(scriptless_page: Page, filled: MadeProject) -> None:
    page = scriptless_page
    page.goto(filled.profiles_page)
    page.get_by_label("Endpoint").select_option("/search")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_text("20 profiles")).to_be_visible()
    page.goto(filled.profiles_page)
    page.get_by_role("link", name="Older").click()
    expect(page.locator(".profile-table tbody tr")).to_have_count(25)


def test_profile_without_scripts_shows_hot_path_and_functions(
    scriptless_page: Page, filled: MadeProject
) -> None:
    page = scriptless_page
    page.goto(filled.send_products())
    expect(page.get_by_role("heading", name="Hot path")).to_be_visible()
    expect(page.get_by_role("cell", name="120 ms").first).to_be_visible()
    expect(page.get_by_role("heading", name="Functions with the most time of their own")).to_be_visible()
    expect(page.get_by_role("tree")).to_have_count(0)


def test_failed_request_is_told(logged_in_page: Page, filled: MadeProject, troubles: list[str]) -> None:
    page = logged_in_page
    page.goto(filled.profiles_page)
    page.route("**/projects/**", lambda route: route.abort())
    page.get_by_label("Version").select_option("1.0")
    expect(page.get_by_role("alert")).to_have_text("That did not work. Check your connection and try again.")
    page.unroute("**/projects/**")
    page.get_by_label("Version").select_option("1.1")
    expect(page.get_by_text("30 profiles")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
    assert troubles
    troubles.clear()
