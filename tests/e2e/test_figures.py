"""The pages of figures in a browser: pick, zoom, sort, find, save, look again; with scripts and without."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request, expect

from tests.e2e.conftest import SESSION_COOKIE
from tests.e2e.made import MadeProject, make_project, make_shop

HOURS = 3
FACTS = "dl.figure-facts dd"


@pytest.fixture(scope="module")
def shop(instance: dict[str, Any]) -> MadeProject:
    return make_shop(instance, hours=HOURS)


@pytest.fixture
def shop_page(logged_in_page: Page, shop: MadeProject) -> Page:
    """The shop's figures by minutes, all of them computed."""
    page = logged_in_page
    for _attempt in range(60):
        page.goto(f"{shop.page}endpoints/?period=6h&environment=staging")
        if page.locator(".endpoint-table tbody tr").count():
            break
        page.wait_for_timeout(1_000)
    page.goto(f"{shop.page}?period=6h")
    return page


def asked_for(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def count(page: Page) -> int:
    return int(page.locator(FACTS).first.inner_text().replace(",", ""))


def drag(page: Page, chart: str, start: float, end: float) -> None:
    """Selects a part of a chart, by shares of its width."""
    plot = page.locator(f".chart-{chart} [data-plot]")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box
    height = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + start * box["width"], height)
    page.mouse.down()
    page.mouse.move(box["x"] + (start + end) / 2 * box["width"], height)
    page.mouse.move(box["x"] + end * box["width"], height)
    page.mouse.up()


def test_from_nothing_to_figures(logged_in_page: Page, instance: dict[str, Any]) -> None:
    page, project = logged_in_page, make_project(instance, "New")
    page.goto(project.page)
    expect(page.get_by_role("heading", name="Nothing has arrived yet")).to_be_visible()
    address = project.send_products()
    page.get_by_role("link", name="Look inside").click()
    expect(page).to_have_url(address)
    project.send_hours(0.2, until=project.now(), version="1.0")
    page.goto(project.page)
    for _attempt in range(60):
        if page.locator(FACTS).count():
            break
        page.wait_for_timeout(1_000)
        page.reload()
    expect(page.locator("canvas")).to_have_count(3)
    expect(page.get_by_role("heading", name="Newest profiles")).to_be_visible()


def test_picking_swaps_the_figures_and_stands_in_the_address(
    shop_page: Page, shop: MadeProject, troubles: list[str]
) -> None:
    page = shop_page
    page.evaluate("window.notReloaded = true")
    everything = count(page)
    page.get_by_label("Version").select_option("1.4.0")
    expect(page).to_have_url(f"{shop.page}?version=1.4.0&period=6h")
    expect(page.locator(FACTS).first).not_to_have_text(f"{everything:,}")
    older = count(page)
    # Both at once: the second takes the place of the first, which htmx notes on the console.
    page.get_by_label("Version").select_option("1.5.0")
    page.get_by_label("Environment").select_option("staging")
    expect(page).to_have_url(f"{shop.page}?version=1.5.0&environment=staging&period=6h")
    assert all("htmx:sendAbort" in trouble or "htmx:afterRequest" in trouble for trouble in troubles)
    troubles.clear()
    page.wait_for_load_state("networkidle")
    page.get_by_label("Last 24 hours").click()
    expect(page).to_have_url(f"{shop.page}?version=1.5.0&environment=staging")
    expect(page.get_by_label("Last 24 hours")).to_have_attribute("aria-current", "true")
    expect(page.locator("canvas")).to_have_count(3)
    assert page.evaluate("window.notReloaded")
    page.wait_for_load_state("networkidle")
    # The scope goes along to other pages.
    page.get_by_role("link", name="Endpoints", exact=True).click()
    expect(page).to_have_url(f"{shop.page}endpoints/?version=1.5.0&environment=staging")
    page.goto(f"{shop.page}?version=1.4.0&period=6h")
    assert count(page) == older


