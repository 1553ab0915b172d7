"""The page of one endpoint, over HTTP and on a real database."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse

from profiles.models import TreeBlob
from profiles.models import profile as profile_model
from profiles.queries import ProfileFilters
from profiles.tests import batches, ledgers, measured
from profiles.tests.folding import Clock, Process, settle
from profiles.tests.test_served import SLOW
from projects.models import Project
from projects.tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.long]

HOSTILE = '"><script>alert(1)</script>'
A = {"kind": "request", "method": "GET", "route": "/a"}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def shop(project: Project, clock: Clock) -> list[Process]:
    return measured.shop(project, clock)


def address(project: Project, name: str = "endpoint", **query: str) -> str:
    return f"{reverse(f'profiles:{name}', args=[project.slug])}?{urlencode(query)}"


def page(client: Client, project: Project, **query: str) -> str:
    response = client.get(address(project, **{**A, **query}))
    assert response.status_code == 200
    return response.content.decode()


def text(html: str) -> str:
    """What a person reads."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_the_page_shows_figures_distribution_and_tree(
    owner_client: Client, project: Project, shop: list[Process]
) -> None:
    html = page(owner_client, project, period="6h", version="2", environment="production")
    shown = text(html)
    assert "Count 20 " in shown
    assert re.search(r"Median \(p50\) (49|50)\.\d ms", shown)
    assert "Database calls of each 0.4 6 µs in them" in shown
    # Five of each of four minutes are in one bar, with room around it.
    assert html.count('<rect class="bar-') == 15
    assert "20 100 % 100 %" in shown
    assert '"calltree-data"' in html
    assert "All 24 samples of all calls" in shown
    assert "render" in shown


def test_all_versions_are_shown_where_none_is_chosen(
    owner_client: Client, project: Project, shop: list[Process]
) -> None:
    shown = text(page(owner_client, project))
    assert f"Count {sum(map(len, measured.DURATIONS.values())) * 4} " in shown
    assert "All 72 samples" in shown


