"""Uploading a file of pyinstrument in a browser: dropped on the page, and without any script."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from profiles.tests.recorded import own, session
from tests.e2e.conftest import SESSION_COOKIE
from tests.e2e.made import MadeProject, make_project

CONTENT = json.dumps(session([((own("list_products"), own("price_of", "shop/pricing.py:18")), 0.12)]))


@pytest.fixture
def made(instance: dict[str, Any]) -> MadeProject:
    return make_project(instance, "Uploads")


def fill(page: Page) -> None:
    page.get_by_label("Endpoint").fill("/orders/<id>")
    page.get_by_label("Version").fill("2.0")


def test_dropped_file_becomes_a_profile(logged_in_page: Page, made: MadeProject) -> None:
    page = logged_in_page
    page.goto(f"{made.page}upload/")
    dropped = page.evaluate_handle(
        """(text) => {
          const data = new DataTransfer();
          data.items.add(new File([text], "app.pyisession"));
          return data;
        }""",
        CONTENT,
    )
    zone = page.locator("[data-drop]")
    zone.dispatch_event("dragenter", {"dataTransfer": dropped})
    expect(zone).to_have_class("drop-zone is-over")
    zone.dispatch_event("drop", {"dataTransfer": dropped})
    expect(zone).to_have_class("drop-zone")
    fill(page)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_text("The file was uploaded.")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_contain_text("/orders/<id>")
    expect(page.get_by_role("tree")).to_contain_text("price_of")
    expect(page.get_by_text("app.pyisession")).to_be_visible()


def test_upload_works_without_scripts(
    browser: Browser, instance: dict[str, Any], session_cookie: str, made: MadeProject
) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        context.add_cookies([{"name": SESSION_COOKIE, "value": session_cookie, "url": instance["url"]}])
        page = context.new_page()
        page.goto(f"{made.page}upload/")
        expect(page.get_by_text("Or drop the file here.")).to_be_hidden()
        file = {"name": "app.pyisession", "mimeType": "application/json", "buffer": CONTENT.encode()}
        page.set_input_files("input[type=file]", file)  # type: ignore[arg-type]
        fill(page)
        page.get_by_role("button", name="Upload").click()
        expect(page.get_by_text("The file was uploaded.")).to_be_visible()
        expect(page.get_by_text("price_of").first).to_be_visible()
