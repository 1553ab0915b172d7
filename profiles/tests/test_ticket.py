"""Text for tickets: its lines whatever the names, and what the pages offer to copy."""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from profiles.tests import measured
from profiles.tests.folding import Clock
from profiles.tests.test_pages import PRODUCTS, profile, store
from profiles.ticket import MOST_STEPS, Step, Ticket
from projects.models import Project

names = st.text(max_size=400)


def ticket(**changes: Any) -> Ticket:
    said = {
        "title": "GET /a",
        "facts": [("Version", "1.0"), ("Duration", "85.0 ms")],
        "pair": "{label}: {value}",
        "heading": "Hot path:",
        "steps": [Step("view", "a.py:1", "85.0 ms", "100 %"), Step("f", "", "9.00 ms", "10.6 %")],
        "link": "https://x/profiles/1/",
    }
    return Ticket(**{**said, **changes})


def test_it_is_plain_text_with_columns() -> None:
    assert ticket().text() == (
        "GET /a\n\nVersion: 1.0\nDuration: 85.0 ms\n\n"
        "Hot path:\n85.0 ms   100 %  view  a.py:1\n9.00 ms  10.6 %  f\n\nhttps://x/profiles/1/"
    )


def test_without_own_code_there_is_no_path() -> None:
    assert "Hot path" not in ticket(steps=[]).text()


def test_a_long_path_loses_its_middle() -> None:
    steps = [Step(f"f{number}", "", "1 µs", "1 %") for number in range(100)]
    lines = ticket(steps=steps).text().splitlines()
    shown = [line.rpartition(" ")[2] for line in lines if line.startswith(("1 µs", "…"))]
    assert len(shown) == MOST_STEPS
    assert shown[:4] == ["f0", "f1", "f2", "…"]
    assert shown[-1] == "f99"


@given(names, names, names, names)
def test_no_name_makes_a_line_of_its_own(title: str, value: str, name: str, place: str) -> None:
    text = ticket(title=title, facts=[("{value}", value)], steps=[Step(name, place, "1 s", "1 %")]).text()
    assert len(text.splitlines()) == 8
    assert max(map(len, text.splitlines())) < 450
    assert text.endswith("\n\nhttps://x/profiles/1/")


def shown(client: Client, address: str, language: str = "en") -> str:
    page = client.get(address, headers={"Accept-Language": language}).content.decode()
    found = re.search(r'<pre id="ticket">(.*?)</pre>', page, re.DOTALL)
    assert found
    assert 'data-copy="ticket"' in page
    return unescape(found[1])


@pytest.mark.django_db
def test_a_profile_is_told(owner_client: Client, project: Project) -> None:
    (found,) = store(project, profile(PRODUCTS, status=500, error_type="builtins.KeyError"), version="1.1")
    text = shown(owner_client, f"/profiles/{found}/")
    assert text.startswith("GET /products\n\nProject: Shop\nVersion: 1.1\nEnvironment: production\n")
    assert "Duration: 85.0 ms\nStatus: 500\nException: builtins.KeyError\nStarted: " in text
    assert "Most time in your code: price_of (shop/pricing.py:18) 60.0 ms · 70.6 %" in text
    assert "80.0 ms  94.1 %  list_products  shop/views.py:31\n" in text
    assert "60.0 ms  70.6 %  price_of  shop/pricing.py:18\n" in text
    # No library stands in the path.
    assert "wsgi_app" not in text
    assert text.endswith(f"\n\n{settings.PUBLIC_URL}/profiles/{found}/")


@pytest.mark.django_db
def test_a_profile_without_samples_is_told(owner_client: Client, project: Project) -> None:
    (found,) = store(project, profile([], duration_us=900, kind="task", method="", status=None))
    text = shown(owner_client, f"/profiles/{found}/")
    assert "Duration: 900 µs" in text
    assert "Status" not in text


@pytest.mark.django_db
def test_hostile_names_stay_in_their_lines(owner_client: Client, project: Project) -> None:
    harm = "</pre><script>alert(1)</script>"
    (found,) = store(project, profile(PRODUCTS, endpoint=f"/a\r\nVersion: 9{harm}"), version="{label}")
    content = owner_client.get(f"/profiles/{found}/").content.decode()
    assert "<script>alert(1)" not in content
    text = shown(owner_client, f"/profiles/{found}/")
    assert text.splitlines()[0].startswith("GET /a")
    assert text.splitlines()[0].endswith(harm)
    assert "Version: {label}" in text


@pytest.mark.long
@pytest.mark.django_db
def test_an_endpoint_is_told_and_its_link_shows_the_same(owner_client: Client, project: Project) -> None:
    measured.shop(project, Clock())
    asked = {"kind": "request", "method": "GET", "route": "/a", "version": "2", "period": "6h"}
    address = f"{reverse('profiles:endpoint', args=[project.slug])}?{urlencode(asked)}"
    text = shown(owner_client, address)
    assert text.startswith("GET /a\n\nProject: Shop\nVersion: 2\nEnvironment: All environments\nPeriod: ")
    assert re.search(r"Period: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC \(UTC\+00:00\) – \d{4}", text)
    assert "Count: 24\n" in text
    assert re.search(r"p50 / p95 / p99: (49|50)\.\d ms / \d+ ms / \d+ ms\n", text)
    assert "Error rate: 0 %" in text
    assert re.search(r"\d+ µs +100 %  view  shop/views.py:10", text)
    link = text.splitlines()[-1]
    assert link.startswith(settings.PUBLIC_URL)
    again = shown(owner_client, link.removeprefix(settings.PUBLIC_URL))
    assert "Count: 24\n" in again
    assert again.splitlines()[-1] == link


@pytest.mark.long
@pytest.mark.django_db
def test_a_refresh_makes_no_text(owner_client: Client, project: Project) -> None:
    measured.shop(project, Clock())
    asked = urlencode({"kind": "request", "method": "GET", "route": "/a"})
    address = f"{reverse('profiles:endpoint', args=[project.slug])}?{asked}"
    response = owner_client.get(address, headers={"hx-request": "true", "hx-target": "figures"})
    assert b'id="ticket"' not in response.content
