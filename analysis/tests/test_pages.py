"""Findings on pages and over the REST API, over HTTP and on a real database."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from analysis import models
from analysis.identity import Identity
from analysis.models import Decision
from profiles.models import SessionBlob
from profiles.tests import batches, ledgers, measured
from profiles.tests.folding import Clock, Process, settle
from profiles.tests.recorded import batch, library, own, profile
from projects.models import Project, Version
from projects.tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.long]

HTMX = {"HX-Request": "true"}
VIEW = own("list_products", "shop/views.py:31")
SLEEP = "sleep\0<built-in>\x000"
COPY = library("deepcopy", "copy.py:128")
SLOW = [((VIEW, SLEEP), 0.06), *([((VIEW, COPY), 0.002)] * 10), *([((VIEW,), 0.002)] * 10)]
PRODUCTS = Identity("sleep", "request", "GET", "/products", "list_products", "shop/views.py")
A = {"kind": "request", "method": "GET", "route": "/a"}


def store(project: Project, *, version: str = "1.0", **fields: Any) -> str:
    item = profile(SLOW, **fields)
    outcome = batches.store(project, batch([item], version=version))
    assert outcome.rejected == []
    return str(item["id"])


def text(response: Any) -> str:
    """What a person reads."""
    assert response.status_code == 200, response.content[:300]
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", response.content.decode())))


def findings_of(client: Client, profile_id: str, *, htmx: bool = True) -> Any:
    address = reverse("analysis:profile_findings", args=[profile_id])
    return client.get(address, headers=HTMX if htmx else {})


def decide(client: Client, project: Project, identity: Identity = PRODUCTS, **said: str) -> Any:
    return client.post(reverse("analysis:decide", args=[project.slug]), {"id": str(identity), **said})


# Of a profile


def test_findings_stand_beside_the_call_tree(owner_client: Client, project: Project) -> None:
    profile_id = store(project)
    page = owner_client.get(reverse("profiles:detail", args=[profile_id])).content.decode()
    assert f'hx-get="{reverse("analysis:profile_findings", args=[profile_id])}"' in page
    shown = text(findings_of(owner_client, profile_id))
    assert "Sleeping during a request" in shown
    assert "list_products sleeps for 60.0 % of the time (60.0 ms)." in shown
    assert "Deep copies" in shown
    assert shown.index("Sleeping") < shown.index("Deep copies")
    assert "2 faults" in shown
    assert "No queries or calls were counted here" in shown


def test_a_finding_leads_to_its_node_in_the_tree(owner_client: Client, project: Project) -> None:
    html = findings_of(owner_client, store(project)).content.decode()
    # The recording: list_products, then sleep as its heaviest child, then deepcopy.
    assert re.findall(r'data-finding-node="(\d+)"', html) == ["1", "2"]


def test_without_a_script_findings_are_a_page(owner_client: Client, project: Project) -> None:
    profile_id = store(project)
    html = findings_of(owner_client, profile_id, htmx=False).content.decode()
    assert "<main" in html
    assert reverse("profiles:detail", args=[profile_id]) in html
    assert "<main" not in findings_of(owner_client, profile_id).content.decode()


def test_repeated_queries_are_told_with_their_count(owner_client: Client, project: Project) -> None:
    caller = {"function": "list_products", "file": "shop/views.py", "line": 31}
    counter = {"type": "db", "caller": caller, "fingerprint": "SELECT ?", "count": 412, "total_us": 30_000}
    shown = text(findings_of(owner_client, store(project, counters=[counter])))
    assert "list_products runs 412 queries in one request" in shown
    assert "No queries or calls were counted" not in shown


def test_names_are_data_and_no_markup(owner_client: Client, project: Project) -> None:
    hostile = own("<img src=x onerror=alert(1)>%(share)s", "shop/views.py:31")
    item = profile([((hostile, SLEEP), 0.06)])
    batches.store(project, batch([item]))
    html = findings_of(owner_client, item["id"]).content.decode()
    assert "<img" not in html
    assert "%(share)s sleeps for 100 %" in unescape(html)


def test_a_recording_that_is_gone_has_no_findings(owner_client: Client, project: Project) -> None:
    profile_id = store(project)
    SessionBlob.objects.all().delete()
    assert findings_of(owner_client, profile_id).status_code == 404
    assert findings_of(owner_client, "0" * 32).status_code == 404


def test_the_prompt_is_shown_before_anybody_takes_it(owner_client: Client, project: Project) -> None:
    profile_id = store(project)
    address = reverse("analysis:profile_prompt", args=[profile_id])
    assert address in findings_of(owner_client, profile_id).content.decode()
    shown = unescape(owner_client.get(address).content.decode())
    assert "Endpoint: request GET /products" in shown
    assert "1|sleep|<built-in>" in shown
    assert "web-1" not in shown
    assert "/srv/shop" not in shown
    assert 'data-copy="prompt-text"' in owner_client.get(address, headers=HTMX).content.decode()


# What is decided


def test_editors_decide_and_everybody_sees_it(owner_client: Client, project: Project) -> None:
    profile_id = store(project)
    response = decide(owner_client, project, status="accepted", next=f"/profiles/{profile_id}/")
    assert response.headers["Location"] == f"/profiles/{profile_id}/"
    viewer = Client()
    viewer.force_login(factories.member(project, "viewer"))
    html = findings_of(viewer, profile_id).content.decode()
    assert '<span class="chip">accepted</span>' in html
    assert "<form" not in html


def test_a_decision_holds_in_every_version(owner_client: Client, project: Project) -> None:
    decide(owner_client, project, status="ignored")
    for version in ("1.0", "2.0"):
        assert "ignored" in text(findings_of(owner_client, store(project, version=version)))


def test_what_was_fixed_and_returns_is_open_again(owner_client: Client, project: Project) -> None:
    old = store(project, version="1.0")
    Version.objects.filter(name="1.0").update(first_seen_at=timezone.now() - timedelta(days=2))
    fixed = store(project, version="1.1")
    Version.objects.filter(name="1.1").update(first_seen_at=timezone.now() - timedelta(days=1))
    newest = store(project, version="1.2")
    decide(owner_client, project, status="fixed", fixed_in="1.1")
    # Before the fix it may be there.
    assert "fixed · 1.1" in text(findings_of(owner_client, old))
    assert Decision.objects.get().status == "fixed"
    again = text(findings_of(owner_client, newest))
    assert "It was marked as fixed in 1.1 and was found again in 1.2." in again
    decision = Decision.objects.get()
    assert (decision.status, decision.reopened_in, decision.changed_by) == ("open", "1.2", "")
    # In the version of the fix it must not be either.
    decide(owner_client, project, status="fixed", fixed_in="1.1")
    assert "found again in 1.1." in text(findings_of(owner_client, fixed))


def test_a_fix_in_a_version_to_come_waits_for_it(owner_client: Client, project: Project) -> None:
    known = store(project, version="1.0")
    decide(owner_client, project, status="fixed", fixed_in="1.1")
    assert "fixed · 1.1" in text(findings_of(owner_client, known))
    assert "found again in 1.1." in text(findings_of(owner_client, store(project, version="1.1")))


def test_somebody_who_decided_meanwhile_goes_first(owner_client: Client, project: Project) -> None:
    store(project, version="1.0")
    decide(owner_client, project, status="fixed", fixed_in="1.0")
    seen = Decision.objects.about(project.pk, [PRODUCTS.key])[PRODUCTS.key]
    decide(owner_client, project, status="ignored")
    assert Decision.objects.reopen(seen, version="1.0", now=timezone.now()).status == "ignored"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"status": "perhaps"}, "Choose one of the statuses."),
        ({"status": "fixed"}, "Name the version that has the fix."),
        ({"status": "open", "id": "nonsense"}, "There is no such finding."),
        (
            {"status": "open", "id": str(Identity("nose", "request", "GET", "/a", "f", "a.py"))},
            "no such finding",
        ),
    ],
)
def test_what_cannot_be_decided_is_said(
    owner_client: Client, project: Project, said: dict[str, str], told: str
) -> None:
    response = owner_client.post(
        reverse("analysis:decide", args=[project.slug]), {"id": str(PRODUCTS), **said}
    )
    assert response.status_code == 422
    assert told in unescape(response.content.decode())
    assert not Decision.objects.exists()


def test_nobody_is_sent_elsewhere(owner_client: Client, project: Project) -> None:
    response = decide(owner_client, project, status="open", next="https://evil.example/")
    assert response.headers["Location"] == reverse("analysis:findings", args=[project.slug])


def test_decisions_come_to_an_end(
    owner_client: Client, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "MOST_OF_PROJECT", 1)
    decide(owner_client, project, status="accepted")
    decide(owner_client, project, status="ignored")
    decide(owner_client, project, Identity("sleep", "request", "GET", "/b", "f", "a.py"), status="accepted")
    assert [decision.status for decision in Decision.objects.all()] == ["ignored"]
    assert Decision.objects.get().expires_at > timezone.now() + timedelta(days=700)


def test_decisions_of_a_project_are_found_by_id_alone(owner_client: Client, project: Project) -> None:
    other = factories.project("Other")
    decide(owner_client, project, status="accepted")
    assert Decision.objects.about(other.pk, [PRODUCTS.key]) == {}


# Of endpoints and projects


@pytest.fixture
def clock() -> Clock:
    return Clock()


def fold(
    project: Project,
    clock: Clock,
    *,
    version: str = "1.0",
    file: str = "copy.py",
    name: str = "deepcopy",
    engine: str = "sampler",
) -> None:
    """Sixty samples of `/a`, of which two thirds are a deep copy by the app's function, or what is named."""
    document = ledgers.document(
        measured.minute_before(clock, 5),
        ledgers.endpoint(
            "/a",
            durations=[1_000_000],
            engine=engine,
            stacks={engine: [[-1, 0, 200_000, 20], [0, 1, 400_000, 40]]},
        ),
    )
    document["strings"] = ["view", "shop/a.py", "", name, file]
    document["frames"] = [[0, 1, 7, 2, 0], [3, 4, 128, 2, 1]]
    Process(project, version=version).send(document)
    began = clock.now
    settle(clock)
    clock.now = began


