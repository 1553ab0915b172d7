"""The pure modules of the flame graph, run in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

MODEL = Path(__file__).with_name("flamegraph_model.js")


@pytest.fixture
def modules(page: Page, instance: dict[str, Any]) -> tuple[Page, str]:
    """A page of the product, and the address that its modules lie below."""
    page.goto(f"{instance['url']}/login/")
    return page, f"{instance['url']}/static/"


def test_every_view_keeps_its_times_and_every_colour_bears_text(modules: tuple[Page, str]) -> None:
    page, base = modules
    assert page.evaluate(MODEL.read_text(), base) == []


def test_packages_of_paths(modules: tuple[Page, str]) -> None:
    paths = {
        "shop/orders.py": "shop",
        "flask/app.py": "flask",
        "threading.py": "threading",
        "_bisect.cpython-311-x86_64-linux-gnu.so": "_bisect.cpython-311-x86_64-linux-gnu",
        "/usr/lib/python3/dist-packages/yaml/loader.py": "yaml",
        "/opt/venv/lib/site-packages/six.py": "six",
        "/srv/jobs/nightly.py": "jobs",
        "C:\\work\\jobs\\nightly.py": "jobs",
        "<frozen importlib._bootstrap>": "importlib",
        "<string>": "<string>",
        "": "",
    }
    page, base = modules
    found = page.evaluate(
        "async ([base, paths]) => { const { packageName } = await import(base + 'flamegraph_book.js');"
        " return paths.map(packageName); }",
        [base, list(paths)],
    )
    assert dict(zip(paths, found, strict=True)) == paths
