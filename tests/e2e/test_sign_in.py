"""The way in, and the two menus that every page has."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Browser, Page, expect


def test_signing_in_and_out(page: Page, instance: dict[str, Any]) -> None:
    page.goto(f"{instance['url']}/")
    page.get_by_label("Username").fill(instance["username"])
    page.get_by_label("Password").fill(instance["password"])
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Projects")).to_be_visible()
    page.get_by_label(f"Account of {instance['username']}").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{instance['url']}/login/")
    page.goto(f"{instance['url']}/account/")
    expect(page).to_have_url(f"{instance['url']}/login/?next=/account/")


def test_wrong_password(page: Page, instance: dict[str, Any]) -> None:
    page.goto(f"{instance['url']}/login/")
    page.get_by_label("Username").fill(instance["username"])
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("Please enter a correct username and password")
    expect(page.get_by_label("Username")).to_have_value(instance["username"])


def test_language_menu_changes_the_page_and_stays_on_it(
    logged_in_page: Page, instance: dict[str, Any]
) -> None:
    page = logged_in_page
    page.goto(f"{instance['url']}/account/")
    page.get_by_label("Language", exact=True).first.click()
    page.get_by_role("button", name="简体中文").click()
    expect(page).to_have_url(f"{instance['url']}/account/")
    expect(page.get_by_role("heading", name="账号")).to_be_visible()
    assert page.locator("html").get_attribute("lang") == "zh-hans"
    page.get_by_label("语言", exact=True).first.click()
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", name="Account")).to_be_visible()


def test_theme_menu(logged_in_page: Page) -> None:
    page = logged_in_page
    html = page.locator("html")
    expect(html).to_have_attribute("data-bs-theme", "light")
    for choice, theme in (("Dark", "dark"), ("Light", "light")):
        page.get_by_label("Theme").click()
        page.get_by_role("button", name=choice).click()
        page.wait_for_load_state()
        expect(html).to_have_attribute("data-bs-theme", theme)
        page.reload()
        expect(html).to_have_attribute("data-bs-theme", theme)


def test_theme_follows_the_system_unless_chosen(page: Page, instance: dict[str, Any]) -> None:
    page.emulate_media(color_scheme="dark")
    page.goto(f"{instance['url']}/login/")
    html = page.locator("html")
    expect(html).to_have_attribute("data-bs-theme", "dark")
    page.emulate_media(color_scheme="light")
    expect(html).to_have_attribute("data-bs-theme", "light")


def test_dark_page_is_dark_at_its_first_paint(browser: Browser, instance: dict[str, Any]) -> None:
    """The server writes the chosen theme into the page: without scripts it is dark as well."""
    context = browser.new_context(java_script_enabled=False)
    try:
        page = context.new_page()
        page.goto(f"{instance['url']}/login/")
        page.get_by_label("Theme").click()
        page.get_by_role("button", name="Dark").click()
        expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    finally:
        context.close()


def test_menus_close_on_escape_and_on_a_click_elsewhere(logged_in_page: Page) -> None:
    page = logged_in_page
    dark = page.get_by_role("button", name="Dark")
    page.get_by_label("Theme").click()
    expect(dark).to_be_visible()
    page.keyboard.press("Escape")
    expect(dark).to_be_hidden()
    expect(page.locator("summary:focus")).to_have_attribute("aria-label", re.compile("Theme"))
    page.get_by_label("Theme").click()
    page.get_by_role("heading", name="Projects").click()
    expect(dark).to_be_hidden()