def address(project: Project, name: str, **query: str) -> str:
    return f"{reverse(f'analysis:{name}', args=[project.slug])}?{urlencode(query)}"


def test_an_endpoint_shows_what_its_merged_tree_says(
    owner_client: Client, project: Project, clock: Clock
) -> None:
    fold(project, clock)
    page = owner_client.get(f"{reverse('profiles:endpoint', args=[project.slug])}?{urlencode(A)}")
    assert reverse("analysis:endpoint_findings", args=[project.slug]) in page.content.decode()
    response = owner_client.get(address(project, "endpoint_findings", **A), headers=HTMX)
    assert "view spends 66.7 % of the time (400 ms) on deep copies." in text(response)
    assert re.findall(r'data-finding-node="(\d+)"', response.content.decode()) == ["1"]
    prompt = owner_client.get(address(project, "endpoint_prompt", **A))
    assert "deepcopy|copy" in prompt.content.decode()


def test_an_endpoint_that_was_not_sampled_has_none(owner_client: Client, project: Project) -> None:
    assert "No rule found anything here" in text(
        owner_client.get(address(project, "endpoint_findings", **A), headers=HTMX)
    )
    assert owner_client.get(address(project, "endpoint_prompt", **A)).status_code == 404


def test_the_project_lists_findings_of_its_slowest_endpoints(
    owner_client: Client, project: Project, clock: Clock
) -> None:
    fold(project, clock)
    url = address(project, "findings")
    response = owner_client.get(url)
    assert "Deep copies" in text(response)
    assert f"route={quote('/a', safe='')}" in response.content.decode()
    assert reverse("analysis:findings", args=[project.slug]) in response.content.decode()
    assert "Deep copies" not in re.sub(
        r"<select.*?</select>", "", owner_client.get(f"{url}detector=sleep").content.decode(), flags=re.S
    )
    identity = Identity("deepcopy", "request", "GET", "/a", "view", "shop/a.py")
    decide(owner_client, project, identity, status="ignored")
    assert "No finding has this status and kind" in text(owner_client.get(url))
    assert "view spends" in text(owner_client.get(f"{url}status=ignored"))
    assert "view spends" in text(owner_client.get(f"{url}status=all"))


