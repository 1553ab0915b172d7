"""The flame graph in a real browser: pictures are read by the module's own frames, pixels and exports."""

from __future__ import annotations

import struct
import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest
from playwright.sync_api import Download, Locator, Page, expect

from tests.e2e.made import DISPATCH, FLASK, VIEW, MadeProject, library, make_project, own, profile
from tests.e2e.test_every_page import dress, serious_faults

ROW_PX = 20
SVG = "{http://www.w3.org/2000/svg}"
MARKUP = "</svg><script>alert(1)</script>"
WALK = own("walk", "shop/tree.py:5")
VISIT = own("visit", "shop/tree.py:9")


@pytest.fixture(scope="module")
def project(instance: dict[str, Any]) -> MadeProject:
    return make_project(instance, "Flames")


@pytest.fixture
def flame_page(logged_in_page: Page, project: MadeProject) -> Page:
    """The page of a profile whose tree these tests know (PRODUCTS in made.py)."""
    return opened(logged_in_page, project.send_products())


def opened(page: Page, address: str) -> Page:
    page.goto(address)
    expect(graph(page)).to_be_visible()
    return page


def graph(page: Page) -> Locator:
    return page.get_by_role("application", name="Flame graph")


def part(page: Page, name: str) -> Locator:
    return page.locator(f'[data-fg="{name}"]')


def chosen(page: Page) -> Locator:
    return part(page, "name")


def view(page: Page, name: str) -> None:
    page.locator(".fg-tools label", has_text=name).click()


def libraries(page: Page, choice: str) -> None:
    part(page, "libraries").select_option(choice)


def press(page: Page, *keys: str) -> None:
    graph(page).focus()
    for key in keys:
        page.keyboard.press(key)


def point_at(page: Page, *, share: float, row: int) -> None:
    """Moves the mouse over a row, counted from the top, at a share of the width."""
    box = graph(page).bounding_box()
    assert box
    page.mouse.move(box["x"] + share * box["width"], box["y"] + row * ROW_PX + ROW_PX / 2)


def click_at(page: Page, *, share: float, row: int) -> None:
    graph(page).scroll_into_view_if_needed()
    point_at(page, share=share, row=row)
    page.mouse.down()
    page.mouse.up()


def saved(page: Page, choice: str) -> Download:
    part(page, "svg").locator("xpath=ancestor::details").locator("summary").click()
    with page.expect_download() as waiting:
        part(page, choice).click()
    page.keyboard.press("Escape")
    return waiting.value


def svg_of(page: Page) -> tuple[ElementTree.Element, list[str]]:
    """The saved SVG with the titles of its boxes, topmost row first, and within a row from the left."""
    tree = ElementTree.parse(saved(page, "svg").path()).getroot()  # noqa: S314 it is our own
    boxes = []
    for group in tree.iter(f"{SVG}g"):
        rect, title = group.find(f"{SVG}rect"), group.find(f"{SVG}title")
        assert rect is not None
        assert title is not None
        boxes.append((float(rect.attrib["y"]), float(rect.attrib["x"]), title.text or ""))
    return tree, [title for _y, _x, title in sorted(boxes)]


def names_in(page: Page) -> list[str]:
    return [title.partition("\n")[0] for title in svg_of(page)[1]]


def test_libraries_are_folded_by_package_and_totals_stay(flame_page: Page) -> None:
    page = flame_page
    folded = svg_of(page)[1]
    assert [title.partition("\n")[0] for title in folded] == [
        "GET /products",
        "flask",
        "list_products",
        "price_of",
        "Product.as_dict",
        "sqlite3",
        "json",
    ]
    assert folded[1] == "flask\n200 ms · 100 %"
    assert folded[3] == "price_of\nshop/pricing.py:18\n120 ms · 60.0 %"
    libraries(page, "shown")
    assert names_in(page)[1:4] == ["Flask.wsgi_app", "Flask.dispatch_request", "list_products"]
    libraries(page, "hidden")
    hidden = svg_of(page)[1]
    assert [title.partition("\n")[0] for title in hidden] == names_in(page)
    assert hidden == [folded[0], *folded[2:5]]
    press(page, "l")
    expect(part(page, "libraries")).to_have_value("folded")


