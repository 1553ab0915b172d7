"""Whatever a target app calls its things, pages show it and run none of it."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Dialog, Page, expect

from tests.e2e.made import MadeProject, make_project, own, profile

SCRIPT = "</script><script>alert(1)</script>"
IMAGE = "<img src=x onerror=alert(1)>"
CHINESE = "名" * 200
NAMES = [SCRIPT, IMAGE, CHINESE, "{{ 7 * 7 }}", "İ\u202etxt.exe", "tab\tand\nline", "😀" * 50, "${alert(1)}"]


@pytest.fixture(scope="module")
def hostile(instance: dict[str, Any]) -> tuple[MadeProject, str]:
    project = make_project(instance, IMAGE)
    root = own(SCRIPT, f"{IMAGE}.py:1", owner=IMAGE)
    records = [((root, own(name, f"{SCRIPT}/x.py:1")), 0.01) for name in NAMES]
    item = profile(records, endpoint=SCRIPT, method="<b>", error_type=IMAGE, tags={IMAGE: SCRIPT})
    (address,) = project.send(item, version=SCRIPT, environment=IMAGE)
    return project, address


@pytest.fixture
def watched_page(logged_in_page: Page, troubles: list[str]) -> Page:
    """A dialog means that something ran."""

    def note(dialog: Dialog) -> None:
        troubles.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    logged_in_page.on("dialog", note)
    return logged_in_page


def assert_nothing_grew(page: Page) -> None:
    """None of the names became an element."""
    assert page.evaluate("document.querySelectorAll('img[src=x], b').length") == 0
    assert (
        page.evaluate("[...document.scripts].filter(s => s.text.includes('alert(1)') && !s.type).length") == 0
    )


def test_profile_shows_hostile_names_and_runs_none(
    watched_page: Page, hostile: tuple[MadeProject, str]
) -> None:
    page = watched_page
    page.goto(hostile[1])
    expect(page.get_by_role("heading", level=1)).to_contain_text(SCRIPT)
    page.get_by_role("button", name="Expand all").click()
    shown = page.locator(".ct-row .ct-function").all_text_contents()
    for name in NAMES:
        assert name in shown, name
    page.get_by_label("Find a function", exact=True).fill("<script>")
    expect(page.locator(".ct-row mark").first).to_have_text("<script>")
    page.get_by_role("tree").focus()
    for _step in NAMES:
        page.keyboard.press("ArrowDown")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert_nothing_grew(page)


def test_lists_show_hostile_names_and_run_none(
    watched_page: Page, hostile: tuple[MadeProject, str], instance: dict[str, Any]
) -> None:
    page = watched_page
    project = hostile[0]
    page.goto(instance["url"])
    expect(page.locator("body")).to_contain_text(IMAGE)
    for path in ("", "profiles/", "endpoints/", "setup/", "settings/"):
        page.goto(project.page + path)
        page.wait_for_load_state("networkidle")
        expect(page.locator("body")).to_contain_text(IMAGE)
        assert_nothing_grew(page)
    page.goto(project.profiles_page)
    page.get_by_label("Endpoint").select_option(SCRIPT)
    page.get_by_label("Version").select_option(SCRIPT)
    expect(page.get_by_text("1 profile", exact=True)).to_be_visible()
    expect(page.locator(".profile-table")).to_contain_text(SCRIPT)
    assert_nothing_grew(page)
