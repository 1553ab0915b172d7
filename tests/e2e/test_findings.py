"""Findings in a browser: beside a call tree, on the project's page, and what editors decide about them."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from profiles.tests.recorded import library, own, profile
from tests.e2e.made import MadeProject, make_project
from tests.e2e.measured import make_measured
from tests.e2e.test_endpoint_and_functions import endpoint_page
from tests.e2e.test_every_page import LOOKS, dress, serious_faults

VIEW = own("list_products", "shop/views.py:31")
COPY = library("deepcopy", "copy.py:128")
SLEEP = "sleep\0<built-in>\x000"
SLOW = [((VIEW, SLEEP), 0.12), *([((VIEW, COPY), 0.004)] * 10), *([((VIEW,), 0.004)] * 10)]


@pytest.fixture(scope="module")
def shop(instance: dict[str, Any]) -> MadeProject:
    return make_measured(instance)


def send_slow(project: MadeProject) -> str:
    return project.send(profile(SLOW))[0]


def test_a_finding_leads_to_its_node(logged_in_page: Page, instance: dict[str, Any]) -> None:
    page = logged_in_page
    page.goto(send_slow(make_project(instance, "Slow")))
    finding = page.locator(".finding").filter(has_text="Deep copies")
    expect(finding).to_contain_text("list_products spends 20.0 % of the time")
    page.get_by_label("My code only").uncheck()
    finding.get_by_role("button", name="Show in the call tree").click()
    expect(page.locator('[role="treeitem"][aria-selected="true"]')).to_contain_text("deepcopy")
    expect(page.get_by_role("tree")).to_be_focused()


def test_an_editor_decides(logged_in_page: Page, instance: dict[str, Any]) -> None:
    page = logged_in_page
    page.goto(send_slow(make_project(instance, "Decided")))
    finding = page.locator(".finding").filter(has_text="Sleeping during a request")
    finding.locator(".finding-status > summary").click()
    finding.get_by_label("Status").select_option("accepted")
    finding.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The status is noted.")).to_be_visible()
    expect(finding.locator(".finding-status > summary")).to_have_text("accepted")


def test_the_prompt_opens_in_place(logged_in_page: Page, instance: dict[str, Any]) -> None:
    page = logged_in_page
    page.goto(send_slow(make_project(instance, "Asked")))
    page.get_by_role("link", name="Prompt for an AI").click()
    expect(page.locator("#prompt-text")).to_contain_text("|deepcopy|copy|")
    page.get_by_role("button", name="Copy prompt").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()


@pytest.mark.parametrize(("theme", "language", "width"), LOOKS)
def test_pages_are_accessible_and_fit(
    logged_in_page: Page, instance: dict[str, Any], shop: MadeProject, theme: str, language: str, width: int
) -> None:
    page = logged_in_page
    dress(page, instance["url"], theme, language)
    page.set_viewport_size({"width": width, "height": 844})
    slow = send_slow(make_project(instance, f"Looked at {width}"))
    for address in (
        slow,
        f"{slow}findings/",
        f"{slow}prompt/",
        endpoint_page(shop),
        f"{shop.page}findings/",
        f"{shop.page}findings/?status=fixed&detector=sleep",
        f"{make_project(instance, 'Empty').page}findings/",
    ):
        page.goto(address)
        page.wait_for_load_state("networkidle")
        for closed in page.locator(".finding-fix > summary").all():
            closed.click()
        assert serious_faults(page) == [], address
        overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert overflow <= 0, address