def test_pointing_tells_and_a_click_zooms(flame_page: Page) -> None:
    page = flame_page
    graph(page).scroll_into_view_if_needed()
    point_at(page, share=0.3, row=3)
    tip = part(page, "tip")
    expect(tip).to_have_text("price_ofshop/pricing.py:18Total 120 ms · 60.0 % of allSelf 0 µs · 0 %")
    click_at(page, share=0.3, row=3)
    expect(chosen(page)).to_have_text("price_of")
    expect(part(page, "place")).to_have_text("/srv/shop/shop/pricing.py:18")
    expect(part(page, "total")).to_have_text("120 ms · 60.0 %")
    crumbs = page.get_by_role("navigation", name="Zoom").get_by_role("button")
    expect(crumbs).to_have_text(["GET /products", "flask", "list_products", "price_of"])
    # What it calls fills the width now: json, at the right before, is out of sight.
    click_at(page, share=0.95, row=4)
    expect(chosen(page)).to_have_text("sqlite3")
    assert "json" not in names_in(page)
    crumbs.nth(2).click()
    expect(chosen(page)).to_have_text("list_products")
    assert "json" in names_in(page)
    page.mouse.move(0, 0)
    expect(tip).to_be_hidden()


def test_keyboard_all_the_way(flame_page: Page) -> None:
    page = flame_page
    press(page, "ArrowDown")
    expect(chosen(page)).to_have_text("GET /products")
    press(page, "ArrowDown", "ArrowDown", "ArrowDown")
    expect(chosen(page)).to_have_text("price_of")
    expect(part(page, "said")).to_have_text("price_of, total 120 ms, 60.0 %")
    press(page, "ArrowRight")
    expect(chosen(page)).to_have_text("Product.as_dict")
    press(page, "ArrowRight")
    expect(chosen(page)).to_have_text("Product.as_dict")
    press(page, "Enter")
    expect(part(page, "said")).to_have_text("Product.as_dict, total 30.0 ms, 15.0 %, zoomed in")
    press(page, "ArrowDown", "Enter", "Escape")
    expect(part(page, "crumb-list").locator("[aria-current]")).to_have_text("Product.as_dict")
    press(page, "ArrowUp")
    press(page, "ArrowUp")
    expect(chosen(page)).to_have_text("list_products")
    press(page, "ArrowDown")
    expect(chosen(page)).to_have_text("Product.as_dict")
    press(page, "Escape")
    expect(part(page, "crumbs")).to_be_hidden()
    press(page, "ArrowLeft")
    expect(chosen(page)).to_have_text("price_of")
    press(page, "Home")
    expect(chosen(page)).to_have_text("GET /products")
    press(page, "?")
    keys = page.get_by_role("dialog", name="Keys of the flame graph")
    expect(keys).to_be_visible()
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()
    expect(graph(page)).to_be_focused()
    press(page, "c")
    expect(page.get_by_role("radio", name="Callers")).to_be_checked()
    press(page, "t")
    press(page, "o")
    expect(page.get_by_role("radio", name="In time order")).to_be_checked()
    press(page, "Control+o")
    expect(page.get_by_role("radio", name="In time order")).to_be_checked()


def test_search_by_text_and_expression_tells_the_share(flame_page: Page) -> None:
    page = flame_page
    page.locator("body").press("/")
    search = page.get_by_label("Search the flame graph")
    expect(search).to_be_focused()
    told = part(page, "matches")
    search.fill("PRICE")
    expect(told).to_have_text("60.0 % of the time")
    # Nested matches count once: the view holds both others.
    search.fill("shop/")
    expect(told).to_have_text("95.0 % of the time")
    search.fill("/^(price_of|product\\.)/")
    expect(told).to_have_text("75.0 % of the time")
    search.press("Enter")
    expect(chosen(page)).to_have_text("price_of")
    search.press("Enter")
    expect(chosen(page)).to_have_text("Product.as_dict")
    search.press("Shift+Enter")
    expect(chosen(page)).to_have_text("price_of")
    search.fill("/(/")
    expect(told).to_have_text("This regular expression can’t be read.")
    search.fill("nowhere")
    expect(told).to_have_text("not found")
    search.fill("wsgi_app")
    expect(told).to_have_text("only in libraries")
    page.get_by_role("button", name="Show libraries").click()
    expect(told).to_have_text("100 % of the time")
    search.press("Escape")
    expect(told).to_be_empty()
    expect(graph(page)).to_be_focused()


