"""Places of functions as links to their source, on every page that shows them."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse

from profiles.sources import Sources
from profiles.tests import measured
from profiles.tests.folding import Clock
from profiles.tests.recorded import batch, library, own
from profiles.tests.test_pages import PRODUCTS, batches, profile, tree_of
from projects.models import Project, Version

pytestmark = pytest.mark.django_db

WEB = "https://git.example/{repo}/blob/{commit}/{file}#L{line}"
LINK = "https://git.example/team/shop/blob/abc123/shop/views.py#L31"


@pytest.fixture
def linked(project: Project) -> Project:
    project.source_link, project.repository = WEB, "team/shop"
    project.save()
    return project


def store(project: Project, records: list, **version: str) -> str:
    item = profile(records)
    sent = {**batch([item]), "version": {"name": "1.1", **version}}
    assert batches.store(project, sent).rejected == []
    return str(item["id"])


def links(html: str) -> list[str]:
    return re.findall(r'class="source" href="([^"]+)"', unescape(html))


def test_a_profile_links_its_own_code(owner_client: Client, linked: Project) -> None:
    found = store(linked, PRODUCTS, commit="abc123")
    response = owner_client.get(f"/profiles/{found}/")
    functions = tree_of(response)["functions"]
    by_name = dict(zip(functions["name"], functions["link"], strict=True))
    assert by_name["list_products"] == LINK
    # Libraries are in no repository of the app.
    assert by_name["execute"] == ""
    html = response.content.decode()
    # In the hot path, and among the functions with the most time of their own.
    assert links(html).count(LINK) == 2
    assert 'rel="noopener noreferrer" target="_blank"' in html


def test_without_a_template_or_commit_there_is_no_link(
    owner_client: Client, project: Project, linked: Project
) -> None:
    found = store(linked, PRODUCTS)
    response = owner_client.get(f"/profiles/{found}/")
    assert links(response.content.decode()) == []
    assert set(tree_of(response)["functions"]["link"]) == {""}
    Project.objects.filter(pk=project.pk).update(source_link="")
    assert "link" not in tree_of(owner_client.get(f"/profiles/{found}/"))["functions"]


def test_a_template_that_is_bad_by_now_links_nothing(owner_client: Client, project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(source_link="javascript:alert(1)//{file}")
    found = store(project, PRODUCTS, commit="abc123")
    html = owner_client.get(f"/profiles/{found}/").content.decode()
    assert "javascript:" not in html


def test_hostile_files_lead_nowhere_else(owner_client: Client, linked: Project) -> None:
    names = [
        '"><script>alert(1)</script>/x.py',
        "javascript:alert(1)",
        "../../../evil.py",
        "名" * 200 + ".py",
    ]
    records = [((own("root", "app.py:1"), own(f"f{n}", f"{name}:1")), 0.05) for n, name in enumerate(names)]
    found = store(linked, [*records, ((own("root", "app.py:1"), library("lib")), 0.01)], commit="abc123")
    response = owner_client.get(f"/profiles/{found}/")
    html = response.content.decode()
    assert "<script>alert" not in html
    addresses = [address for address in tree_of(response)["functions"]["link"] if address]
    assert len(addresses) >= 3
    assert all(address.startswith("https://git.example/team/shop/blob/abc123/") for address in addresses)
    assert not any(".." in address for address in addresses)


@pytest.mark.long
def test_functions_and_endpoints_link_to_the_version_picked_or_the_newest(
    owner_client: Client, linked: Project
) -> None:
    measured.shop(linked, Clock())
    for name in ("1", "2"):
        Version.objects.filter(project=linked, name=name).update(commit=f"commit-{name}")
    newest = next(iter(Version.objects.newest(linked.pk)))
    address = reverse("profiles:functions", args=[linked.slug])
    html = owner_client.get(address).content.decode()
    assert f"https://git.example/team/shop/blob/commit-{newest}/shop/views.py#L10" in links(html)
    html = owner_client.get(f"{address}?version=1").content.decode()
    assert set(re.findall(r"commit-\d", " ".join(links(html)))) == {"commit-1"}
    asked = urlencode({"kind": "request", "method": "GET", "route": "/a", "version": "2"})
    response = owner_client.get(f"{reverse('profiles:endpoint', args=[linked.slug])}?{asked}")
    assert "https://git.example/team/shop/blob/commit-2/shop/views.py#L10" in links(response.content.decode())
    assert any(tree_of(response)["functions"]["link"])


def test_no_read_where_there_is_nothing_to_link(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Version.objects, "told", lambda _id: pytest.fail("read a version"))
    assert Sources.of(project, project.pk) is None
