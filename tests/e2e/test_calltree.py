"""The call tree in a real browser: what it shows at first, and everything one can do with it."""

from __future__ import annotations

import math
import time
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from profiles import amounts
from tests.e2e.made import DISPATCH, FLASK, VIEW, MadeProject, library, make_project, own, profile

MOST_ROWS_DRAWN = 60
# A free machine needs a tenth of it; without windowed rows it would be seconds.
LONGEST_FRAME_S = 0.05


@pytest.fixture(scope="module")
def project(instance: dict[str, Any]) -> MadeProject:
    return make_project(instance, "Trees")


@pytest.fixture
def tree_page(logged_in_page: Page, project: MadeProject) -> Page:
    """The page of a profile whose tree these tests know (PRODUCTS)."""
    logged_in_page.goto(project.send_products())
    expect(logged_in_page.locator(".ct-row").first).to_be_visible()
    return logged_in_page


def names(page: Page) -> list[str]:
    """The functions of the rows, top to bottom."""
    rows = page.locator(".ct-row").evaluate_all(
        "rows => rows.map(row =>"
        " [row.getBoundingClientRect().top, row.querySelector('.ct-function').innerText])"
    )
    return [name for _top, name in sorted(rows)]


def row(page: Page, name: str) -> Any:
    return page.locator(".ct-row", has=page.locator(".ct-function", has_text=name))


def chosen(page: Page) -> str:
    """The row that a screen reader is told to be on."""
    found: str = page.evaluate(
        "document.getElementById(document.querySelector('[role=tree]').getAttribute('aria-activedescendant'))"
        ".querySelector('.ct-function').innerText"
    )
    return found


def test_opens_at_the_hot_path_in_my_code(tree_page: Page) -> None:
    page = tree_page
    assert names(page) == ["GET /products", "list_products", "price_of", "Product.as_dict"]
    assert chosen(page) == "price_of"
    price = row(page, "price_of")
    expect(price).to_have_attribute("aria-selected", "true")
    expect(price.locator(".ct-total")).to_have_text("120 ms")
    expect(price.locator(".ct-self")).to_have_text("120 ms")
    # Time in libraries counts for whoever called them, and is told.
    expect(price.locator(".ct-hidden")).to_have_text("incl. 120 ms in libraries")
    view = row(page, "list_products")
    expect(view.locator(".ct-total")).to_have_text("190 ms")
    expect(view.locator(".ct-self")).to_have_text("40.0 ms")
    expect(view.locator(".ct-hidden")).to_have_count(0)
    expect(row(page, "GET /products").locator(".ct-hidden")).to_have_text("incl. 10.0 ms in libraries")
    expect(page.locator("[data-part=detail-place]")).to_have_text("/srv/shop/shop/pricing.py:18")
    expect(page.locator("[data-part=detail-total]")).to_have_text("120 ms · 60.0 %")


def test_all_code_shows_libraries_and_stays_in_the_address(tree_page: Page) -> None:
    page = tree_page
    own_code = page.get_by_role("switch", name="My code only")
    expect(own_code).to_be_checked()
    own_code.click()
    expect(row(page, "Connection.execute")).to_be_visible()
    expect(row(page, "Flask.wsgi_app").locator(".ct-self")).to_have_text("10.0 ms")
    expect(page.locator(".ct-hidden")).to_have_count(0)
    assert chosen(page) == "price_of"
    assert page.url.endswith("?code=all")
    page.reload()
    expect(row(page, "Connection.execute")).to_be_visible()
    expect(own_code).not_to_be_checked()
    own_code.click()
    expect(row(page, "Connection.execute")).to_have_count(0)
    assert "code=" not in page.url


def test_percent_and_time(tree_page: Page) -> None:
    page = tree_page
    page.locator(".ct-units label", has_text="%").click()
    expect(row(page, "price_of").locator(".ct-total")).to_have_text("60.0 %")
    expect(row(page, "price_of").locator(".ct-hidden")).to_have_text("incl. 60.0 % in libraries")
    assert page.url.endswith("?unit=percent")
    page.locator(".ct-units label", has_text="ms").click()
    expect(row(page, "price_of").locator(".ct-total")).to_have_text("120 ms")


