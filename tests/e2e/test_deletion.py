"""A project is deleted by hand and watched until nothing of it is left."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Page, expect

from tests.e2e.made import make_project


def test_deleting_a_project_is_watched_on_its_page(
    logged_in_page: Page, instance: dict[str, Any], troubles: list[str]
) -> None:
    page = logged_in_page
    project = make_project(instance, "Going")
    project.send_products()
    page.goto(f"{project.page}settings/")
    name = page.locator("#general_name").input_value()
    page.get_by_label("Name of the project").fill("another name")
    page.get_by_role("button", name="Delete project").click()
    expect(page.get_by_text("This is not the name of the project.")).to_be_visible()
    # The browser itself notes the status of that answer.
    assert all("422" in trouble for trouble in troubles)
    troubles.clear()
    page.get_by_label("Name of the project").fill(name)
    page.get_by_role("button", name="Delete project").click()
    expect(page).to_have_url(re.compile(rf"/deletions/{project.project_id}/(#delete)?$"))
    expect(page.get_by_role("heading", name=f"Deleting “{name}”")).to_be_visible()
    page.evaluate("window.notReloaded = true")
    # The worker counts what is left, removes it, and waits for what may still be writing.
    expect(page.get_by_text("The project itself goes last, some minutes after")).to_be_visible(timeout=60_000)
    assert page.evaluate("window.notReloaded")
    page.goto(f"{instance['url']}/")
    expect(page.get_by_role("link", name=name)).to_have_count(0)


def test_a_deletion_in_a_hidden_tab_asks_for_nothing(logged_in_page: Page, instance: dict[str, Any]) -> None:
    page = logged_in_page
    deleted = make_project(instance, "Hidden").delete()
    page.goto(f"{instance['url']}/deletions/{deleted}/")
    with page.expect_response(re.compile("/deletions/")):
        pass
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
    page.wait_for_timeout(7_000)
    assert asked == []
    page.evaluate("Object.defineProperty(document, 'hidden', {value: false, configurable: true})")
    with page.expect_response(re.compile("/deletions/")):
        pass