def test_search_is_one_for_both_widgets(flame_page: Page) -> None:
    page = flame_page
    page.get_by_label("Search the flame graph").fill("as_dict")
    expect(page.locator(".ct-row mark")).to_have_text("as_dict")
    page.get_by_label("Find a function", exact=True).fill("/^price/")
    expect(part(page, "matches")).to_have_text("60.0 % of the time")
    expect(page.locator("[data-part=matches]")).to_contain_text("1")
    page.wait_for_url("**search=%2F%5Eprice%2F*")


def test_selecting_in_one_selects_in_the_other(flame_page: Page) -> None:
    page = flame_page
    row = page.locator('.ct-row[aria-selected="true"] .ct-function')
    page.locator(".ct-row", has_text="Product.as_dict").click()
    expect(chosen(page)).to_have_text("Product.as_dict")
    click_at(page, share=0.3, row=3)
    expect(row).to_have_text("price_of")
    page.get_by_role("button", name="Collapse all").click()
    press(page, "Escape", "ArrowRight")
    expect(row).to_have_text("Product.as_dict")
    # What the call tree hides is its caller there.
    press(page, "ArrowDown")
    expect(chosen(page)).to_have_text("json")
    expect(row).to_have_text("Product.as_dict")


def test_callers_begin_with_self_time(flame_page: Page) -> None:
    page = flame_page
    libraries(page, "shown")
    view(page, "Callers")
    titles = svg_of(page)[1]
    assert titles[0].endswith("200 ms · 100 %")
    assert [title.partition("\n")[0] for title in titles[1:6]] == [
        "Connection.execute",
        "list_products",
        "dumps",
        "Flask.wsgi_app",
        "price_of",
    ]
    # Everything below execute came through price_of.
    press(page, "ArrowDown", "ArrowDown")
    expect(part(page, "total")).to_have_text("120 ms · 60.0 %")
    press(page, "ArrowDown")
    expect(chosen(page)).to_have_text("price_of")
    expect(part(page, "total")).to_have_text("120 ms · 60.0 %")


def test_sandwich_counts_recursion_once(logged_in_page: Page, project: MadeProject) -> None:
    page = logged_in_page
    records = [
        ((VIEW, WALK, VISIT, WALK, VISIT), 0.03),
        ((VIEW, WALK), 0.01),
        ((own("other"), WALK, own("leaf")), 0.02),
        ((VIEW,), 0.04),
    ]
    opened(page, project.send(profile(records))[0])
    page.locator(".ct-row .ct-function", has_text="walk").first.click()
    part(page, "open-sandwich").click()
    expect(page.get_by_role("radio", name="Sandwich")).to_be_checked()
    tree, titles = svg_of(page)
    assert titles == [
        "[root]\n40.0 ms · 40.0 %",
        "[root]\n20.0 ms · 20.0 %",
        "list_products\nshop/views.py:31\n40.0 ms · 40.0 %",
        "other\nshop/catalogue.py:40\n20.0 ms · 20.0 %",
        "walk\nshop/tree.py:5\n60.0 ms · 60.0 %",
        "visit\nshop/tree.py:9\n30.0 ms · 30.0 %",
        "leaf\nshop/catalogue.py:40\n20.0 ms · 20.0 %",
        "walk\nshop/tree.py:5\n30.0 ms · 30.0 %",
        "visit\nshop/tree.py:9\n30.0 ms · 30.0 %",
    ]
    assert int(tree.attrib["height"]) == 6 * ROW_PX
    press(page, "ArrowUp")
    expect(chosen(page)).to_have_text("list_products")
    press(page, "ArrowRight")
    expect(chosen(page)).to_have_text("other")
    press(page, "Enter")
    # Only the half with the zoomed caller is zoomed.
    assert names_in(page) == ["[root]", "other", "walk", "visit", "leaf", "walk", "visit"]
    page.wait_for_url("**flame=sandwich*zoom=*")
    page.reload()
    expect(chosen(page)).to_have_text("other")
    assert names_in(page) == ["[root]", "other", "walk", "visit", "leaf", "walk", "visit"]


