"""The pages of figures: a project, its endpoints, and the list of projects."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from perfplatform import mongo
from profiles.grain import MINUTE
from profiles.models import Ledger
from profiles.models import profile as profile_model
from profiles.queries import ProfileFilters
from profiles.tests import batches, folding, ledgers
from profiles.tests.folding import Clock, Process
from profiles.tests.test_served import SLOW
from projects.models import Deploy, Project, Version
from projects.tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
SCRIPT = "/</script><script>alert(1)</script>"


def text_of(response: Any) -> str:
    assert response.status_code == 200
    return unescape(response.content.decode())


def page_of(project: Project, name: str = "project") -> str:
    return reverse(f"profiles:{name}", args=[project.slug])


def htmx(target: str) -> dict[str, str]:
    return {"HX-Request": "true", "HX-Target": target}


def chart_of(response: Any, name: str) -> dict[str, Any]:
    found = re.search(
        rf'<script id="{name}-data" type="application/json">(.*?)</script>', response.content.decode()
    )
    assert found
    data: dict[str, Any] = json.loads(found[1])
    return data


def routes(response: Any) -> list[str]:
    return re.findall(r'<span class="endpoint">(.*?)</span>', unescape(response.content.decode()))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def measured(project: Project, clock: Clock) -> Project:
    """Two versions, the second in staging too; requests, a task, and what only pyinstrument saw."""
    minute = clock.now.replace(second=0, microsecond=0) - 5 * MINUTE
    for version, environment, query_us in (
        ("1.0", "production", 20_000),
        ("1.1", "production", 40_000),
        ("1.1", "staging", 60_000),
    ):
        process = Process(project, version=version, environment=environment)
        process.send(
            ledgers.document(
                minute,
                ledgers.endpoint("/search", durations=[query_us] * 9, errors=3),
                ledgers.endpoint("/cart", durations=[1_000] * 2, method="POST"),
                ledgers.endpoint("/slowed", durations=[900_000], engine="pyinstrument"),
                ledgers.endpoint("send_mail", durations=[70_000], kind="task", method=""),
            )
        )
    began = clock.now
    folding.settle(clock)
    clock.now = began
    return project


# The page of a project


def test_a_project_without_data_says_what_to_do(owner_client: Client, project: Project) -> None:
    page = text_of(owner_client.get(page_of(project)))
    assert "Nothing has arrived yet" in page
    assert reverse("projects:setup", args=[project.slug]) in page
    # It looks again by itself, and loads no charts for nothing.
    assert reverse("profiles:first_profile", args=[project.slug]) in page
    assert "echarts" not in page


def test_a_project_shows_its_figures(owner_client: Client, measured: Project) -> None:
    response = owner_client.get(page_of(measured))
    page = text_of(response)
    facts = re.findall(r"<dt>(.*?)</dt><dd[^>]*>(.*?)</dd>", page)
    assert dict(facts)["Requests"] == "36"
    assert dict(facts)["Error rate"] == "25.0 %"
    assert "echarts" in page
    # What only pyinstrument saw is counted without a time, so it comes last.
    assert "Times are of 33 of 36: what pyinstrument recorded" in page
    assert routes(response) == ["/search", "/cart", "/slowed"]
    latency = chart_of(response, "latency")
    values = [value for value in latency["lines"][2]["values"] if value is not None]
    assert values == [pytest.approx(60_000, rel=0.011)]
    assert sum(value > 0 for value in chart_of(response, "throughput")["lines"][0]["values"]) == 1
    assert [value for value in chart_of(response, "errors")["lines"][0]["values"] if value] == [0.25]


def test_figures_stand_in_a_table_too(owner_client: Client, measured: Project) -> None:
    page = text_of(owner_client.get(f"{page_of(measured)}?period=1h"))
    table = page[page.index('id="figures-table"') : page.index('id="slowest-endpoints"')]
    cells = re.findall(r'<td class="is-number">(.*?)</td>', table)
    assert cells[:2] == ["36", "36.0"]
    assert cells[5] == "25.0 %"


def test_figures_are_of_what_is_picked(owner_client: Client, measured: Project) -> None:
    for query, count in (
        ("version=1.1", "24"),
        ("environment=staging", "12"),
        ("version=1.0&environment=production", "12"),
        ("kind=task", "3"),
        ("kind=nonsense", "36"),
        ("version=gone", "36"),
    ):
        facts = re.findall(r"<dd[^>]*>(.*?)</dd>", text_of(owner_client.get(f"{page_of(measured)}?{query}")))
        assert facts[0] == count, query
    page = text_of(owner_client.get(f"{page_of(measured)}?version=1.0&environment=staging"))
    assert "Nothing was measured here" in page
    assert f'href="{page_of(measured)}"' in page
    assert "There is no version of this name." in text_of(owner_client.get(f"{page_of(measured)}?version=x"))


def test_a_project_with_tasks_alone_shows_them(owner_client: Client, project: Project, clock: Clock) -> None:
    minute = clock.now.replace(second=0, microsecond=0) - MINUTE
    Process(project).send(ledgers.document(minute, ledgers.endpoint("t", kind="task", method="")))
    folding.settle(clock)
    page = text_of(owner_client.get(page_of(project)))
    assert re.search(r"<dt>Tasks</dt><dd[^>]*>1</dd>", page)


def test_deploys_are_marked(owner_client: Client, measured: Project, clock: Clock) -> None:
    Deploy.objects.all().delete()
    version = Version.objects.get(project=measured, name="1.1")
    for hours, environment in ((2, "production"), (1, "staging"), (30, "production")):
        at = clock.now - timedelta(hours=hours)
        Deploy.objects.create(project=measured, version=version, environment=environment, at=at)
    marks = chart_of(owner_client.get(page_of(measured)), "latency")["marks"]
    assert [(mark["name"], mark["environment"]) for mark in marks] == [
        ("1.1", "production"),
        ("1.1", "staging"),
    ]
    batches.stored_profile(measured)
    staging = chart_of(owner_client.get(f"{page_of(measured)}?environment=staging"), "latency")["marks"]
    assert [mark["environment"] for mark in staging] == ["staging"]


def test_htmx_gets_as_much_of_the_page_as_it_asks_for(owner_client: Client, measured: Project) -> None:
    address = f"{page_of(measured)}?version=1.1&environment=&period=24h&start="
    scoped = owner_client.get(address, headers=htmx("scoped"))
    assert text_of(scoped).strip().startswith('<div id="scoped">')
    assert scoped["HX-Push-Url"] == f"{page_of(measured)}?version=1.1"
    # The tabs lead on in the same scope.
    assert 'id="project-tabs" hx-swap-oob="true"' in text_of(scoped)
    assert f'{page_of(measured, "endpoints")}?version=1.1"' in text_of(scoped)
    figures = owner_client.get(address, headers=htmx("figures"))
    assert text_of(figures).strip().startswith('<div id="figures"')
    # A page that looks again by itself leaves the address and its history alone.
    assert "HX-Push-Url" not in figures
    assert "project-tabs" not in text_of(figures)
    for response in (scoped, figures):
        assert "<html" not in text_of(response)


def test_only_periods_that_end_now_are_looked_at_again(owner_client: Client, measured: Project) -> None:
    again = 'hx-trigger="every 20s"'
    assert again in text_of(owner_client.get(f"{page_of(measured)}?period=6h"))
    past = "start=2026-01-01T00:00&end=2026-01-02T00:00"
    assert again not in text_of(owner_client.get(f"{page_of(measured)}?{past}"))


def test_figures_that_lag_behind_say_so(owner_client: Client, measured: Project, clock: Clock) -> None:
    told = "These figures lag behind by"
    assert told not in text_of(owner_client.get(page_of(measured)))
    minute = clock.now.replace(second=0, microsecond=0) - MINUTE
    Process(measured).send(ledgers.document(minute, ledgers.endpoint("/late")))
    assert told not in text_of(owner_client.get(page_of(measured)))
    late = {"$set": {"received_at": clock.now - 3 * MINUTE}}
    mongo.collection(Ledger).update_many({"unfolded": {"$exists": True}}, late)
    for name in ("project", "endpoints"):
        assert told in text_of(owner_client.get(page_of(measured, name)))


def test_newest_and_slowest_profiles_of_the_scope(owner_client: Client, project: Project) -> None:
    ids = [batches.stored_profile(project, duration_us=1_000 * (n + 1)) for n in range(9)]
    address = page_of(project, "chosen_profiles")
    page = text_of(owner_client.get(address))
    found = re.findall(r'href="/profiles/([0-9a-f]{32})/"', page)
    assert found[:6] == ids[:2:-1]
    assert set(found[6:]) <= set(ids)
    assert "order=slowest" in page
    nothing = text_of(owner_client.get(f"{address}?start=2026-01-01T00:00&end=2026-01-02T00:00"))
    assert nothing.count("There is none in this period") == 2


def test_profiles_that_take_too_long_to_find_are_told(
    owner_client: Client, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches.stored_profile(project)
    monkeypatch.setattr(profile_model, "LIST_TIME_MS", 1)
    monkeypatch.setattr(ProfileFilters, "query", lambda _filters: SLOW)
    page = text_of(owner_client.get(page_of(project, "chosen_profiles")))
    assert page.count("It takes too long to find them.") == 2


# The table of endpoints


def test_endpoints_are_sorted_and_found(owner_client: Client, measured: Project) -> None:
    address = page_of(measured, "endpoints")
    for query, expected in (
        ("", ["/search", "/cart", "/slowed"]),
        ("sort=p95&order=up", ["/cart", "/search", "/slowed"]),
        ("sort=name", ["/cart", "/search", "/slowed"]),
        ("sort=name&order=down", ["/slowed", "/search", "/cart"]),
        ("sort=errors", ["/search", "/cart", "/slowed"]),
        ("sort=nonsense&order=sideways", ["/search", "/cart", "/slowed"]),
        ("search=CAR", ["/cart"]),
        ("search=post", ["/cart"]),
        ("kind=task", ["send_mail"]),
        ("kind=call", []),
    ):
        assert routes(owner_client.get(f"{address}?{query}")) == expected, query
    assert 'aria-sort="descending"' in text_of(owner_client.get(address))
    assert "No endpoint has this in its name" in text_of(owner_client.get(f"{address}?search=zzz"))


def test_endpoints_say_what_was_left_out(owner_client: Client, measured: Project) -> None:
    left_out = "What pyinstrument recorded is slowed down by it"
    assert left_out in text_of(owner_client.get(page_of(measured, "endpoints")))
    assert left_out not in text_of(owner_client.get(f"{page_of(measured, 'endpoints')}?search=cart"))


def test_more_than_a_hundred_endpoints_have_pages(
    owner_client: Client, project: Project, clock: Clock
) -> None:
    minute = clock.now.replace(second=0, microsecond=0) - MINUTE
    entries = [ledgers.endpoint(f"/{number:03d}") for number in range(120)]
    Process(project).send(ledgers.document(minute, *entries))
    folding.settle(clock)
    address = f"{page_of(project, 'endpoints')}?sort=name"
    first, second = owner_client.get(address), owner_client.get(f"{address}&page=2")
    assert routes(first) + routes(second) == [f"/{number:03d}" for number in range(120)]
    assert "101–120 of 120" in text_of(second)
    file = owner_client.get(f"{page_of(project, 'endpoints_csv')}?sort=name&page=2")
    assert len(file.content.decode().splitlines()) == 121


def test_endpoints_as_a_file(owner_client: Client, measured: Project) -> None:
    response = owner_client.get(f"{page_of(measured, 'endpoints_csv')}?version=1.0&sort=count")
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == f'attachment; filename="{measured.slug}-endpoints.csv"'
    rows = list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))
    assert [row["endpoint"] for row in rows] == ["/search", "/cart", "/slowed"]
    search, _cart, slowed = rows
    assert (search["method"], search["count"], search["errors"], search["timed"]) == ("GET", "9", "3", "9")
    assert (search["total_us"], search["error_rate"]) == ("180000", "0.333333")
    assert float(search["p95_us"]) == pytest.approx(20_000, rel=0.011)
    assert float(search["share"]) == pytest.approx(180 / 182, rel=0.001)
    assert (slowed["count"], slowed["timed"], slowed["p95_us"], slowed["total_us"]) == ("1", "0", "", "0")


def test_hostile_names_are_text(owner_client: Client, project: Project, clock: Clock) -> None:
    minute = clock.now.replace(second=0, microsecond=0) - MINUTE
    process = Process(project, version="<b>1</b>", environment='"><i>')
    process.send(ledgers.document(minute, ledgers.endpoint(SCRIPT), ledgers.endpoint("名" * 200)))
    folding.settle(clock)
    for address in (
        page_of(project),
        f"{page_of(project, 'endpoints')}?search={SCRIPT}&sort={SCRIPT}&kind={SCRIPT}",
        f"{page_of(project)}?version={SCRIPT}&environment={SCRIPT}&period={SCRIPT}&start={SCRIPT}",
        reverse("projects:list"),
        f"{reverse('profiles:activity')}?projects={project.pk}",
    ):
        content = owner_client.get(address).content.decode()
        for harm in ("<script>alert", "<b>1", '"><i>'):
            assert harm not in content, (address, harm)
    assert SCRIPT in routes(owner_client.get(page_of(project, "endpoints")))


# The list of projects


def activity(client: Client, *projects: object) -> str:
    asked = ",".join(str(getattr(project, "pk", project)) for project in projects)
    return text_of(client.get(f"{reverse('profiles:activity')}?projects={asked}"))


def test_the_list_tells_how_a_project_fares(owner_client: Client, measured: Project) -> None:
    page = activity(owner_client, measured)
    assert "1.1" in page
    assert "25.0 %" in page
    assert re.search(r'<td class="is-number">6\d\.\d ms</td>', page)
    assert "just now" in page


def test_the_list_tells_of_asked_projects_that_are_ones_own(owner_client: Client, measured: Project) -> None:
    other = factories.project("Secret")
    batches.stored_profile(other)
    owner = measured.created_by
    assert owner
    empty = factories.project("New", owner=owner)
    page = activity(owner_client, measured, other, empty, "nonsense")
    assert re.findall(r'class="row-link" href="[^"]+">(.*?)</a>', page) == ["New", "Shop"]
    assert reverse("projects:setup", args=[empty.slug]) in page
    assert "nothing yet" in page
    assert "<tr>" not in activity(owner_client, "nonsense").split("<tbody>")[1]


def test_the_list_of_a_project_that_fell_silent(
    owner_client: Client, measured: Project, clock: Clock
) -> None:
    Version.objects.filter(project=measured).update(last_seen_at=clock.now - timedelta(days=3))
    page = activity(owner_client, measured).replace("\xa0", " ")
    assert "3 days ago" in page
    assert "Connect an app" not in page
