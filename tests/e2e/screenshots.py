"""Pictures of every page, in both languages and themes and three widths: `./dev screenshots`.

They are of a shop with five hours of traffic in a product that is started for them. Nobody compares them by
machine: they are made to be looked at.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import requests
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserContext, Page, sync_playwright

from tests.conftest import ROOT
from tests.deploy.browser import Browser
from tests.e2e.conftest import CHROMIUM, SESSION_COOKIE
from tests.e2e.made import MadeProject, make_project, make_shop
from tests.instance import Instance

FOLDER = ROOT / "docs" / "screenshots"
LANGUAGES, THEMES, WIDTHS = ("en", "zh-hans"), ("light", "dark"), (1440, 1024, 390)
HEIGHT = 900
FOLDED_WITHIN_S = 120
ENDPOINT = {"kind": "request", "method": "POST", "route": "/checkout"}


def pages(shop: MadeProject, empty: MadeProject, profile: str) -> Iterator[tuple[str, str]]:
    """Name and path of each page."""
    yield "projects", "/"
    yield "project", f"/projects/{shop.slug}/"
    yield "project-empty", f"/projects/{empty.slug}/"
    yield "endpoints", f"/projects/{shop.slug}/endpoints/?period=6h"
    yield "endpoint", f"/projects/{shop.slug}/endpoint/?{urlencode({**ENDPOINT, 'period': '6h'})}"
    yield "compare", f"/projects/{shop.slug}/compare/?period=6h"
    yield "functions", f"/projects/{shop.slug}/functions/?period=6h"
    yield "profiles", f"/projects/{shop.slug}/profiles/"
    yield "profile", profile
    yield "search", f"/projects/{shop.slug}/search/?q=c"
    yield "setup", f"/projects/{empty.slug}/setup/"
    yield "upload", f"/projects/{shop.slug}/upload/"
    yield "settings", f"/projects/{shop.slug}/settings/"
    yield "ingest-health", f"/projects/{shop.slug}/settings/ingest/"
    yield "instances", f"/projects/{shop.slug}/settings/instances/"
    yield "account", "/account/"
    yield "login", "/login/"


def main() -> None:
    options = read_arguments()
    shutil.rmtree(options.output, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        instance = Instance(Path(folder))
        status = instance.start()
        try:
            shop, empty = make_shop(status, "Corner shop"), make_project(status, "Blog")
            profile = profile_of_the_demo(status)
            wait_until_folded(shop)
            taken = take(status, list(pages(shop, empty, profile)), options)
        finally:
            instance.stop()
    print(f"{taken} pictures are in {options.output}")


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev screenshots", description=__doc__)
    parser.add_argument("--output", type=Path, default=FOLDER, metavar="DIR", help="docs/screenshots")
    parser.add_argument("--only", default="", metavar="PAGE", help="pages whose name begins so")
    return parser.parse_args()


def profile_of_the_demo(status: dict[str, Any]) -> str:
    """The path of a profile with a real call tree."""
    headers = {"Authorization": f"Bearer {status['token']}"}
    url = f"{status['url']}/api/v1/projects/{status['demo']['project_id']}/profiles/?order=slowest"
    until = time.monotonic() + FOLDED_WITHIN_S
    while time.monotonic() < until:
        if found := requests.get(url, headers=headers, timeout=30).json()["data"]["items"]:
            return f"/profiles/{found[0]['id']}/"
        time.sleep(1)
    raise SystemExit("The demo has sent no profile.")


def wait_until_folded(shop: MadeProject) -> None:
    headers = {"Authorization": f"Bearer {shop.token}"}
    url = f"{shop.url}/api/v1/projects/{shop.project_id}/functions/?period=6h"
    until = time.monotonic() + FOLDED_WITHIN_S
    seen = -1
    while time.monotonic() < until:
        samples = requests.get(url, headers=headers, timeout=30).json()["data"]["samples"]
        if samples and samples == seen:
            return
        seen = samples
        time.sleep(5)
    raise SystemExit("The shop's traffic was not folded in time.")


def take(status: dict[str, Any], wanted: list[tuple[str, str]], options: argparse.Namespace) -> int:
    person = Browser(status["url"])
    person.log_in(status["username"], status["password"])
    cookie = person.session.cookies[SESSION_COOKIE]
    count = 0
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        for language in LANGUAGES:
            for theme in THEMES:
                for width in WIDTHS:
                    context = dressed(chromium, status["url"], theme=theme, language=language, width=width)
                    page = context.new_page()
                    folder = options.output / language / theme / str(width)
                    folder.mkdir(parents=True)
                    for name, path in wanted:
                        if not name.startswith(options.only):
                            continue
                        sign_in(context, status["url"], "" if name == "login" else cookie)
                        shoot(page, status["url"] + path, folder / f"{name}.png")
                        count += 1
                    context.close()
        chromium.close()
    return count


def dressed(chromium: Chromium, url: str, *, theme: str, language: str, width: int) -> BrowserContext:
    """A window with theme and language chosen by their cookies."""
    context = chromium.new_context(
        viewport={"width": width, "height": HEIGHT}, reduced_motion="reduce", timezone_id="UTC"
    )
    context.add_cookies(
        [
            {"name": "perfplatform_theme", "value": theme, "url": url},
            {"name": "perfplatform_language", "value": language, "url": url},
        ]
    )
    return context


def sign_in(context: BrowserContext, url: str, cookie: str) -> None:
    context.clear_cookies(name=SESSION_COOKIE)
    if cookie:
        context.add_cookies([{"name": SESSION_COOKIE, "value": cookie, "url": url}])


def shoot(page: Page, url: str, file: Path) -> None:
    page.goto(url)
    page.wait_for_load_state("networkidle")
    page.screenshot(path=file, full_page=True)


if __name__ == "__main__":
    main()
