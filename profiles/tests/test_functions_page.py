"""The page of functions, over HTTP and on a real database."""

from __future__ import annotations

import csv
import io
import re
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse

from profiles.tests import ledgers, measured
from profiles.tests.folding import Clock, Process, settle
from profiles.views import functions
from projects.models import Project, User
from projects.tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.long]

HOSTILE = '"><script>alert(1)</script>'


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def shop(project: Project, clock: Clock) -> list[Process]:
    return measured.shop(project, clock)


def address(project: Project, name: str = "functions", **query: str) -> str:
    return f"{reverse(f'profiles:{name}', args=[project.slug])}?{urlencode(query)}"


def page(client: Client, project: Project, **query: str) -> str:
    response = client.get(address(project, **query))
    assert response.status_code == 200
    return response.content.decode()


def names(html: str) -> list[str]:
    return re.findall(r'function-name" title="([^"]*)"', html)


def text(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_functions_with_the_most_self_time_come_first(
    owner_client: Client, project: Project, shop: list[Process]
) -> None:
    html = page(owner_client, project)
    assert names(html) == ["render", "query", "view"]
    shown = text(html)
    assert "From 72 samples (420 µs)" in shown
    assert "render library shop/views.py:30 GET /a 240 µs 57.1 % 240 µs 57.1 % 36 GET /a 100 %" in shown
    assert "view shop/views.py:10 GET /a 60 µs 14.3 % 420 µs 100 % 12" in shown


def test_a_function_leads_to_its_endpoints_in_the_same_scope(
    owner_client: Client, project: Project, shop: list[Process]
) -> None:
    html = page(owner_client, project, version="2", environment="staging", period="7d").replace("&amp;", "&")
    links = set(re.findall(r'class="caller" href="([^"]+)"', html))
    [link] = links
    assert "version=2" in link
    assert "environment=staging" in link
    assert "period=7d" in link
    assert "All 24 samples" in text(owner_client.get(link).content.decode())


def test_functions_are_sorted_searched_and_chosen(
    owner_client: Client, project: Project, shop: list[Process]
) -> None:
    def found(**query: str) -> list[str]:
        return names(page(owner_client, project, **query))

    assert found(sort="total") == ["view", "render", "query"]
    assert found(sort="total", order="up") == ["query", "render", "view"]
    assert found(sort="name") == ["query", "render", "view"]
    assert found(sort="name", order="down") == ["view", "render", "query"]
    assert found(sort="samples") == ["render", "query", "view"]
    assert found(sort="nonsense") == found()
    assert found(own="1") == ["query", "view"]
    assert found(search="DB.py") == ["query"]
    assert found(search=" rend ") == ["render"]
    assert found(engine="nonsense") == found()
    assert found(engine="pyinstrument") == []


def test_what_is_chosen_stays_in_every_address(
    owner_client: Client, project: Project, shop: list[Process]
) -> None:
    html = page(owner_client, project, own="1", sort="total", search="e", version="1").replace("&amp;", "&")
    [week] = re.findall(r'id="period-7d" href="[^"]*\?([^"]*)"', html)
    for part in ("own=1", "sort=total", "search=e", "version=1"):
        assert part in week
    assert names(page(owner_client, project, own="1", search="e")) == ["query", "view"]


def test_pages_of_functions(
    owner_client: Client, project: Project, shop: list[Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(functions, "ROWS_ON_A_PAGE", 2)
    first = page(owner_client, project)
    assert names(first) == ["render", "query"]
    assert 'rel="next"' in first
    assert names(page(owner_client, project, page="2")) == ["view"]
    assert names(page(owner_client, project, page="99")) == ["view"]


def test_the_table_as_a_file(
    owner_client: Client, project: Project, shop: list[Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(functions, "ROWS_ON_A_PAGE", 1)
    response = owner_client.get(address(project, "functions_csv", own="1"))
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == f'attachment; filename="{project.slug}-functions.csv"'
    rows = list(csv.reader(io.StringIO(response.content.decode("utf-8-sig"))))
    assert rows[0] == list(functions.HEADER)
    assert rows[1] == [
        "query", "shop/db.py", "20", "0", "120", "0.285714", "120", "0.285714", "24", "GET /a",
    ]  # fmt: skip
    assert len(rows) == 3


def test_names_in_the_file_are_not_computed(owner_client: Client, project: Project, clock: Clock) -> None:
    strings = ["=1+1", "=2", "@x", "query", "shop/db.py", "render", "db", "SELECT 1", "http"]
    entry = ledgers.endpoint("=cmd()", kind="call", method="", stacks={"sampler": ledgers.stacks(1, 2)})
    Process(project).send(ledgers.document(measured.minute_before(clock, 5), entry, strings=strings))
    settle(clock)
    rows = list(
        csv.reader(
            io.StringIO(owner_client.get(address(project, "functions_csv")).content.decode("utf-8-sig"))
        )
    )
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "@", "+"))]
    assert any("'=cmd()" in row for row in rows)


def test_htmx_asks_for_a_part(owner_client: Client, project: Project, shop: list[Process]) -> None:
    headers = {"hx-request": "true", "hx-target": "scoped"}
    response = owner_client.get(address(project, search="view"), headers=headers)
    html = response.content.decode()
    assert html.lstrip().startswith('<div id="scoped"')
    assert response["HX-Push-Url"].endswith("?search=view")


def test_nothing_found_and_nothing_sampled(
    owner_client: Client, owner: User, project: Project, shop: list[Process]
) -> None:
    assert "No function has this" in page(owner_client, project, search="zzz")
    html = page(owner_client, project, engine="pyinstrument")
    assert "Nothing was sampled here" in html
    empty = factories.project("Empty", owner=owner)
    assert "Nothing was sampled here" in page(owner_client, empty)


def test_hostile_names_are_only_text(owner_client: Client, project: Project, clock: Clock) -> None:
    strings = [HOSTILE, HOSTILE, HOSTILE, "query", "shop/db.py", "render", "db", "SELECT 1", "http"]
    entry = ledgers.endpoint(HOSTILE, stacks={"sampler": ledgers.stacks(1, 2)})
    process = Process(project, version=HOSTILE)
    process.send(ledgers.document(measured.minute_before(clock, 5), entry, strings=strings))
    settle(clock)
    html = page(owner_client, project, version=HOSTILE, search=HOSTILE)
    assert "<script>alert(1)" not in html
    assert "&lt;script&gt;alert(1)" in html


def test_strangers_find_nothing(project: Project) -> None:
    stranger = Client()
    stranger.force_login(factories.user())
    for name in ("functions", "functions_csv"):
        assert stranger.get(address(project, name)).status_code == 404
        assert Client().get(address(project, name)).status_code == 302
