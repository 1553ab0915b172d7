"""Comparing versions: what is read, the REST API and the page."""

from __future__ import annotations

import random
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from bson import ObjectId
from django.test import Client
from django.urls import reverse
from pymongo.errors import AutoReconnect

from profiles import histogram
from profiles.grain import MINUTE, Grain
from profiles.models import Instance, Rollup
from profiles.rollup import EndpointKey
from profiles.sides import usual
from profiles.tests import folding, ledgers
from profiles.tests.folding import Clock, Process
from profiles.trends import Period
from projects.deploys import Arrival
from projects.models import Project, Version
from projects.tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
SCRIPT = "/</script><script>alert(1)</script>"
A, B, C = ObjectId(), ObjectId(), ObjectId()


def durations(seed: int, median_us: float, count: int = 30) -> list[int]:
    draw = random.Random(seed)
    return [round(median_us * draw.lognormvariate(0, 0.3)) for _ in range(count)]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def released(project: Project, clock: Clock) -> Project:
    """1.1 came after 1.0; one endpoint is slower, one faster, one the same, one new and one gone."""
    for version, slow_us, fast_us, only in (
        ("1.0", 50_000, 90_000, "/old"),
        ("1.1", 110_000, 30_000, SCRIPT),
    ):
        process = Process(project, version=version)
        for ago in range(2, 8):
            minute = clock.now.replace(second=0, microsecond=0) - ago * MINUTE
            process.send(
                ledgers.document(
                    minute,
                    ledgers.endpoint("/slow", durations=durations(ago, slow_us)),
                    ledgers.endpoint("/fast", durations=durations(ago + 50, fast_us)),
                    ledgers.endpoint("/same", durations=durations(ago + 90, 20_000) * 3),
                    ledgers.endpoint(only, durations=[7_000], errors=1),
                )
            )
    began = clock.now
    folding.settle(clock)
    clock.now = began
    return project


def page_of(project: Project, query: str = "") -> str:
    return f"{reverse('profiles:compare', args=[project.slug])}{query}"


def api_of(project: Project, query: str = "?base=1.0&head=1.1", *, functions: bool = False) -> str:
    name = "api-compare-functions" if functions else "api-compare"
    return f"{reverse(name, args=[project.pk])}{query}"


def text_of(response: Any) -> str:
    assert response.status_code == 200
    return unescape(response.content.decode())


# Which versions


def test_the_version_before_is_what_was_deployed_before_in_the_same_environment() -> None:
    arrivals = [Arrival(B, "production"), Arrival(C, "staging"), Arrival(A, "production")]
    assert usual(arrivals, head=None, environment=None) == (A, B, "production")
    assert usual(arrivals, head=None, environment="staging") == (None, C, "staging")
    assert usual(arrivals, head=A, environment=None) == (None, A, "production")
    assert usual([], head=None, environment=None) == (None, None, None)
    # Where nothing was before it, there is nothing to compare it with.
    also_staged = [Arrival(B, "staging"), *arrivals[0:1], *arrivals[2:]]
    assert usual(also_staged, head=None, environment=None) == (A, B, "production")
    assert usual(arrivals, head=ObjectId(), environment=None).base is None


def test_after_a_rollback_the_version_before_is_what_was_rolled_back() -> None:
    rolled_back = [Arrival(A, "production"), Arrival(B, "production"), Arrival(A, "production")]
    assert usual(rolled_back, head=None, environment=None) == (B, A, "production")
    # Deployed twice in a row, it is not compared with itself.
    assert usual([Arrival(B, "p"), Arrival(B, "p"), Arrival(A, "p")], head=None, environment=None)[:2] == (
        A,
        B,
    )


# The REST API


def test_a_comparison_says_what_changed_and_why(owner: Any, released: Project) -> None:
    response = factories.api_client(owner).get(api_of(released))
    assert response.status_code == 200, response.content
    data = response.json()["data"]
    assert data["verdict"] == "regressed"
    assert data["base"]["version"] == "1.0"
    assert data["head"]["count"] == data["base"]["count"] == 6 * (30 + 30 + 90 + 1)
    verdicts = {item["route"]: item["verdict"] for item in data["items"]}
    assert verdicts == {"/slow": "regressed", "/fast": "improved", "/same": "unchanged"}
    slow = data["items"][0]
    assert slow["route"] == "/slow"
    assert slow["reasons"][0]["type"] == "location"
    assert slow["change"]["ratio"] == pytest.approx(2.2, rel=0.03)
    assert slow["change"]["lowest"] < slow["change"]["ratio"] < slow["change"]["highest"]
    assert slow["base"]["count"] == 180
    assert slow["base"]["per_minute"] > 0
    assert [item["route"] for item in data["vanished"]] == ["/old"]
    assert [item["route"] for item in data["new"]] == [SCRIPT]
    assert data["tally"] == {"regressed": 1, "improved": 1, "inconclusive": 0, "unchanged": 1}
    assert data["totals"]["share"] == pytest.approx(150 / 151)