def test_a_project_without_samples_says_so(owner_client: Client, project: Project) -> None:
    assert "Nothing was sampled here" in text(owner_client.get(address(project, "findings")))


def test_what_is_fixed_stays_so_while_only_older_versions_have_it(
    owner_client: Client, project: Project, clock: Clock
) -> None:
    """The tree of all versions has the fault still; the newest version decides."""
    fold(project, clock, version="1.0")
    fold(project, clock, version="1.1", file="other.py")
    Version.objects.filter(name="1.0").update(first_seen_at=timezone.now() - timedelta(days=2))
    identity = Identity("deepcopy", "request", "GET", "/a", "view", "shop/a.py")
    decide(owner_client, project, identity, status="fixed", fixed_in="1.1")
    url = address(project, "endpoint_findings", **A)
    assert "fixed · 1.1" in text(owner_client.get(url))
    assert Decision.objects.get().status == "fixed"
    fold(project, clock, version="1.2")
    assert "found again in 1.2." in text(owner_client.get(url))


def test_what_only_pyinstrument_sees_is_told_without_a_node(
    owner_client: Client, project: Project, clock: Clock
) -> None:
    """Built-in functions are in no sampler's tree, which is the one that the page shows."""
    fold(project, clock, file="other.py")
    fold(project, clock, engine="pyinstrument", file="<built-in>", name="Connection.execute")
    html = owner_client.get(address(project, "endpoint_findings", **A), headers=HTMX).content.decode()
    assert "Much time in queries" in html
    assert "seen by pyinstrument" in html
    assert "data-finding-node" not in html
    only = address(project, "endpoint_findings", **A, engine="pyinstrument")
    assert "data-finding-node" in owner_client.get(only, headers=HTMX).content.decode()