def test_zooming_a_chart_picks_its_period(shop_page: Page, shop: MadeProject) -> None:
    page = shop_page
    before = count(page)
    drag(page, "latency", 0.7, 0.85)
    expect(page).to_have_url(re.compile("start=.*end="))
    asked = asked_for(page)
    assert set(asked) == {"start", "end"}
    expect(page.locator("#period-custom")).to_have_attribute("aria-current", "true")
    expect(page.locator("canvas")).to_have_count(3)
    assert 0 < count(page) < before
    page.wait_for_load_state("networkidle")
    page.go_back()
    expect(page.get_by_label("Last 6 hours")).to_have_attribute("aria-current", "true")
    page.wait_for_load_state("networkidle")
    expect(page.locator("canvas")).to_have_count(3)
    # Again, on another chart, up to the present: the page goes on with the clock.
    drag(page, "throughput", 0.8, 0.999)
    expect(page).to_have_url(re.compile("start="))
    assert set(asked_for(page)) == {"start"}
    page.wait_for_load_state("networkidle")


def test_a_period_of_ones_own(shop_page: Page, shop: MadeProject) -> None:
    page = shop_page
    page.locator("#period-custom").click()
    page.get_by_label("From", exact=True).fill("2026-01-01T00:00")
    page.get_by_label("Until").fill("2025-12-31T00:00")
    page.get_by_role("button", name="Show this period").click()
    fault = "Until: It must be a minute after the beginning, at least. It was left out."
    expect(page.get_by_role("alert")).to_have_text(fault)
    page.locator("#period-custom").click()
    expect(page.get_by_label("Until")).to_have_value("2025-12-31T00:00")
    page.get_by_label("Until").fill("2026-01-02T00:00")
    page.get_by_role("button", name="Show this period").click()
    expect(page.get_by_role("heading", name="Nothing was measured here")).to_be_visible()
    page.get_by_role("link", name="Last 30 days").last.click()
    expect(page.locator("canvas")).to_have_count(3)


def test_hovering_a_chart_tells_its_figures(shop_page: Page) -> None:
    page = shop_page
    box = page.locator(".chart-latency [data-plot]").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + box["height"] / 2)
    tip = page.locator(".chart-tip-body").first
    expect(tip).to_contain_text("p95")
    expect(tip).to_contain_text(re.compile(r"\d ms|\d s"))


def test_lines_can_be_hidden_and_themes_changed(shop_page: Page) -> None:
    page = shop_page
    drawn = "document.querySelector('.chart-latency canvas').toDataURL()"
    whole = page.evaluate(drawn)
    page.get_by_role("button", name="p99").click()
    expect(page.get_by_role("button", name="p99")).to_have_attribute("aria-pressed", "false")
    without = page.evaluate(drawn)
    assert without != whole
    page.evaluate("document.documentElement.dataset.bsTheme = 'dark'")
    page.wait_for_function(f"shown => {drawn} !== shown", arg=without)


def test_figures_are_looked_at_again_but_not_behind_ones_back(shop_page: Page, shop: MadeProject) -> None:
    page = shop_page
    asked: list[str] = []

    def note(request: Request) -> None:
        if request.headers.get("hx-target") == "figures":
            asked.append(request.url)

    page.on("request", note)
    page.clock.install()
    page.goto(f"{shop.page}?period=6h")
    page.get_by_text("Figures as a table").click()
    page.get_by_role("button", name="p50").click()
    with page.expect_response(lambda response: response.request.headers.get("hx-target") == "figures"):
        page.clock.run_for(21_000)
    expect(page.locator("#figures-table")).to_have_attribute("open", "")
    expect(page.get_by_role("button", name="p50")).to_have_attribute("aria-pressed", "false")
    expect(page.locator("canvas")).to_have_count(3)
    assert page.url == f"{shop.page}?period=6h"
    page.evaluate("Object.defineProperty(document, 'hidden', {get: () => true, configurable: true})")
    seen = len(asked)
    page.clock.run_for(120_000)
    assert len(asked) == seen
    page.evaluate("delete document.hidden")
    with page.expect_response(lambda response: response.request.headers.get("hx-target") == "figures"):
        page.clock.run_for(21_000)