def test_search_marks_counts_and_steps(tree_page: Page) -> None:
    page = tree_page
    page.get_by_role("button", name="Collapse all").click()
    assert names(page) == ["GET /products", "list_products"]
    page.keyboard.press("/")
    search = page.get_by_label("Find a function", exact=True)
    expect(search).to_be_focused()
    search.fill("SHOP/")
    told = page.locator("[data-part=matches]")
    expect(told).to_have_text("1 of 3")
    assert names(page) == ["GET /products", "list_products", "price_of", "Product.as_dict"]
    expect(row(page, "price_of").locator("mark")).to_have_text("shop/")
    search.press("Enter")
    expect(told).to_have_text("2 of 3")
    assert chosen(page) == "price_of"
    search.press("Shift+Enter")
    search.press("Shift+Enter")
    expect(told).to_have_text("3 of 3")
    assert chosen(page) == "Product.as_dict"
    search.press("Escape")
    expect(page.get_by_role("tree")).to_be_focused()
    expect(page.locator("mark")).to_have_count(0)
    expect(told).to_be_empty()
    search.fill("nowhere to be found")
    expect(told).to_have_text("not found")


def test_match_that_hides_in_libraries_is_offered(tree_page: Page) -> None:
    page = tree_page
    page.get_by_label("Find a function", exact=True).fill("execute")
    expect(page.locator("[data-part=matches]")).to_have_text("only in libraries")
    page.get_by_role("button", name="Show all code").click()
    expect(row(page, "Connection.execute").locator("mark")).to_have_text("execute")
    expect(page.locator("[data-part=matches]")).to_have_text("1 of 1")
    expect(page.get_by_role("switch", name="My code only")).not_to_be_checked()


def test_keyboard_as_in_any_tree(tree_page: Page) -> None:
    page = tree_page
    tree = page.get_by_role("tree", name="Call tree")
    tree.focus()

    def press(key: str) -> str:
        page.keyboard.press(key)
        return chosen(page)

    assert press("Home") == "GET /products"
    assert press("ArrowUp") == "GET /products"
    assert press("ArrowDown") == "list_products"
    assert press("ArrowRight") == "price_of"
    assert press("ArrowRight") == "price_of"
    assert press("End") == "Product.as_dict"
    assert press("ArrowDown") == "Product.as_dict"
    assert press("ArrowLeft") == "list_products"
    expect(row(page, "list_products")).to_have_attribute("aria-expanded", "true")
    assert press("ArrowLeft") == "list_products"
    expect(row(page, "list_products")).to_have_attribute("aria-expanded", "false")
    expect(row(page, "price_of")).to_have_count(0)
    assert press("Enter") == "list_products"
    expect(row(page, "price_of")).to_have_attribute("aria-level", "3")
    expect(row(page, "price_of")).to_have_attribute("aria-setsize", "2")
    expect(row(page, "price_of")).to_have_attribute("aria-posinset", "1")
    assert row(page, "price_of").get_attribute("aria-expanded") is None
    press("Home")
    assert press("Enter") == "GET /products"
    assert names(page) == ["GET /products"]
    press("*")
    assert names(page) == ["GET /products", "list_products", "price_of", "Product.as_dict"]
    # Combinations belong to the browser.
    page.keyboard.press("Control+ArrowDown")
    assert chosen(page) == "GET /products"


def test_mouse_chooses_and_opens(tree_page: Page) -> None:
    page = tree_page
    row(page, "list_products").locator(".ct-function").click()
    assert chosen(page) == "list_products"
    row(page, "list_products").locator(".ct-twist").click()
    expect(row(page, "price_of")).to_have_count(0)
    row(page, "list_products").locator(".ct-function").dblclick()
    expect(row(page, "price_of")).to_be_visible()


def test_one_function_called_through_several_libraries_is_one_row(
    logged_in_page: Page, project: MadeProject
) -> None:
    page = logged_in_page
    callback = own("callback", "shop/hooks.py:5")
    records = [((FLASK, DISPATCH, VIEW, library(f"wrapper_{n}"), callback), 0.01) for n in range(3)]
    page.goto(project.send(profile(records))[0])
    expect(row(page, "callback")).to_have_count(1)
    expect(row(page, "callback").locator(".ct-total")).to_have_text("30.0 ms")
    expect(row(page, "callback").locator(".ct-samples")).to_have_text("3")


