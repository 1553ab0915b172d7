"""Comparing versions in a browser: from the project's page to the function that is to blame."""

from __future__ import annotations

import random
import re
import time
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect

from profiles.tests.recorded import profile
from tests.e2e.made import EXECUTE, FLASK, PRICE, VIEW, MadeProject, make_shop
from tests.e2e.test_every_page import LOOKS, dress, serious_faults

CHECKOUT = "kind=request&method=POST&route=/checkout"
PROFILES = 40


@pytest.fixture(scope="module")
def shop(instance: dict[str, Any]) -> MadeProject:
    return make_compared_shop(instance)


def make_compared_shop(instance: dict[str, Any]) -> MadeProject:
    """1.4.0 and 1.5.0 with a slower checkout, and profiles of it whose `price_of` is to blame."""
    project = make_shop(instance, "Compared", hours=2)
    draw = random.Random(1)
    for version, own_s in (("1.4.0", 0.05), ("1.5.0", 0.16)):
        sent = [
            profile(
                [
                    ((FLASK, VIEW), 0.04 * draw.lognormvariate(0, 0.2)),
                    ((FLASK, VIEW, PRICE), own_s * draw.lognormvariate(0, 0.2)),
                    ((FLASK, VIEW, PRICE, EXECUTE), 0.08 * draw.lognormvariate(0, 0.2)),
                ],
                endpoint="/checkout",
                method="POST",
            )
            for _ in range(PROFILES)
        ]
        project.send(*sent, version=version)
    wait_until_compared(project)
    return project


def wait_until_compared(project: MadeProject) -> None:
    headers = {"Authorization": f"Bearer {project.token}"}
    address = f"{project.url}/api/v1/projects/{project.project_id}/versions/compare/"
    versions = "?base=1.4.0&head=1.5.0&environment=production"
    until = time.monotonic() + 100
    found: Any = None
    while time.monotonic() < until:
        found = requests.get(f"{address}{versions}", headers=headers, timeout=30).json()["data"]
        seen = requests.get(f"{address}functions/{versions}&{CHECKOUT}", headers=headers, timeout=30).json()
        profiles = seen["data"].get("base_profiles"), seen["data"].get("head_profiles")
        if found.get("items") and profiles == (PROFILES, PROFILES):
            return
        time.sleep(1)
    raise AssertionError(f"not folded: {found}")


def test_from_the_project_to_the_function_to_blame(logged_in_page: Page, shop: MadeProject) -> None:
    page = logged_in_page
    page.goto(shop.page)
    page.get_by_role("link", name="Compare with the version before").click()
    expect(page.locator("#verdict")).to_have_text("regressed")
    first = page.locator(".compare-table tbody").first
    expect(first).to_contain_text("/checkout")
    expect(first).to_contain_text("The median went from")
    first.get_by_role("link").click()
    expect(page.locator("#figures")).to_contain_text("Top suspect: price_of")


def test_versions_are_picked_by_keyboard_and_stand_in_the_address(
    logged_in_page: Page, shop: MadeProject
) -> None:
    page = logged_in_page
    page.goto(f"{shop.page}compare/?base=1.4.0&head=1.5.0&environment=production")
    page.get_by_label(re.compile("^Version before")).select_option("1.5.0")
    page.wait_for_url("**base=1.5.0**")
    expect(page.locator("#verdict")).not_to_have_text("regressed")
    page.go_back()
    expect(page.locator("#verdict")).to_have_text("regressed")


def test_it_is_read_without_scripts(
    browser: Any, instance: dict[str, Any], session_cookie: str, shop: MadeProject
) -> None:
    context = browser.new_context(java_script_enabled=False)
    context.add_cookies([{"name": "perfplatform_session", "value": session_cookie, "url": instance["url"]}])
    page = context.new_page()
    page.goto(shop.page)
    page.get_by_role("link", name="Compare with the version before").click()
    expect(page.locator("#verdict")).to_have_text("regressed")
    page.get_by_label("Version to judge").select_option("1.4.0")
    page.get_by_role("button", name="Apply").click()
    assert "head=1.4.0" in page.url
    context.close()


@pytest.mark.parametrize(("theme", "language", "width"), LOOKS)
def test_it_is_accessible_and_fits(
    logged_in_page: Page, shop: MadeProject, theme: str, language: str, width: int
) -> None:
    page = logged_in_page
    dress(page, shop.url, theme, language)
    page.set_viewport_size({"width": width, "height": 844})
    for query in ("", "?head=1.4.0", f"?base=1.4.0&head=1.5.0&{CHECKOUT}", "?base=gone"):
        page.goto(f"{shop.page}compare/{query}")
        page.wait_for_load_state("networkidle")
        assert serious_faults(page) == [], query
        assert page.evaluate("document.documentElement.scrollWidth") <= width, query
