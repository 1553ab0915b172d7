"""Finding projects by name, and the two forms of the answer."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from perfplatform import mongo
from projects import search, versions
from projects.models import Project, User, Version
from projects.tests import factories

JSON = {"Accept": "application/json"}


@given(st.text(max_size=300))
def test_words_are_few_and_can_be_seen(text: str) -> None:
    found = search.words(text)
    assert len(found) <= search.MOST_WORDS
    assert all(word.isprintable() and word for word in found)
    assert search.is_in(found, text)


def test_best_are_those_that_begin_so() -> None:
    names = ["xprice", "sum_price", "price_of", "/a/price", "b", "Price"]
    assert search.best(names, ["price"], str) == ["price_of", "Price", "sum_price", "/a/price", "xprice", "b"]
    assert search.best(names, ["price"], str, most=1) == ["price_of"]


def found(client: Client, text: str) -> Any:
    response = client.get("/search/", {"q": text}, headers=JSON)
    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    assert response["Cache-Control"] == "no-store"
    return response.json()


def names(client: Client, text: str) -> list[str]:
    return [hit["name"] for group in found(client, text)["groups"] for hit in group["hits"]]


@pytest.mark.django_db
def test_ones_own_projects_are_found_by_parts_of_their_names(owner: User, owner_client: Client) -> None:
    for name in ("Shop API", "Web shop", "Billing", "中文商店", "100% [a-z]* (x)"):
        factories.project(name, owner=owner)
    factories.project("Secret shop")
    gone = factories.project("Gone shop", owner=owner)
    gone.mark_for_deletion()
    assert names(owner_client, "SHOP") == ["Shop API", "Web shop"]
    assert names(owner_client, "api shop") == ["Shop API"]
    assert names(owner_client, "商店") == ["中文商店"]
    assert names(owner_client, "[a-z]* 0%") == ["100% [a-z]* (x)"]
    assert names(owner_client, ".*") == []
    assert names(owner_client, "\x00bill\x00") == ["Billing"]
    assert found(owner_client, "  ") == {"told": "", "groups": []}
    assert found(owner_client, "zzz") == {"told": "Nothing has this in its name.", "groups": []}
    root = Client()
    root.force_login(factories.user("root", is_superuser=True))
    assert "Secret shop" in names(root, "shop")


@pytest.mark.django_db
def test_at_most_twenty_are_shown(owner: User, owner_client: Client) -> None:
    for number in range(25):
        factories.project(f"App {number:02}", owner=owner)
    assert names(owner_client, "app") == [f"App {number:02}" for number in range(20)]
    assert found(owner_client, "app")["told"] == "20 found"


@pytest.mark.django_db
def test_the_same_address_is_a_page(owner_client: Client, project: Project) -> None:
    response = owner_client.get("/search/", {"q": "sho"}, headers={"Accept": "text/html,*/*;q=0.8"})
    page = unescape(response.content.decode())
    assert f'href="/projects/{project.slug}/"' in page
    assert 'name="q" value="sho"' in page
    assert "Accept" in response["Vary"]
    chinese = owner_client.get("/search/", {"q": "sho"}, headers={"Accept-Language": "zh-CN"})
    assert 'lang="zh-hans"' in chinese.content.decode()


@pytest.mark.django_db
def test_names_are_only_text(owner: User, owner_client: Client) -> None:
    factories.project("<script>alert(1)</script>", owner=owner)
    content = owner_client.get("/search/", {"q": "<script>alert"}).content.decode()
    assert "<script>alert" not in content
    assert "&lt;script&gt;alert(1)" in content


@pytest.mark.django_db
def test_versions_are_found_by_their_index(project: Project) -> None:
    for name in ("1.4.0", "1.4.1", "2.0 rc"):
        Version.objects.announce(project, name=name)
    Version.objects.announce(factories.project("Other"), name="1.4.2")
    assert {name for name, _at in Version.objects.named(project.pk, ["1.4"])} == {"1.4.0", "1.4.1"}
    assert [name for name, _at in Version.objects.named(project.pk, ["RC", "2"])] == ["2.0 rc"]
    assert len(Version.objects.named(project.pk, ["1"], most=1)) == 1
    plan = (
        mongo.collection(Version)
        .find(versions.named_query(project.pk, ["1.4"]))
        .hint(versions.BY_NAME)
        .explain()["queryPlanner"]["winningPlan"]
    )
    scan = plan["inputStage"]
    while "inputStage" in scan:
        scan = scan["inputStage"]
    # The names are looked at in the index: only what is found is fetched.
    assert scan["stage"] == "IXSCAN"
    assert "name" in str(scan.get("filter") or scan["indexBounds"])