def test_ten_thousand_rows_are_smooth(logged_in_page: Page, project: MadeProject) -> None:
    page = logged_in_page
    records = [
        ((VIEW, own(f"outer_{n % 100}", "big.py:1"), own(f"inner_{n}", "big.py:2")), 0.001)
        for n in range(10_000)
    ]
    page.goto(project.send(profile(records))[0])
    rows = page.locator(".ct-row")
    expect(rows.first).to_be_visible()
    started = time.monotonic()
    page.get_by_role("button", name="Expand all").click()
    page.get_by_role("tree").focus()
    page.keyboard.press("End")
    assert chosen(page).startswith("inner_")
    expect(page.locator('.ct-row[aria-selected="true"]')).to_be_in_viewport()
    assert time.monotonic() - started < 3
    assert rows.count() < MOST_ROWS_DRAWN
    # Each step shows other rows altogether: the most that one frame can be asked for.
    busy_before_s = busy_seconds(page)
    page.evaluate("""async () => {
      const tree = document.querySelector("[role=tree]");
      for (let step = 0; step < 100; step++) {
        tree.scrollTop = step * 1000;
        await new Promise(requestAnimationFrame);
      }
    }""")
    assert (busy_seconds(page) - busy_before_s) / 100 < LONGEST_FRAME_S
    assert rows.count() < MOST_ROWS_DRAWN


def busy_seconds(page: Page) -> float:
    """How long the page's own work has taken so far: scripts, style, layout."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    metrics = session.send("Performance.getMetrics")["metrics"]
    session.detach()
    counted = ("ScriptDuration", "RecalcStyleDuration", "LayoutDuration")
    return math.fsum(metric["value"] for metric in metrics if metric["name"] in counted)


def test_deep_recursion(logged_in_page: Page, project: MadeProject) -> None:
    page = logged_in_page
    stack = tuple(own(f"level_{depth}", "deep.py:1") for depth in range(1_500))
    page.goto(project.send(profile([(stack, 0.05)]))[0])
    expect(page.locator("[data-part=detail-name]")).to_have_text("level_1499")
    page.get_by_role("tree").focus()
    expect(page.locator('.ct-row[aria-selected="true"]')).to_be_in_viewport()
    assert page.evaluate("document.querySelector('[role=tree]').scrollWidth") <= page.evaluate(
        "document.querySelector('[role=tree]').clientWidth"
    )


def test_downloads(tree_page: Page) -> None:
    page = tree_page
    endings = {
        "pyinstrument HTML": ".html",
        "speedscope": ".json",
        "Text": ".txt",
        "pstats": ".pstats",
        "Folded stacks": ".folded.txt",
        "pprof": ".pb.gz",
        "Recording": ".pyisession",
    }
    for choice, ending in endings.items():
        page.get_by_text("Download", exact=True).click()
        with page.expect_download() as waiting:
            page.get_by_role("link", name=choice).click()
        assert waiting.value.suggested_filename.endswith(ending)
        assert waiting.value.path().stat().st_size > 100
        page.keyboard.press("Escape")


def test_browser_and_server_write_numbers_alike(tree_page: Page) -> None:
    values = [
        0,
        1,
        999,
        1_000,
        1_125,
        9_994,
        9_995,
        99_949,
        99_950,
        999_499,
        999_500,
        59_949_999,
        125_000_000,
    ]
    address = tree_page.evaluate("document.querySelector('script[src*=\"calltree\"]').src")
    module = address.rpartition("/")[0] + "/measures.js"
    durations = tree_page.evaluate(
        "async ([module, values]) => { const { duration } = await import(module);"
        " return values.map(value => duration(value)); }",
        [module, values],
    )
    assert durations == [amounts.duration(value) for value in values]
    shares = tree_page.evaluate(
        "async ([module, values]) => { const { percent } = await import(module);"
        " return values.map(value => percent(value, 125000000)); }",
        [module, values],
    )
    assert shares == [amounts.percent_of(value, 125_000_000) for value in values]
