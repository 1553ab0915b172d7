"""Every page in both themes, languages and on a telephone: accessible, nothing foreign, nothing cut off."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.e2e.made import MadeProject, make_project, make_shop

PAGES = {
    "projects": "/",
    "projects, none found": "/?search=zzz",
    "new project": "/projects/new/",
    "project": "/projects/{shop}/?period=6h",
    "project, not measured yet": "/projects/{slug}/?version=gone&start=yesterday",
    "endpoints": "/projects/{shop}/endpoints/?period=6h",
    "endpoints, none found": "/projects/{shop}/endpoints/?period=6h&search=zzz",
    "endpoints, nothing yet": "/projects/{empty}/endpoints/",
    "project, nothing yet": "/projects/{empty}/",
    "search": "/projects/{shop}/search/?q=c",
    "search, nothing found": "/projects/{empty}/search/?q=zzz",
    "search for projects": "/search/?q=e",
    "profiles": "/projects/{slug}/profiles/",
    "profiles, none match": "/projects/{slug}/profiles/?version=gone&min_ms=-1",
    "profiles, all filters": "/projects/{slug}/profiles/?order=slowest&tag=none&until=2026-01-01T00:00",
    "profiles, none yet": "/projects/{empty}/profiles/",
    "setup": "/projects/{empty}/setup/",
    "settings": "/projects/{slug}/settings/",
    "upload": "/projects/{slug}/upload/",
    "ingest health": "/projects/{slug}/settings/ingest/",
    "ingest health, nothing yet": "/projects/{empty}/settings/ingest/",
    "instances": "/projects/{slug}/settings/instances/",
    "instances, none yet": "/projects/{empty}/settings/instances/",
    "profile": "{profile}",
    "profile, all code": "{profile}?code=all&search=e&unit=percent",
    "deletion": "/deletions/{deletion}/",
    "account": "/account/",
    "password": "/account/password/",
}
LOOKS = [("light", "en", 390), ("dark", "zh-hans", 1440)]


@pytest.fixture(scope="module")
def places(instance: dict[str, Any]) -> dict[str, str]:
    project: MadeProject = make_project(instance, "Looked at")
    project.send_minute(queue_full=1234, rate_limited=7)
    profile = project.send_products().removeprefix(instance["url"])
    deleted = make_project(instance, "Deleted")
    return {
        "slug": project.slug,
        "profile": profile,
        "empty": make_project(instance, "Empty").slug,
        "shop": make_shop(instance, hours=1).slug,
        "deletion": deleted.delete(),
    }


def dress(page: Page, url: str, theme: str, language: str) -> None:
    """Chooses theme and language by their cookies."""
    page.context.add_cookies(
        [
            {"name": "perfplatform_theme", "value": theme, "url": url},
            {"name": "perfplatform_language", "value": language, "url": url},
        ]
    )


def serious_faults(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [
        f"{fault['id']}: {node['html'][:200]}"
        for fault in found
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]


@pytest.mark.parametrize(("theme", "language", "width"), LOOKS)
def test_pages_are_accessible_and_fit(
    logged_in_page: Page,
    instance: dict[str, Any],
    places: dict[str, str],
    theme: str,
    language: str,
    width: int,
) -> None:
    page, url = logged_in_page, instance["url"]
    dress(page, url, theme, language)
    page.set_viewport_size({"width": width, "height": 844})
    for name, address in PAGES.items():
        page.goto(url + address.format(**places))
        page.wait_for_load_state("networkidle")
        assert page.locator("html").get_attribute("data-bs-theme") == theme
        assert page.locator("html").get_attribute("lang") == language
        assert serious_faults(page) == [], name
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} is wider than {width}"


@pytest.mark.parametrize(("theme", "language", "width"), LOOKS)
def test_pages_of_strangers_are_accessible_and_fit(
    page: Page, instance: dict[str, Any], troubles: list[str], theme: str, language: str, width: int
) -> None:
    url = instance["url"]
    dress(page, url, theme, language)
    page.set_viewport_size({"width": width, "height": 844})
    for address in ("/login/", "/no/such/page/"):
        page.goto(url + address)
        assert serious_faults(page) == [], address
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address
    # The browser itself notes the status of the second page.
    assert all("404" in trouble for trouble in troubles)
    troubles.clear()


def test_opened_menus_and_secrets_are_accessible(
    logged_in_page: Page, instance: dict[str, Any], places: dict[str, str]
) -> None:
    page, url = logged_in_page, instance["url"]
    for theme in ("light", "dark"):
        dress(page, url, theme, "en")
        page.goto(f"{url}/projects/{places['slug']}/settings/")
        page.locator("#key_name").fill(f"for {theme}")
        page.get_by_role("button", name="Create key").click()
        page.get_by_text("Revoke", exact=True).first.click()
        assert serious_faults(page) == []
        page.goto(url + places["profile"])
        page.get_by_text("Download", exact=True).click()
        assert serious_faults(page) == []


def test_policy_lets_nothing_run_inline(logged_in_page: Page, troubles: list[str]) -> None:
    page = logged_in_page
    page.evaluate("""() => {
      const script = document.createElement("script");
      script.textContent = "window.ranInline = true";
      document.head.append(script);
      const image = document.createElement("img");
      image.setAttribute("onerror", "window.ranHandler = true");
      image.src = "/nothing.png";
      document.body.append(image);
    }""")
    page.wait_for_timeout(500)
    assert page.evaluate("window.ranInline === undefined && window.ranHandler === undefined")
    assert any("Content Security Policy" in trouble for trouble in troubles)
    troubles.clear()