def test_time_order_is_that_of_the_samples(logged_in_page: Page, project: MadeProject) -> None:
    page = logged_in_page
    first, second = own("first"), own("second")
    records = [((VIEW, first), 0.01), ((VIEW, second), 0.03), ((VIEW, first), 0.01), ((VIEW, first), 0.02)]
    opened(page, project.send(profile(records))[0])
    assert names_in(page)[1:] == ["list_products", "first", "second"]
    view(page, "In time order")
    assert svg_of(page)[1][2:] == [
        "first\nshop/catalogue.py:40\n10.0 ms · 14.3 %",
        "second\nshop/catalogue.py:40\n30.0 ms · 42.9 %",
        "first\nshop/catalogue.py:40\n30.0 ms · 42.9 %",
    ]
    page.wait_for_url("**order=time*")
    view(page, "Callers")
    expect(part(page, "order")).to_be_hidden()


def test_address_brings_everything_back(flame_page: Page) -> None:
    page = flame_page
    libraries(page, "shown")
    page.get_by_label("Search the flame graph").fill("dumps")
    press(page, "ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowRight", "Enter")
    expect(chosen(page)).to_have_text("Product.as_dict")
    press(page, "ArrowDown")
    page.wait_for_url("**libraries=shown*zoom=*node=*")
    before = names_in(page)
    page.reload()
    expect(chosen(page)).to_have_text("dumps")
    expect(part(page, "crumb-list").locator("[aria-current]")).to_have_text("Product.as_dict")
    expect(page.get_by_label("Search the flame graph")).to_have_value("dumps")
    expect(part(page, "libraries")).to_have_value("shown")
    assert names_in(page) == before
    # The call tree was told too.
    expect(page.locator('.ct-row[aria-selected="true"] .ct-function')).to_have_text("Product.as_dict")
    page.goto(f"{page.url.partition('?')[0]}?flame=nonsense&zoom=zzz&node=-1&order=time&of=x&libraries=")
    expect(part(page, "total")).to_have_text("200 ms · 100 %")


def test_pictures_have_names_and_sizes(flame_page: Page) -> None:
    page = flame_page
    view(page, "Callers")
    kept = saved(page, "svg")
    assert kept.suggested_filename == "GET-products-flamegraph-callers.svg"
    view(page, "Top down")
    kept = saved(page, "png")
    assert kept.suggested_filename == "GET-products-flamegraph.png"
    data = kept.path().read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", data[16:24])
    shown = graph(page).bounding_box()
    assert shown
    assert height == 5 * ROW_PX * 2
    assert abs(width - 2 * shown["width"]) <= 2


def test_canvas_is_sharp_on_dense_screens_and_follows_its_width(
    logged_in_page: Page, project: MadeProject
) -> None:
    page = opened(logged_in_page, project.send_products())
    session = page.context.new_cdp_session(page)
    metrics = {"width": 800, "height": 700, "deviceScaleFactor": 3, "mobile": False}
    session.send("Emulation.setDeviceMetricsOverride", metrics)
    canvas = "document.querySelector('.fg-space canvas')"
    sizes = f"(c => [c.width, c.clientWidth, c.parentElement.clientWidth])({canvas})"
    page.wait_for_function(f"(([device, css, room]) => device === 3 * css && css === room)({sizes})")
    session.send("Emulation.clearDeviceMetricsOverride")


def test_ten_thousand_nodes_and_deep_stacks(logged_in_page: Page, project: MadeProject) -> None:
    page = logged_in_page
    deep = tuple(own(f"level_{depth}", "deep.py:1") for depth in range(1_500))
    wide = [
        ((VIEW, own(f"outer_{n % 100}", "big.py:1"), own(f"inner_{n}", "big.py:2")), 0.001)
        for n in range(10_000)
    ]
    opened(page, project.send(profile([*wide, (deep, 0.5)]))[0])
    size = (
        "(c => c.clientHeight <= innerHeight && c.height < 3000)(document.querySelector('.fg-space canvas'))"
    )
    assert page.evaluate(size)
    page.get_by_label("Search the flame graph").fill("level_1499")
    page.keyboard.press("Enter")
    expect(chosen(page)).to_have_text("level_1499")
    expect(part(page, "matches")).to_have_text("4.8 % of the time")
    graph(page).focus()
    page.keyboard.press("Enter")
    expect(part(page, "crumb-list").get_by_role("button")).to_have_count(5)
    for kind in ("Callers", "Sandwich", "Top down"):
        view(page, kind)
        expect(page.get_by_role("radio", name=kind)).to_be_checked()
        expect(chosen(page)).to_have_text("level_1499")
    # What is too narrow to be seen is one quiet box a row, not a thousand.
    assert len(names_in(page)) < 4_000


