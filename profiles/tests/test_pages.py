from __future__ import annotations

import json
import re
import zoneinfo
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from profiles.models import Profile, SessionBlob
from profiles.models import profile as profile_model
from profiles.queries import ProfileFilters
from profiles.tests import batches
from profiles.tests.recorded import batch, library, own, profile
from profiles.tests.test_served import SLOW
from projects.models import Project
from projects.tests import factories

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
FLASK = library("wsgi_app", owner="Flask")
VIEW = own("list_products", "shop/views.py:31")
PRICE = own("price_of", "shop/pricing.py:18")
EXECUTE = library("execute", "sqlite3/dbapi2.py:88", owner="Connection")
PRODUCTS = [((FLASK, VIEW, PRICE, EXECUTE), 0.06), ((FLASK, VIEW), 0.02), ((FLASK,), 0.005)]


def store(project: Project, *items: dict[str, Any], **told: str) -> list[str]:
    outcome = batches.store(project, batch(items, **told))
    assert outcome.rejected == []
    return [item["id"] for item in items]


def text_of(response: Any) -> str:
    return unescape(response.content.decode())


def shown(response: Any) -> list[str]:
    """Ids of the profiles that a page links to, in its order."""
    return re.findall(r'href="/profiles/([0-9a-f]{32})/"', response.content.decode())


def page_of(project: Project) -> str:
    return reverse("profiles:profiles", args=[project.slug])


# The list of a project


def test_project_without_profiles_says_what_to_do(owner_client: Client, project: Project) -> None:
    page = text_of(owner_client.get(page_of(project)))
    assert "No profiles yet" in page
    assert reverse("projects:setup", args=[project.slug]) in page
    assert '<form class="filters"' not in page


def test_newest_profiles_come_first(owner_client: Client, project: Project) -> None:
    now = timezone.now()
    ids = store(project, *(profile(started_at=now - timedelta(minutes=age)) for age in (5, 1, 3)))
    response = owner_client.get(page_of(project))
    assert shown(response) == [ids[1], ids[2], ids[0]]
    assert "3 profiles" in text_of(response)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {"slow", "failed", "staging"}),
        ("endpoint=/cart", {"failed"}),
        ("version=2.0", {"staging"}),
        ("environment=staging", {"staging"}),
        ("status=ok", {"slow", "staging"}),
        ("status=error", {"failed"}),
        ("status=404", {"staging"}),
        ("min_ms=100", {"slow"}),
        ("min_ms=19.5&status=ok", {"slow", "staging"}),
        ("version=gone", set()),
        ("order=slowest", {"slow", "failed", "staging"}),
        ("max_ms=15", {"failed"}),
        ("exception=builtins.KeyError", {"failed"}),
        ("tag=tenant%3Dacme", {"slow"}),
        ("trace_id=abc123", {"slow"}),
        ("trigger=slow", {"slow"}),
        ("kind=task", set()),
        ("host=web-1", {"slow", "failed", "staging"}),
        ("host=web-2", set()),
        ("since=2026-01-01T00:00", {"slow", "failed", "staging"}),
        ("until=2026-01-01T00:00:01", set()),
    ],
)
def test_filters_stand_in_the_address(
    owner_client: Client, project: Project, query: str, expected: set[str]
) -> None:
    ids = {
        "slow": store(
            project,
            profile([((VIEW,), 0.5)], trigger="slow", trace_id="abc123", tags={"tenant": "acme"}),
        )[0],
        "failed": store(
            project,
            profile([((VIEW,), 0.01)], endpoint="/cart", status=500, error_type="builtins.KeyError"),
        )[0],
        "staging": store(
            project,
            profile([((VIEW,), 0.02)], endpoint="/search", status=404),
            version="2.0",
            environment="staging",
        )[0],
    }
    response = owner_client.get(f"{page_of(project)}?{query}")
    assert set(shown(response)) == {ids[name] for name in expected}
    assert ("No profile matches" in text_of(response)) == (not expected)