# REST


def test_findings_are_listed_with_their_decision(
    api: APIClient, owner_client: Client, project: Project, clock: Clock
) -> None:
    fold(project, clock)
    url = f"/api/v1/projects/{project.pk}/findings/"
    data = api.get(url).json()["data"]
    assert data["pagination"]["total"] == 1
    (item,) = data["items"]
    assert item["detector"] == "deepcopy"
    assert item["severity"] == "critical"
    assert item["function"] == {"name": "view", "place": "shop/a.py:7", "library": False}
    assert (item["time_us"], item["samples"], item["saving_us"]) == (400_000, 40, 400_000)
    assert item["decision"]["status"] == "open"
    assert item["example"]
    answer = api.put(f"{url}{item['id']}/", {"status": "fixed", "fixed_in": "9.9"}, format="json")
    assert answer.json()["data"]["fixed_in"] == "9.9"
    assert api.get(url).json()["data"]["items"] == []
    fixed = api.get(url, {"status": "fixed"}).json()["data"]["items"]
    assert [each["decision"]["changed_by"] for each in fixed] == ["owner"]
    for query, count in (
        ({"status": "all", **A}, 1),
        ({"status": "all", **A, "route": "/b"}, 0),
        ({"status": "all", "severity": "info"}, 0),
        ({"status": "all", "detector": "deepcopy"}, 1),
    ):
        assert len(api.get(url, query).json()["data"]["items"]) == count, query


@pytest.mark.parametrize(
    ("query", "field"),
    [({"status": "perhaps"}, "status"), ({"detector": "nose"}, "detector"), ({"page": "0"}, "page")],
)
def test_unknown_filters_are_refused(
    api: APIClient, project: Project, query: dict[str, str], field: str
) -> None:
    response = api.get(f"/api/v1/projects/{project.pk}/findings/", query)
    assert (response.status_code, response.json()["code"]) == (400, 10001)
    assert field in response.json()["msg"]


@pytest.mark.parametrize(
    ("finding_id", "body", "status"),
    [
        ("nonsense", {"status": "open"}, 404),
        (str(PRODUCTS), {"status": "fixed"}, 400),
        (str(PRODUCTS), {"status": "perhaps"}, 400),
        (str(PRODUCTS), {}, 400),
    ],
)
def test_unknown_decisions_are_refused(
    api: APIClient, project: Project, finding_id: str, body: dict[str, str], status: int
) -> None:
    response = api.put(f"/api/v1/projects/{project.pk}/findings/{finding_id}/", body, format="json")
    assert (response.status_code, response.json()["code"]) == (status, 10001)
    assert not Decision.objects.exists()