def test_endpoints_are_found_sorted_and_saved(shop_page: Page, shop: MadeProject, tmp_path: Path) -> None:
    page = shop_page
    page.goto(f"{shop.page}endpoints/?period=6h")
    rows = page.locator(".endpoint-table tbody tr")
    expect(rows).to_have_count(9)
    page.get_by_role("link", name="p95").click()
    expect(rows.first).to_contain_text("/invoices/")
    page.get_by_role("link", name="p95").click()
    expect(rows.first).to_contain_text("/healthz")
    box = page.get_by_label("Find an endpoint")
    box.press_sequentially("product", delay=30)
    expect(rows).to_have_count(2)
    expect(box).to_be_focused()
    expect(page).to_have_url(re.compile("sort=p95&order=up&search=product"))
    with page.expect_download() as saved:
        page.get_by_role("link", name="CSV").click()
    path = tmp_path / "endpoints.csv"
    saved.value.save_as(path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        found = list(csv.DictReader(file))
    assert [row["endpoint"] for row in found] == ["/products/<int:product_id>", "/products"]
    box.fill("no such endpoint")
    expect(page.get_by_role("heading", name="No endpoint has this in its name")).to_be_visible()
    page.get_by_role("link", name="Show all endpoints").click()
    expect(rows).to_have_count(9)
    page.get_by_role("link", name=re.compile("Tasks")).click()
    expect(rows).to_have_count(2)


def test_the_list_of_projects_tells_how_they_fare(shop_page: Page, shop: MadeProject) -> None:
    page = shop_page
    page.get_by_role("link", name="Performance platform").click()
    row = page.locator(".project-table tr", has=page.locator(f'a[href="/projects/{shop.slug}/"]'))
    expect(row).to_contain_text("1.5.0")
    expect(row).to_contain_text(re.compile(r"\d ms"))
    expect(row.locator("time")).to_have_text(re.compile("ago|just now"))


def test_a_failed_request_is_told_and_loses_nothing(
    shop_page: Page, shop: MadeProject, troubles: list[str]
) -> None:
    page = shop_page
    page.route("**/projects/**", lambda route: route.abort())
    page.get_by_label("Version").select_option("1.4.0")
    expect(page.get_by_role("alert")).to_have_text("That did not work. Check your connection and try again.")
    expect(page.get_by_label("Version")).to_have_value("1.4.0")
    expect(page.locator("canvas")).to_have_count(3)
    page.unroute("**/projects/**")
    page.get_by_label("Environment").select_option("production")
    expect(page).to_have_url(f"{shop.page}?version=1.4.0&environment=production&period=6h")
    troubles.clear()


def test_figures_without_scripts(
    browser: Browser, shop_page: Page, shop: MadeProject, instance: dict[str, Any], session_cookie: str
) -> None:
    context = browser.new_context(java_script_enabled=False)
    context.add_cookies([{"name": SESSION_COOKIE, "value": session_cookie, "url": instance["url"]}])
    page = context.new_page()
    page.goto(f"{shop.page}?period=6h")
    page.get_by_label("Version").select_option("1.4.0")
    page.get_by_role("button", name="Apply").click()
    assert asked_for(page) == {"period": ["6h"], "version": ["1.4.0"]}
    page.get_by_text("Figures as a table").click()
    rows = page.locator("#figures-table tbody tr")
    assert rows.count() == 60 * HOURS / 2
    expect(page.locator(".chart").first).to_be_hidden()
    page.get_by_role("link", name="Last hour").click()
    assert asked_for(page) == {"period": ["1h"], "version": ["1.4.0"]}
    page.goto(f"{shop.page}endpoints/?period=6h")
    page.get_by_label("Find an endpoint").fill("cart")
    page.get_by_role("button", name="Find").click()
    expect(page.locator(".endpoint-table tbody tr")).to_have_count(1)
    context.close()
