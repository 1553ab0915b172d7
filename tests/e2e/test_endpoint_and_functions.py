"""From a project to its slow endpoint, the function that is to blame, and a profile of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import SESSION_COOKIE
from tests.e2e.made import MadeProject, make_project
from tests.e2e.measured import make_measured
from tests.e2e.test_every_page import LOOKS, dress, serious_faults

HOSTILE = ("</script><script>alert(1)</script>" + "名" * 200, "/<b>x</b>")


@pytest.fixture(scope="module")
def shop(instance: dict[str, Any]) -> MadeProject:
    return make_measured(instance)


def endpoint_page(project: MadeProject, route: str = "/products", **query: str) -> str:
    asked = {"kind": "request", "method": "GET", "route": route, **query}
    return f"{project.page}endpoint/?{urlencode(asked)}"


def test_from_the_project_to_a_profile(logged_in_page: Page, shop: MadeProject) -> None:
    page = logged_in_page
    page.goto(shop.page)
    page.locator("#figures").get_by_role("link", name="/products").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("GET /products")
    expect(page.locator(".chart canvas")).to_have_count(3)
    expect(page.get_by_role("img", name="Calls by duration")).to_be_visible()
    expect(page.get_by_role("tree")).to_contain_text("price_of")
    expect(page.locator("#flamegraph canvas")).to_be_visible()
    # Which function is to blame, and where else it is called.
    page.get_by_role("navigation", name="Project").get_by_role("link", name="Functions").click()
    page.get_by_label("My code only").check()
    expect(page.locator(".function-name").first).to_have_text("list_products")
    assert "own=1" in page.url
    page.get_by_role("row", name="price_of").get_by_role("link", name="/products").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("GET /products")
    # A single case of it, in whole.
    page.locator("#slowest-profiles").locator("xpath=ancestor::section").get_by_role(
        "link", name="/products"
    ).click()
    expect(page.get_by_text("Kept because")).to_be_visible()
    expect(page.get_by_role("tree")).to_contain_text("price_of")


def test_another_scope_is_another_tree(logged_in_page: Page, shop: MadeProject) -> None:
    page = logged_in_page
    page.goto(endpoint_page(shop))
    expect(page.get_by_role("tree")).to_contain_text("price_of")
    page.get_by_role("link", name="Last 7 days").click()
    page.wait_for_url("**period=7d**")
    expect(page.get_by_role("tree")).to_contain_text("price_of")
    page.get_by_label("Environment").select_option("production")
    page.wait_for_url("**environment=production**")
    assert "route=%2Fproducts" in page.url
    expect(page.get_by_role("tree")).to_contain_text("price_of")
    # It answers, as one that was drawn once does.
    page.get_by_label("My code only").uncheck()
    page.get_by_role("button", name="Expand all").click()
    expect(page.get_by_role("tree")).to_contain_text("execute")


def test_a_refresh_leaves_the_tree_alone(logged_in_page: Page, shop: MadeProject) -> None:
    page = logged_in_page
    page.goto(endpoint_page(shop))
    page.get_by_role("button", name="Collapse all").click()
    rows = page.locator(".ct-row").count()
    page.get_by_text("Durations as a table").click()
    with page.expect_response(lambda answer: answer.request.headers.get("hx-target") == "figures"):
        page.evaluate("htmx.trigger('.refresh', 'every')")
        page.evaluate("htmx.ajax('GET', location.href, {target: '#figures', swap: 'outerHTML'})")
    expect(page.locator("#distribution-table")).to_have_attribute("open", "")
    assert page.locator(".ct-row").count() == rows
    expect(page.locator(".chart canvas")).to_have_count(3)


def test_functions_are_found_while_typing(logged_in_page: Page, shop: MadeProject) -> None:
    page = logged_in_page
    page.goto(f"{shop.page}functions/")
    page.get_by_label("Find a function").fill("pricing")
    expect(page.locator(".function-name")).to_have_text(["price_of"])
    assert "search=pricing" in page.url
    expect(page.get_by_label("Find a function")).to_be_focused()
    page.get_by_label("Find a function").fill("zzz")
    page.get_by_role("link", name="Show all functions").click()
    page.get_by_role("columnheader", name="Total").get_by_role("link").click()
    expect(page.locator(".function-name").first).to_have_text("Flask.wsgi_app")
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename == f"{shop.slug}-functions.csv"


def test_the_merged_tree_is_saved(logged_in_page: Page, shop: MadeProject) -> None:
    page = logged_in_page
    page.goto(endpoint_page(shop))
    page.locator(".tree-head").get_by_text("Download", exact=True).click()
    for name, suffix in (
        ("speedscope", ".speedscope.json"),
        ("Folded stacks", ".folded.txt"),
        ("pprof", ".pb.gz"),
    ):
        with page.expect_download() as download:
            page.get_by_role("link", name=name).click()
        assert download.value.suggested_filename.endswith(f"-sampler{suffix}")


def test_a_profile_is_kept(logged_in_page: Page, shop: MadeProject) -> None:
    page = logged_in_page
    page.goto(shop.send_products())
    page.get_by_role("button", name="Keep", exact=True).click()
    expect(page.get_by_text("kept", exact=True)).to_be_visible()
    page.get_by_role("button", name="Stop keeping").click()
    expect(page.get_by_role("button", name="Keep", exact=True)).to_be_visible()


@pytest.fixture
def plain_page(browser: Browser, instance: dict[str, Any], session_cookie: str) -> Iterator[Page]:
    """A browser without JavaScript."""
    context = browser.new_context(java_script_enabled=False)
    context.add_cookies([{"name": SESSION_COOKIE, "value": session_cookie, "url": instance["url"]}])
    yield context.new_page()
    context.close()


def test_without_a_script_everything_can_be_read(plain_page: Page, shop: MadeProject) -> None:
    page = plain_page
    page.goto(endpoint_page(shop))
    expect(page.get_by_role("heading", name="Hot path")).to_be_visible()
    page.get_by_text("Durations as a table").click()
    expect(page.get_by_role("columnheader", name="Up to here")).to_be_visible()
    page.get_by_text("Figures as a table").click()
    expect(page.get_by_role("region", name="Figures as a table")).to_be_visible()
    page.get_by_label("Environment").select_option("production")
    page.get_by_role("button", name="Apply").click()
    assert "environment=production" in page.url
    assert "route=%2Fproducts" in page.url
    page.get_by_role("link", name="Newest and slowest profiles").click()
    expect(page.get_by_role("row").get_by_role("link", name="/products").first).to_be_visible()
    page.goto(f"{shop.page}functions/")
    page.get_by_label("Find a function").fill("as_dict")
    page.get_by_role("button", name="Find").click()
    expect(page.locator(".function-name")).to_have_text(["Product.as_dict"])


@pytest.mark.parametrize(("theme", "language", "width"), LOOKS)
def test_pages_are_accessible_and_fit(
    logged_in_page: Page, instance: dict[str, Any], shop: MadeProject, theme: str, language: str, width: int
) -> None:
    page, empty = logged_in_page, make_project(instance, "Empty")
    dress(page, instance["url"], theme, language)
    page.set_viewport_size({"width": width, "height": 844})
    for address in (
        endpoint_page(shop),
        endpoint_page(shop, version="gone", period="3y"),
        endpoint_page(shop, route="/nowhere"),
        f"{shop.page}functions/?sort=total",
        f"{shop.page}functions/?search=zzz",
        f"{empty.page}functions/",
    ):
        page.goto(address)
        page.wait_for_load_state("networkidle")
        for details in page.locator("details.behind > summary").all():
            details.click()
        assert serious_faults(page) == [], address
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address


def test_hostile_names_fit_and_run_nothing(logged_in_page: Page, instance: dict[str, Any]) -> None:
    page = logged_in_page
    project = make_measured(instance, "<img src=x onerror=alert(1)>", routes=HOSTILE)
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    for width in (390, 1440):
        page.set_viewport_size({"width": width, "height": 844})
        page.goto(endpoint_page(project, route=HOSTILE[0]))
        expect(page.get_by_role("heading", level=1)).to_contain_text("</script>")
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.goto(f"{project.page}functions/")
        expect(page.locator(".caller").first).to_contain_text("</script>")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator("#scoped b, #scoped img").count() == 0


def test_strangers_get_nothing(instance: dict[str, Any], shop: MadeProject) -> None:
    for address in (endpoint_page(shop), f"{shop.page}functions/", f"{shop.page}functions.csv"):
        assert "/login/" in requests.get(address, timeout=30).url