def test_figures_are_compared_with_those_before(owner_client: Client, project: Project, clock: Clock) -> None:
    process = Process(project)
    for ago, us in ((10, 20_000), (90, 10_000)):
        entry = ledgers.endpoint("/a", durations=[us] * 40, errors=ago // 10)
        process.send(ledgers.document(measured.minute_before(clock, ago), entry))
    began = clock.now
    settle(clock)
    clock.now = began
    shown = text(page(owner_client, project, period="1h"))
    assert re.search(r"Median \(p50\) (20|19)\.?\d* ms \+\d+ % before: (10|9)\.\d+ ms", shown), shown
    assert re.search(r"Error rate 2\.5 % −89 % before: 22\.5 %", shown), shown


def test_a_refresh_asks_for_figures_alone(
    owner_client: Client, project: Project, shop: list[Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TreeBlob.objects, "merged", lambda *_a, **_o: pytest.fail("the tree is read again"))
    response = owner_client.get(address(project, **A), headers={"hx-request": "true", "hx-target": "figures"})
    html = response.content.decode()
    assert response.status_code == 200
    assert html.lstrip().startswith('<div id="figures"')
    assert "calltree-data" not in html


def test_engines_can_be_chosen_where_there_are_several(
    owner_client: Client, project: Project, clock: Clock
) -> None:
    stacks = {"sampler": ledgers.stacks(10, 20), "pyinstrument": ledgers.stacks(1_000, 20)}
    entry = ledgers.endpoint("/a", stacks=stacks)
    Process(project).send(ledgers.document(measured.minute_before(clock, 5), entry))
    settle(clock)
    html = page(owner_client, project)
    assert "engine=pyinstrument" in html
    assert "compare shares" not in html
    precise = page(owner_client, project, engine="pyinstrument")
    assert "compare shares, not times" in precise
    # What was chosen stays when another period is.
    assert re.search(r'href="[^"]*engine=pyinstrument[^"]*period=7d', precise)
    assert "compare shares" not in page(owner_client, project, engine="perf")


def test_downloads_are_of_what_is_shown(owner_client: Client, project: Project, shop: list[Process]) -> None:
    html = page(owner_client, project, version="2", environment="staging", period="7d").replace("&amp;", "&")
    links = re.findall(r'href="(/api/v1/projects/[^"]+/tree/[^"]+)"', html)
    assert len(links) == 3
    [folded] = [link for link in links if "/folded/" in link]
    content = owner_client.get(folded).getvalue().decode()
    assert "view (shop/views.py:10) 20" in content.splitlines()
    start = measured.minute_before(Clock(), 60 * 5).strftime("%Y-%m-%dT%H:%M:%SZ")
    custom = page(owner_client, project, start=start).replace("&amp;", "&")
    [folded] = re.findall(r'href="(/api/v1/projects/[^"]+/tree/folded/[^"]+)"', custom)
    assert owner_client.get(folded).status_code == 200


def test_nothing_in_this_period(owner_client: Client, project: Project) -> None:
    html = page(owner_client, project, route="/nowhere")
    assert "Nothing was measured here" in html
    assert "calltree-data" not in html
    assert "Last 30 days" in html


def test_nothing_sampled(owner_client: Client, project: Project, clock: Clock) -> None:
    Process(project).send(
        ledgers.document(measured.minute_before(clock, 5), ledgers.endpoint("/a", engine="none"))
    )
    settle(clock)
    html = page(owner_client, project)
    assert "Nothing was sampled yet" in html
    assert "calltree-data" not in html


@pytest.mark.parametrize("query", [{}, {"kind": "request"}, {"kind": "job", "route": "/a"}, {"route": "/a"}])
def test_an_address_of_no_endpoint_leads_to_all(
    owner_client: Client, project: Project, query: dict[str, str]
) -> None:
    for name in ("endpoint", "endpoint_profiles"):
        response = owner_client.get(address(project, name, **query))
        assert (response.status_code, response["Location"]) == (
            302,
            reverse("profiles:endpoints", args=[project.slug]),
        )


def test_nonsense_in_the_address_is_told(owner_client: Client, project: Project, shop: list[Process]) -> None:
    shown = text(page(owner_client, project, version="9.9", period="3y", start="yesterday"))
    assert "There is no version of this name." in shown
    assert "Count 36 " in shown


def test_hostile_names_are_only_text(owner_client: Client, project: Project, clock: Clock) -> None:
    process = Process(project, version=HOSTILE, environment="p<b>")
    strings = [HOSTILE, HOSTILE, HOSTILE, "query", "shop/db.py", "render", "db", "SELECT 1", "http"]
    entry = ledgers.endpoint(HOSTILE, method="GET", stacks={"sampler": ledgers.stacks(1, 2)})
    process.send(ledgers.document(measured.minute_before(clock, 5), entry, strings=strings))
    settle(clock)
    html = page(owner_client, project, route=HOSTILE, version=HOSTILE)
    assert "<script>alert(1)" not in html
    assert "&lt;script&gt;alert(1)" in html
    assert "<b>" not in html


# Profiles


def test_the_newest_and_slowest_profiles_of_the_endpoint(owner_client: Client, project: Project) -> None:
    wanted = batches.stored_profile(project, endpoint="/a", method="GET", duration_us=7_000_000)
    others = [
        batches.stored_profile(project, endpoint="/a", method="POST"),
        batches.stored_profile(project, endpoint="/b", method="GET"),
    ]
    html = owner_client.get(address(project, "endpoint_profiles", **A)).content.decode()
    assert html.count(f"/profiles/{wanted}/") == 2
    assert not any(other in html for other in others)
    assert "endpoint=%2Fa" in html


def test_profiles_that_take_too_long_to_find(
    owner_client: Client, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches.stored_profile(project, endpoint="/a", method="GET")
    monkeypatch.setattr(profile_model, "LIST_TIME_MS", 1)
    monkeypatch.setattr(ProfileFilters, "query", lambda _filters: SLOW)
    response = owner_client.get(address(project, "endpoint_profiles", **A))
    assert response.status_code == 200
    assert "takes too long" in response.content.decode()


# Who


def test_strangers_find_nothing(project: Project) -> None:
    stranger = Client()
    stranger.force_login(factories.user())
    for name in ("endpoint", "endpoint_profiles"):
        assert stranger.get(address(project, name, **A)).status_code == 404
        assert Client().get(address(project, name, **A)).status_code == 302
