"""Search everything from the keyboard, and without a script."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.e2e.conftest import SESSION_COOKIE
from tests.e2e.made import MadeProject
from tests.e2e.measured import make_measured
from tests.e2e.test_every_page import LOOKS, dress, serious_faults

HOSTILE = ("</script><script>alert(1)</script>" + "名" * 200, "/<b>x</b>")


@pytest.fixture(scope="module")
def shop(instance: dict[str, Any]) -> MadeProject:
    return make_measured(instance, "Palette shop")


def palette(page: Page) -> Locator:
    return page.get_by_role("combobox", name="Find")


def options(page: Page) -> Locator:
    """What was found; the pickers of the page have options too."""
    return page.get_by_role("dialog").get_by_role("option")


def test_from_anywhere_to_a_function_by_keyboard_alone(logged_in_page: Page, shop: MadeProject) -> None:
    page = logged_in_page
    page.goto(f"{shop.page}settings/")
    page.keyboard.press("Control+k")
    field = palette(page)
    expect(field).to_be_focused()
    page.keyboard.type("pri")
    found = options(page)
    expect(found).to_have_count(1)
    expect(found).to_contain_text("price_of")
    expect(found).to_have_attribute("aria-selected", "true")
    assert field.get_attribute("aria-activedescendant") == found.get_attribute("id")
    expect(page.get_by_role("dialog").get_by_role("status")).to_have_text("1 found")
    page.keyboard.press("Enter")
    page.wait_for_url("**/functions/**")
    expect(page.locator(".function-name")).to_have_text(["price_of"])


def test_arrows_go_round_and_escape_closes(logged_in_page: Page, shop: MadeProject) -> None:
    page = logged_in_page
    page.goto(shop.page)
    page.keyboard.press("Control+K")
    page.keyboard.type("c")
    found = options(page)
    expect(page.get_by_role("group", name="Endpoints").locator(".palette-hit")).to_have_count(2)
    chosen = page.locator("[role=option][aria-selected=true]")
    first = found.first.get_attribute("id")
    expect(chosen).to_have_attribute("id", str(first))
    page.keyboard.press("ArrowUp")
    expect(chosen).to_have_attribute("id", str(found.last.get_attribute("id")))
    page.keyboard.press("ArrowDown")
    expect(chosen).to_have_attribute("id", str(first))
    expect(palette(page)).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("Meta+k")
    expect(palette(page)).to_have_value("c")
    page.keyboard.type("zzz")
    expect(page.get_by_text("Nothing has this in its name.")).to_be_visible()
    expect(found).to_have_count(0)
    expect(palette(page)).to_have_attribute("aria-expanded", "false")


def test_enter_before_the_answer_opens_what_was_typed(logged_in_page: Page, shop: MadeProject) -> None:
    page = logged_in_page
    page.goto(shop.page)
    page.keyboard.press("Control+k")
    page.keyboard.type("/cart")
    page.keyboard.press("Enter")
    page.wait_for_url("**/endpoint/**")
    expect(page.get_by_role("heading", level=1)).to_have_text("POST /cart")


def test_the_last_answer_wins(logged_in_page: Page, shop: MadeProject) -> None:
    page, held = logged_in_page, []

    def answer(route: Route) -> None:
        held.append(route.request.url)
        if route.request.url.endswith("q=wsgi"):
            # Let go after the next one has been answered.
            page.wait_for_timeout(600)
        route.continue_()

    page.goto(shop.page)
    page.route("**/search/?q=*", answer)
    page.keyboard.press("Control+k")
    field = palette(page)
    field.fill("wsgi")
    page.wait_for_timeout(300)
    field.fill("price")
    expect(options(page)).to_have_text(["price_of shop/pricing.py:18"])
    page.wait_for_timeout(900)
    expect(options(page)).to_have_text(["price_of shop/pricing.py:18"])
    assert len(held) == 2


def test_a_hidden_tab_asks_for_nothing(logged_in_page: Page, shop: MadeProject) -> None:
    page, asked = logged_in_page, []
    page.goto(shop.page)
    page.on("request", lambda request: asked.append(request.url) if "/search/?q=" in request.url else None)
    page.keyboard.press("Control+k")
    page.evaluate("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
    page.keyboard.type("price")
    page.wait_for_timeout(600)
    assert asked == []
    page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    expect(options(page)).to_have_count(1)


def test_outside_of_a_project_projects_are_found(
    logged_in_page: Page, instance: dict[str, Any], shop: MadeProject
) -> None:
    page = logged_in_page
    page.goto(f"{instance['url']}/account/")
    page.get_by_role("link", name="Search").click()
    page.keyboard.type(shop.slug.rpartition("-")[2])
    expect(options(page)).to_have_count(1)
    page.keyboard.press("Enter")
    page.wait_for_url(shop.page)


def test_a_failure_and_an_ended_session_are_told(
    logged_in_page: Page, shop: MadeProject, troubles: list[str]
) -> None:
    page = logged_in_page
    page.goto(shop.page)
    page.keyboard.press("Control+k")
    page.route("**/search/?q=*", lambda route: route.fulfill(status=503, body="away"))
    page.keyboard.type("a")
    expect(page.get_by_role("dialog").get_by_role("status")).to_contain_text("That did not work")
    assert troubles
    troubles.clear()
    page.unroute("**/search/?q=*")
    page.context.clear_cookies()
    page.keyboard.type("b")
    page.wait_for_url("**/login/**")


@pytest.fixture
def plain_page(browser: Browser, instance: dict[str, Any], session_cookie: str) -> Iterator[Page]:
    """A browser without JavaScript."""
    context = browser.new_context(java_script_enabled=False)
    context.add_cookies([{"name": SESSION_COOKIE, "value": session_cookie, "url": instance["url"]}])
    yield context.new_page()
    context.close()


def test_without_a_script_the_button_leads_to_a_page(plain_page: Page, shop: MadeProject) -> None:
    page = plain_page
    page.goto(shop.page)
    page.get_by_role("link", name="Search").click()
    page.get_by_role("searchbox").fill("cart")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="/cart").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("POST /cart")


@pytest.mark.parametrize(("theme", "language", "width"), LOOKS)
def test_palette_and_page_are_accessible_and_fit(
    logged_in_page: Page, instance: dict[str, Any], shop: MadeProject, theme: str, language: str, width: int
) -> None:
    page = logged_in_page
    dress(page, instance["url"], theme, language)
    page.set_viewport_size({"width": width, "height": 844})
    for address in (
        f"{shop.page}search/",
        f"{shop.page}search/?q=s",
        f"{shop.page}search/?q=zzz",
        f"{shop.url}/search/?q=a",
    ):
        page.goto(address)
        assert serious_faults(page) == [], address
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address
    page.goto(shop.page)
    page.wait_for_load_state("networkidle")
    page.keyboard.press("Control+k")
    assert serious_faults(page) == []
    page.keyboard.type("s")
    expect(options(page).first).to_be_visible()
    assert serious_faults(page) == []
    assert page.evaluate(
        "document.querySelector('dialog').scrollWidth <= document.querySelector('dialog').clientWidth"
    )


def test_hostile_names_fit_and_run_nothing(logged_in_page: Page, instance: dict[str, Any]) -> None:
    page = logged_in_page
    project = make_measured(instance, "<img src=x onerror=alert(2)>", routes=HOSTILE)
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    for width in (390, 1440):
        page.set_viewport_size({"width": width, "height": 844})
        page.goto(project.page)
        page.keyboard.press("Control+k")
        page.keyboard.type("</script>")
        expect(options(page).first).to_contain_text("</script><script>alert(1)")
        assert page.locator("dialog b, dialog img").count() == 0
        box = options(page).first.bounding_box()
        assert box
        assert box["height"] < 60
        assert box["x"] + box["width"] <= width
        page.goto(f"{project.page}search/?q=%3C/script%3E")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