def test_without_a_base_it_is_the_version_before(owner: Any, released: Project) -> None:
    client = factories.api_client(owner)
    assert client.get(api_of(released, "?head=1.1")).json()["data"]["base"]["version"] == "1.0"
    refused = client.get(api_of(released, "?head=1.0"))
    assert refused.status_code == 400
    assert refused.json()["code"] == 10001
    assert "base" in refused.json()["msg"]


def test_pages_of_rows_and_bad_parameters(owner: Any, released: Project) -> None:
    client = factories.api_client(owner)
    second = client.get(api_of(released, "?base=1.0&head=1.1&page=2&page_size=2")).json()["data"]
    assert [item["route"] for item in second["items"]] == ["/same"]
    assert second["pagination"]["total"] == 3
    for query in ("", "?base=1.0", "?base=9&head=1.1", "?base=1.0&head=9", "?base=1.0&head=1.1&period=x"):
        refused = client.get(api_of(released, query))
        assert (refused.status_code, refused.json()["code"]) == (400, 10001), query


def test_nothing_measured_is_inconclusive(owner: Any, released: Project) -> None:
    data = (
        factories.api_client(owner)
        .get(api_of(released, "?base=1.0&head=1.1&environment=moon"))
        .json()["data"]
    )
    assert data["verdict"] == "inconclusive"
    assert data["items"] == []


def test_a_version_is_compared_with_itself_elsewhere(owner: Any, released: Project) -> None:
    query = "?base=1.0&head=1.0&environment=production&base_environment=staging"
    data = factories.api_client(owner).get(api_of(released, query)).json()["data"]
    assert data["base"]["environment"] == "staging"
    assert data["head"]["environment"] == "production"
    assert (data["base"]["count"], len(data["new"])) == (0, 4)


def test_a_deploy_token_compares_its_own_project_alone(released: Project) -> None:
    client = factories.bearer(factories.deploy_token(released))
    elsewhere = factories.project("Other")
    for functions in (False, True):
        query = "?base=1.0&head=1.1" + ("&kind=request&method=GET&route=/slow" if functions else "")
        assert client.get(api_of(released, query, functions=functions)).status_code == 200
        other = client.get(api_of(elsewhere, query, functions=functions))
        assert (other.status_code, other.json()["code"]) == (404, 20001)
        wrong = factories.bearer(factories.project_key(released)).get(
            api_of(released, query, functions=functions)
        )
        assert (wrong.status_code, wrong.json()["code"]) == (403, 10003)


def test_an_old_version_is_looked_at_when_it_was_there(owner: Any, released: Project, clock: Clock) -> None:
    """A day after its last request its own last hour is taken, not the one up to now."""
    Version.objects.filter(project=released).update(last_seen_at=clock.now - timedelta(days=1))
    client = factories.api_client(owner)
    old = client.get(api_of(released, "?base=1.0&head=1.1&period=1h")).json()["data"]
    assert old["base"]["count"] == 0
    assert old["base"]["period"]["end"] < old["base"]["period"]["start"].replace("T", "T9")
    Version.objects.filter(project=released, name="1.0").update(last_seen_at=clock.now)
    assert client.get(api_of(released, "?base=1.0&head=1.1&period=1h")).json()["data"]["base"]["count"]


def test_functions_of_an_endpoint_without_profiles(owner: Any, released: Project) -> None:
    query = "?base=1.0&head=1.1&kind=request&method=GET&route=/slow"
    data = factories.api_client(owner).get(api_of(released, query, functions=True)).json()["data"]
    assert (data["base_profiles"], data["items"]) == (0, [])
    assert factories.api_client(owner).get(api_of(released, functions=True)).status_code == 400


def test_a_database_that_is_away_is_told(
    owner: Any, released: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_arguments: object, **_options: object) -> None:
        raise AutoReconnect("connection closed")

    monkeypatch.setattr(type(Rollup.objects), "timed", away)
    response = factories.api_client(owner).get(api_of(released))
    assert (response.status_code, response.json()["code"]) == (503, 10005)


# What is read


