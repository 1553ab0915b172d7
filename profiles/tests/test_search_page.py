"""Search in a project, over HTTP and on a real database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from perfplatform import mongo
from profiles.models import EndpointName, FunctionSums
from profiles.models import endpoint_name as endpoint_names
from profiles.models import function_sums as sums
from profiles.rollup import EndpointKey
from profiles.scope import Scope
from profiles.tests import ledgers, measured
from profiles.tests.folding import Clock, Process, settle
from projects.models import Project, Version
from projects.tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.long]

JSON = {"Accept": "application/json"}
HOSTILE = '"><script>alert(1)</script>'


def address(project: Project) -> str:
    return reverse("profiles:search", args=[project.slug])


def found(client: Client, project: Project, text: str) -> dict[str, list[dict[str, str]]]:
    response = client.get(address(project), {"q": text}, headers=JSON)
    assert response.status_code == 200
    groups: list[dict[str, Any]] = response.json()["groups"]
    return {group["kind"]: group["hits"] for group in groups}


@pytest.fixture
def shop(project: Project) -> list[Process]:
    return measured.shop(project, Clock())


def test_endpoints_functions_and_versions_are_found(
    owner_client: Client, project: Project, shop: list[Process]
) -> None:
    everything = found(owner_client, project, "s")
    assert [hit["name"] for hit in everything["endpoints"]] == ["/slow", "mail.send"]
    assert [hit["prefix"] for hit in everything["endpoints"]] == ["GET", "task"]
    # By name or file; one's own code stands before libraries.
    assert [hit["name"] for hit in everything["functions"]] == ["query", "view", "render"]
    assert everything["functions"][0]["detail"] == "shop/db.py:20"
    assert "versions" not in everything
    assert [hit["name"] for hit in found(owner_client, project, "2")["versions"]] == ["2"]
    assert [hit["name"] for hit in found(owner_client, project, "get /sl")["endpoints"]] == ["/slow"]
    assert [hit["name"] for hit in found(owner_client, project, "db.py QU")["functions"]] == ["query"]
    assert found(owner_client, project, "zzz") == {}


def test_what_is_found_leads_to_its_page(owner_client: Client, project: Project, shop: list[Process]) -> None:
    hits = [hit for text in ("/slow", "mail", "render", "2") for hit in _all(owner_client, project, text)]
    assert len(hits) == 4
    for hit in hits:
        page = unescape(owner_client.get(hit["url"]).content.decode())
        assert hit["name"] in page
        assert "Nothing was measured" not in page
        assert "No function has this" not in page


def _all(client: Client, project: Project, text: str) -> list[dict[str, str]]:
    return [hit for hits in found(client, project, text).values() for hit in hits]


def test_what_was_seen_long_ago_is_shown_in_a_longer_period(owner_client: Client, project: Project) -> None:
    at = datetime.now(UTC) - timedelta(days=3)
    version = Version.objects.announce(project, name="old")
    Version.objects.filter(pk=version.pk).update(last_seen_at=at)
    scope = Scope(project.pk, version.pk, "old", "production")
    EndpointName.objects.admit(scope, [EndpointKey("request", "GET", "/old")], minute=at)
    hits = _all(owner_client, project, "old")
    assert [hit["url"].rpartition("period=")[2] for hit in hits] == ["7d", "7d"]


def test_endpoints_are_those_of_the_newest_versions(owner_client: Client, project: Project) -> None:
    now = datetime.now(UTC)
    for number in range(7):
        version = Version.objects.announce(project, name=f"v{number}")
        Version.objects.filter(pk=version.pk).update(last_seen_at=now - timedelta(hours=number))
        scope = Scope(project.pk, version.pk, version.name, "production")
        keys = [EndpointKey("request", "GET", f"/of-{number}"), EndpointKey("request", "GET", "/of-all")]
        EndpointName.objects.admit(scope, keys, minute=now)
    names = [hit["name"] for hit in found(owner_client, project, "/of")["endpoints"]]
    assert sorted(names) == ["/of-0", "/of-1", "/of-2", "/of-3", "/of-4", "/of-all"]


def test_at_most_twenty_of_each_kind(owner_client: Client, project: Project) -> None:
    version = Version.objects.announce(project, name="1")
    scope = Scope(project.pk, version.pk, "1", "production")
    keys = [EndpointKey("request", "GET", f"/a/{number:02}") for number in range(30)]
    EndpointName.objects.admit(scope, keys, minute=datetime.now(UTC))
    assert len(found(owner_client, project, "/a")["endpoints"]) == 20


def test_every_read_is_of_an_index(project: Project, shop: list[Process]) -> None:
    ids = list(Version.objects.newest(project.pk).values())
    command = {
        "aggregate": EndpointName._meta.db_table,
        "pipeline": endpoint_names.named_stages(ids, ["a"]),
        "cursor": {},
        "hint": endpoint_names.OF_VERSION,
    }
    assert "COLLSCAN" not in str(mongo.database().command("explain", command))
    query = sums.newest_query(project.pk, ids, now=datetime.now(UTC))
    plan = mongo.collection(FunctionSums).find(query).explain()["queryPlanner"]["winningPlan"]
    assert "COLLSCAN" not in str(plan)
    assert "function_sums_of_scope" in str(plan)


def test_hostile_names_are_only_text(owner_client: Client, project: Project) -> None:
    strings = [HOSTILE, HOSTILE, HOSTILE, "query", "shop/db.py", "render", "db", "SELECT 1", "http"]
    entry = ledgers.endpoint(HOSTILE, stacks={"sampler": ledgers.stacks(1, 2)})
    clock = Clock()
    process = Process(project, version=HOSTILE)
    process.send(ledgers.document(measured.minute_before(clock, 5), entry, strings=strings))
    settle(clock)
    assert set(found(owner_client, project, "<script>")) == {"endpoints", "functions", "versions"}
    html = owner_client.get(address(project), {"q": HOSTILE}).content.decode()
    assert "<script>alert(1)" not in html
    assert html.count("&lt;script&gt;alert(1)") > 3


@pytest.mark.parametrize("text", ["", " ", "\x00", "(", "[", "\\", "*" * 500, "a " * 100, "名" * 200])
def test_nothing_that_is_asked_does_harm(owner_client: Client, project: Project, text: str) -> None:
    assert owner_client.get(address(project), {"q": text}, headers=JSON).status_code == 200
    assert owner_client.get(address(project), {"q": text}).status_code == 200


def test_strangers_find_nothing(project: Project) -> None:
    stranger = Client()
    stranger.force_login(factories.user())
    assert stranger.get(address(project), {"q": "a"}).status_code == 404
    assert Client().get(address(project), {"q": "a"}).status_code == 302