def test_refused_filter_is_told_beside_its_field(owner_client: Client, project: Project) -> None:
    store(project, profile())
    page = text_of(owner_client.get(f"{page_of(project)}?min_ms=-1&version=gone"))
    assert 'id="id_min_ms_error"' in page
    # A version that is gone stays chosen: the address asked for it.
    assert '<option value="gone" selected>gone</option>' in page


@pytest.mark.parametrize(
    "query", ["status=１２３", "status=999999", "min_ms=NaN", "min_ms=1e400", "status=%00"]
)
def test_nonsense_filters_harm_nothing(owner_client: Client, project: Project, query: str) -> None:
    (found,) = store(project, profile())
    assert shown(owner_client.get(f"{page_of(project)}?{query}")) == [found]


@pytest.mark.parametrize(
    ("query", "name", "told"),
    [
        ("tag=acme", "tag", "Write a tag as name=value."),
        ("since=yesterday", "since", "Write it as 2026-11-24T09:30."),
        ("since=0001-01-01T00:00", "since", "No profile is of this year."),
        ("until=9999-12-31T23:59", "until", "No profile is of this year."),
        ("since=2026-11-24T10:00&until=2026-11-24T10:00", "until", "The end must come after the beginning."),
        ("min_ms=5&max_ms=4", "max_ms", "It must not be less than the least."),
        ("kind=job", "kind", "Select a valid choice"),
        ("order=upwards", "order", "Select a valid choice"),
        (f"exception={'x' * 257}", "exception", "at most 256 characters"),
    ],
)
def test_refused_filters_keep_what_was_written(
    owner_client: Client, project: Project, query: str, name: str, told: str
) -> None:
    (found,) = store(project, profile())
    response = owner_client.get(f"{page_of(project)}?{query}")
    page = text_of(response)
    assert f'id="id_{name}_error"' in page
    assert told in page
    assert query.rpartition("=")[2] in page
    # Filters out of sight would puzzle whoever reads the list.
    assert ('<details class="more-filters" open>' in page) == (name != "order")
    assert shown(response) == [found]
    # The form stays as it is when htmx asks for the table, so the fault stands above the table.
    fragment = text_of(owner_client.get(f"{page_of(project)}?{query}", headers=HTMX))
    assert told in fragment