def test_what_a_precise_profiler_slowed_is_counted_without_its_times(project: Project, clock: Clock) -> None:
    minute = clock.now.replace(second=0, microsecond=0) - 2 * MINUTE
    Process(project, version="1").send(
        ledgers.document(
            minute, ledgers.endpoint("/a", durations=[900_000] * 3, engine="pyinstrument", errors=2)
        ),
        ledgers.document(minute + MINUTE, ledgers.endpoint("/a", durations=[1_000] * 5)),
    )
    began = clock.now
    folding.settle(clock)
    version = Version.objects.get(project=project)
    period = Period(Grain.MINUTE, began - timedelta(hours=1), began)
    table = Rollup.objects.timed(project.pk, period=period, version_id=version.pk)
    [(endpoint, timed)] = table.endpoints.items()
    assert endpoint == EndpointKey("request", "GET", "/a")
    assert (timed.count, timed.side.errors, timed.side.durations.count) == (8, 2, 5)
    assert len(timed.parts) == 2
    assert not Rollup.objects.timed(
        project.pk, period=period, version_id=version.pk, environment="staging"
    ).endpoints


def test_minutes_are_the_newest_of_the_endpoint(released: Project, clock: Clock) -> None:
    version = Version.objects.get(project=released, name="1.0")
    period = Period(Grain.HOUR, clock.now - timedelta(hours=1), clock.now)
    found = Rollup.objects.newest_minutes(
        released.pk, EndpointKey("request", "GET", "/slow"), version_id=version.pk, period=period, most=4
    )
    assert [histogram.total(lanes) for lanes in found] == [30] * 4


def test_other_pythons_are_told(owner: Any, released: Project) -> None:
    assert Instance.objects.pythons(released.pk, "1.0") == {"3.11"}
    assert Instance.objects.pythons(released.pk, "1.0", "moon") == set()
    Instance.objects.filter(version_name="1.1").update(python="3.13.2")
    data = factories.api_client(owner).get(api_of(released)).json()["data"]
    assert "python" in [warning["type"] for warning in data["warnings"]]


# The page


def test_the_page_takes_the_newest_version_and_the_one_before(
    owner_client: Client, released: Project
) -> None:
    page = text_of(owner_client.get(page_of(released)))
    assert '<option value="1.0" selected>1.0</option>' in page
    assert '<option value="1.1" selected>1.1</option>' in page
    assert page.index("regressed") < page.index("/slow") < page.index("/same")
    assert "The median went from" in page
    assert "n = 906 before, 906 after" in page
    assert "New endpoints" in page
    assert "Endpoints that are gone" in page
    assert SCRIPT not in owner_client.get(page_of(released)).content.decode()


def test_the_page_of_an_endpoint_says_what_of_its_functions(owner_client: Client, released: Project) -> None:
    page = text_of(
        owner_client.get(page_of(released, "?base=1.0&head=1.1&kind=request&method=GET&route=/slow"))
    )
    assert "There are no profiles to compare" in page
    assert "All endpoints" in page


def test_bad_names_are_told_and_left_out(owner_client: Client, released: Project) -> None:
    page = text_of(owner_client.get(page_of(released, "?base=nine&head=1.1&environment=moon")))
    assert "There is no version of this name." in page
    assert "Nothing has come from this environment." in page
    assert "The median went from" in page


def test_a_project_with_one_version_says_what_is_missing(
    owner_client: Client, project: Project, clock: Clock
) -> None:
    assert "There is nothing to compare yet" in text_of(owner_client.get(page_of(project)))
    Process(project, version="1").send(ledgers.document(clock.now.replace(second=0, microsecond=0) - MINUTE))
    assert "There is nothing to compare yet" in text_of(owner_client.get(page_of(project)))


def test_versions_without_requests_in_the_period_say_so(owner_client: Client, released: Project) -> None:
    query = "?base=1.0&head=1.1&start=2026-01-01T00:00&end=2026-01-02T00:00"
    assert "Nothing was measured here" in text_of(owner_client.get(page_of(released, query)))


def test_the_page_speaks_the_readers_language(owner_client: Client, released: Project) -> None:
    owner_client.cookies["perfplatform_language"] = "zh-hans"
    assert owner_client.get(page_of(released)).status_code == 200


def test_htmx_gets_the_part_it_asks_for(owner_client: Client, released: Project) -> None:
    headers = {"HX-Request": "true", "HX-Target": "scoped"}
    response = owner_client.get(page_of(released, "?base=1.0&head=1.1"), headers=headers)
    assert "<html" not in text_of(response)
    assert "base=1.0" in response["HX-Push-Url"]


def test_the_projects_page_has_a_line_on_the_newest_version(owner_client: Client, released: Project) -> None:
    address = reverse("profiles:latest_verdict", args=[released.slug])
    assert address in text_of(owner_client.get(reverse("profiles:project", args=[released.slug])))
    line = text_of(owner_client.get(address))
    assert "1.1 as against 1.0" in line
    assert "<html" not in line
    assert reverse("profiles:compare", args=[released.slug]) in line