def test_one_sample(logged_in_page: Page, project: MadeProject) -> None:
    page = opened(logged_in_page, project.send(profile([((VIEW,), 0.001)]))[0])
    for kind in ("Callers", "Sandwich", "Top down", "In time order"):
        view(page, kind)
        assert "list_products" in names_in(page)


def test_hostile_names_stay_text(logged_in_page: Page, project: MadeProject) -> None:
    page = logged_in_page
    names = [MARKUP, "a\x01b\ud800", "‮gnp.exe", "&amp;\"'", "名" * 300]
    clean = [name.encode("utf-8", "replace").decode() for name in names]
    records = [((own(MARKUP, f"{MARKUP}.py:1"), own(name, "shop/x.py:2")), 0.01) for name in clean]
    opened(page, project.send(profile(records, endpoint=MARKUP))[0])
    page.get_by_label("Search the flame graph").fill("script")
    for kind in ("Callers", "Sandwich", "Top down"):
        view(page, kind)
        tree, titles = svg_of(page)
        tags = {element.tag for element in tree.iter()}
        assert tags == {f"{SVG}{tag}" for tag in ("svg", "title", "rect", "g", "text")}
        assert any(title.startswith(MARKUP) for title in titles)
    point_at(page, share=0.05, row=1)
    press(page, "ArrowDown", "ArrowDown", "Enter")
    expect(chosen(page)).to_have_text(MARKUP)
    assert page.evaluate("[...document.scripts].every(s => s.src || s.type === 'application/json')")
    name = saved(page, "svg").suggested_filename
    assert not set(name) & set('<>/\\:"')


def test_accessible_in_both_themes(
    logged_in_page: Page, project: MadeProject, instance: dict[str, Any]
) -> None:
    page = logged_in_page
    address = project.send_products()
    for theme in ("light", "dark"):
        dress(page, instance["url"], theme, "en")
        opened(page, address)
        press(page, "ArrowDown", "ArrowDown", "ArrowDown", "Enter")
        page.get_by_label("Search the flame graph").fill("price")
        assert serious_faults(page) == []
        press(page, "?")
        assert serious_faults(page) == []
        page.keyboard.press("Escape")


def test_theme_changes_repaint(flame_page: Page) -> None:
    page = flame_page
    corner = (
        "(c => [...c.getContext('2d').getImageData(c.width - 2, c.height - 2, 1, 1).data])"
        "(document.querySelector('.fg-space canvas'))"
    )
    before = page.evaluate(corner)
    page.evaluate("document.documentElement.dataset.bsTheme = 'dark'")
    page.wait_for_function(f"{corner}[0] < 60")
    assert before[0] > 200


def test_without_a_script_there_is_no_empty_frame(logged_in_page: Page, project: MadeProject) -> None:
    page = logged_in_page
    browser = page.context.browser
    assert browser
    context = browser.new_context(java_script_enabled=False, storage_state=page.context.storage_state())
    plain = context.new_page()
    plain.goto(project.send_products())
    expect(plain.locator("#flamegraph")).to_be_hidden()
    expect(plain.get_by_role("heading", name="Hot path")).to_be_visible()
    context.close()


def test_libraries_that_call_back_are_told_apart(logged_in_page: Page, project: MadeProject) -> None:
    page = logged_in_page
    hook = own("hook", "shop/hooks.py:3")
    celery = (library("run", "celery/app.py:4"), library("go", "celery/worker.py:8"))
    stack = (FLASK, DISPATCH, VIEW, *celery, hook, library("get", "redis/client.py:1"))
    opened(page, project.send(profile([(stack, 0.02)]))[0])
    assert names_in(page) == ["GET /products", "flask", "list_products", "celery", "hook", "redis"]