def test_a_period_is_of_the_zone_of_the_page(owner_client: Client, project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(time_zone="Asia/Kolkata")
    at = timezone.now().replace(second=0, microsecond=0) - timedelta(hours=1)
    (found,) = store(project, profile(started_at=at))
    local = at.astimezone(zoneinfo.ZoneInfo("Asia/Kolkata"))
    minute = timedelta(minutes=1)
    inside = f"since={local:%Y-%m-%dT%H:%M}&until={local + minute:%Y-%m-%dT%H:%M}"
    assert shown(owner_client.get(f"{page_of(project)}?{inside}")) == [found]
    assert shown(owner_client.get(f"{page_of(project)}?until={local:%Y-%m-%dT%H:%M}")) == []


def test_slowest_first_is_walked_to_the_end(owner_client: Client, project: Project) -> None:
    ids = store(project, *(profile(duration_us=1_000 * (n + 1)) for n in range(30)))
    first = owner_client.get(f"{page_of(project)}?order=slowest")
    assert shown(first) == ids[:4:-1]
    faster = re.search(r'rel="next" href="([^"]+)"', text_of(first))
    assert faster
    assert shown(owner_client.get(faster[1])) == ids[4::-1]
    # The cursor is of this order alone.
    wrong = owner_client.get(faster[1].replace("order=slowest", "order="))
    assert wrong["Location"] == page_of(project)


def test_filters_that_take_too_long_ask_for_narrower_ones(
    owner_client: Client, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(project, profile())
    monkeypatch.setattr(profile_model, "LIST_TIME_MS", 1)
    monkeypatch.setattr(ProfileFilters, "query", lambda _filters: SLOW)
    page = text_of(owner_client.get(f"{page_of(project)}?trigger=slow"))
    assert "That is too much to search" in page
    assert '<option value="slow" selected>' in page


def test_htmx_gets_the_table_alone_and_a_clean_address(owner_client: Client, project: Project) -> None:
    store(project, profile())
    asked = f"{page_of(project)}?endpoint=&version=&status=ok&min_ms="
    response = owner_client.get(asked, headers=HTMX)
    page = text_of(response)
    assert page.strip().startswith('<div id="profiles">')
    assert "<html" not in page
    assert response["HX-Push-Url"] == f"{page_of(project)}?status=ok"


def test_cursor_leads_through_all_profiles_once(owner_client: Client, project: Project) -> None:
    now = timezone.now()
    ids = store(project, *(profile(started_at=now - timedelta(seconds=age)) for age in range(60)))
    address, met = f"{page_of(project)}?status=ok", []
    for _page in range(3):
        response = owner_client.get(address)
        met += shown(response)
        older = re.search(r'rel="next" href="([^"]+)"', text_of(response))
        address = older[1] if older else ""
    assert met == ids
    assert not address
    assert "60 profiles" in text_of(response)


def test_wrong_cursor_leads_to_the_first_page(owner_client: Client, project: Project) -> None:
    store(project, profile())
    response = owner_client.get(f"{page_of(project)}?cursor=nonsense&status=ok")
    assert response["Location"] == f"{page_of(project)}?status=ok"


def test_members_only(project: Project) -> None:
    (found,) = store(project, profile())
    for address in (page_of(project), f"/projects/{project.slug}/first-profile/", f"/profiles/{found}/"):
        assert Client().get(address)["Location"] == f"/login/?next={quote(address)}"
        stranger = Client()
        stranger.force_login(factories.user())
        assert stranger.get(address).status_code == 404
        viewer = Client()
        viewer.force_login(factories.member(project, "viewer"))
        assert viewer.get(address).status_code == 200


# Fragments


def test_first_profile_is_waited_for_and_then_shown(owner_client: Client, project: Project) -> None:
    address = reverse("profiles:first_profile", args=[project.slug])
    waiting = text_of(owner_client.get(address, headers=HTMX))
    assert 'hx-trigger="every 2s"' in waiting
    (found,) = store(project, profile())
    arrived = owner_client.get(address, headers=HTMX)
    assert shown(arrived) == [found]
    # Nothing asks again once it has arrived.
    assert "hx-get" not in text_of(arrived)


# One profile


def tree_of(response: Any) -> dict[str, Any]:
    found = re.search(
        r'<script id="calltree-data" type="application/json">(.*?)</script>', response.content.decode()
    )
    assert found
    tree: dict[str, Any] = json.loads(found[1])
    return tree


def test_profile_shows_its_facts_and_its_tree(owner_client: Client, project: Project) -> None:
    (found,) = store(project, profile(PRODUCTS, tags={"region": "eu-1"}, trace_id="abc123"), version="1.1")
    response = owner_client.get(f"/profiles/{found}/")
    page = text_of(response)
    for fact in (
        "85.0 ms",
        "10.0 ms",
        "1.1",
        "production",
        "random sample",
        "web-1 · 4711",
        "eu-1",
        "abc123",
    ):
        assert fact in page, fact
    assert "3, every 1.00 ms" in page
    tree = tree_of(response)
    assert tree["label"] == "GET /products"
    assert tree["functions"]["name"][tree["suspect"]] == "price_of"
    assert tree["functions"]["library"] == [1, 0, 0, 1]
    assert tree["total_us"] == [85_000, 80_000, 60_000, 60_000]
    assert tree["self_us"] == [5_000, 20_000, 0, 60_000]


def test_without_a_script_hot_path_and_top_functions_are_tables(
    owner_client: Client, project: Project
) -> None:
    (found,) = store(project, profile(PRODUCTS))
    page = text_of(owner_client.get(f"/profiles/{found}/"))
    hot_path = page[page.index('id="hot-path"') : page.index('id="calltree"')]
    assert re.findall(r'<th scope="row"[^>]*>([^<]+)</th>', hot_path) == [
        "Flask.wsgi_app",
        "list_products",
        "price_of",
        "Connection.execute",
    ]
    functions = page[page.index('id="functions"') :]
    assert re.findall(r'<th scope="row"[^>]*>([^<]+?)(?: <span|</th>)', functions) == [
        "Connection.execute",
        "list_products",
        "Flask.wsgi_app",
    ]


def test_hostile_names_are_text_everywhere(owner_client: Client, project: Project) -> None:
    script = "</script><script>alert(1)</script>"
    image = "<img src=x onerror=alert(1)>"
    records = [((own(script, f"{image}.py:1", owner=script), own(image), own("名" * 200)), 0.05)]
    item = profile(
        records,
        endpoint=script,
        method="<b>",
        status=500,
        error_type=image,
        trace_id="<i>",
        tags={"<u>": image},
        counters=[
            {
                "type": "db",
                "caller": {"function": script, "file": image, "line": 1},
                "fingerprint": script,
                "count": 1,
                "total_us": 1,
            }
        ],
    )
    (found,) = store(project, item, version=script, environment=image)
    for address in (
        f"/profiles/{found}/",
        page_of(project),
        f"{page_of(project)}?version={script}&status={script}&min_ms={script}",
        reverse("profiles:first_profile", args=[project.slug]),
    ):
        content = owner_client.get(address).content.decode()
        for harm in ("<script>alert", "<img src=x", "<b>", "<i>", "<u>"):
            assert harm not in content, (address, harm)
    response = owner_client.get(f"/profiles/{found}/")
    assert tree_of(response)["functions"]["name"] == [script, image, "名" * 200]


def test_profile_without_samples_says_so(owner_client: Client, project: Project) -> None:
    (found,) = store(project, profile([], duration_us=900, kind="task", method="", status=None))
    page = text_of(owner_client.get(f"/profiles/{found}/"))
    assert "Nothing was sampled" in page
    assert "900 µs" in page
    assert "calltree-data" not in page


def test_failed_and_streamed_profiles_say_so(owner_client: Client, project: Project) -> None:
    item = profile(PRODUCTS, status=500, error_type="sqlite3.OperationalError", streaming=True)
    (found,) = store(project, item)
    page = text_of(owner_client.get(f"/profiles/{found}/"))
    assert "It ended with an unhandled exception: sqlite3.OperationalError" in page
    assert "The answer was a stream" in page


def test_every_download_is_there(owner_client: Client, project: Project) -> None:
    (found,) = store(project, profile(PRODUCTS))
    page = text_of(owner_client.get(f"/profiles/{found}/"))
    addresses = re.findall(r'href="(/api/v1/[^"]+)" download', page)
    assert len(addresses) == 7
    for address in addresses:
        assert owner_client.get(address).status_code == 200, address


@pytest.mark.parametrize("profile_id", ["0" * 32, "nonsense", "$ne"])
def test_unknown_profiles_are_not_found(owner_client: Client, profile_id: str) -> None:
    assert owner_client.get(f"/profiles/{profile_id}/").status_code == 404


def test_expired_recording_is_not_found(owner_client: Client, project: Project) -> None:
    (found,) = store(project, profile(PRODUCTS))
    SessionBlob.objects.filter(pk=found).delete()
    assert owner_client.get(f"/profiles/{found}/").status_code == 404


def test_lists_carry_no_recordings(
    owner_client: Client, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(project, *(profile(PRODUCTS) for _number in range(30)))
    monkeypatch.setattr(
        type(SessionBlob.objects), "session", lambda *_arguments: pytest.fail("read a recording")
    )
    assert len(shown(owner_client.get(page_of(project)))) == 25
    assert Profile.objects.count() == 30
