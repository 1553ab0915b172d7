"""Lists of profiles, processes and ingest as files, over HTTP and on a real database."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from profiles import reasons
from profiles.models import Instance, Intake, Profile
from profiles.models import profile as profile_model
from profiles.queries import Order, ProfileFilters
from profiles.tally import Tally
from profiles.tests import measured
from profiles.tests.folding import Clock
from profiles.tests.recorded import own, profile
from profiles.tests.test_intake_pages import note
from profiles.tests.test_pages import store
from profiles.tests.test_served import SLOW
from profiles.views import profile_list
from projects.models import Project
from projects.tests import factories

pytestmark = pytest.mark.django_db

VIEW = own("list_products", "shop/views.py:31")
NAMES = ("profiles_csv", "instances_csv", "health_csv", "figures_csv")


def address(name: str, project: Project, query: str = "") -> str:
    return reverse(f"profiles:{name}", args=[project.slug]) + query


def rows(client: Client, name: str, project: Project, query: str = "") -> list[dict[str, str]]:
    response = client.get(address(name, project, query))
    assert response.status_code == 200
    assert response.streaming
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    file = name.removesuffix("_csv").replace("health", "ingest")
    assert response["Content-Disposition"] == f'attachment; filename="{project.slug}-{file}.csv"'
    return list(csv.DictReader(io.StringIO(response.getvalue().decode("utf-8-sig"), newline="")))


def test_profiles_are_those_of_the_list(owner_client: Client, project: Project) -> None:
    now = timezone.now()
    ids = store(
        project,
        *(
            profile([((VIEW,), 0.01)], endpoint=endpoint, started_at=now - timedelta(minutes=age))
            for age, endpoint in ((1, "/cart"), (3, "/cart"), (2, "/other"))
        ),
    )
    found = rows(owner_client, "profiles_csv", project, "?endpoint=/cart")
    assert [row["id"] for row in found] == [ids[0], ids[1]]
    assert found[0]["duration_us"] == "10000"
    assert found[0]["started_at"].endswith("Z")
    assert (found[0]["status"], found[0]["exception"]) == ("200", "")
    assert [row["endpoint"] for row in rows(owner_client, "profiles_csv", project, "?order=slowest")]
    # A filter that can't be read filters nothing, as on the page.
    assert len(rows(owner_client, "profiles_csv", project, "?min_ms=-1")) == 3
    page = owner_client.get(address("profiles", project, "?endpoint=/cart")).content.decode()
    assert f'href="{address("profiles_csv", project)}?endpoint=%2Fcart"' in page


def test_the_file_ends_at_its_limit(
    owner_client: Client, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = store(project, *(profile(duration_us=1_000 * (n + 1)) for n in range(30)))
    monkeypatch.setattr(profile_list, "MOST_IN_A_FILE", 20)
    monkeypatch.setattr(profile_model, "ROWS_AT_ONCE", 7)
    found = rows(owner_client, "profiles_csv", project, "?order=slowest")
    assert [row["id"] for row in found] == ids[:9:-1]


def test_a_long_list_is_not_in_memory_at_once(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    store(project, *(profile() for _number in range(10)))
    monkeypatch.setattr(profile_model, "ROWS_AT_ONCE", 2)
    made: list[object] = []
    from_document = Profile.objects.from_document

    def noted(row: Mapping[str, Any]) -> Profile:
        made.append(row)
        return from_document(row)

    monkeypatch.setattr(Profile.objects, "from_document", noted)
    each = Profile.objects.each(project.pk, ProfileFilters(), order=Order.NEWEST, limit=10)
    next(each)
    assert len(made) == 1
    assert len(list(each)) == 9


def test_what_takes_too_long_leads_to_the_page_that_says_so(
    owner_client: Client, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(project, profile())
    monkeypatch.setattr(profile_model, "EACH_TIME_MS", 1)
    monkeypatch.setattr(ProfileFilters, "query", lambda _filters: SLOW)
    response = owner_client.get(address("profiles_csv", project, "?trigger=slow"))
    assert (response.status_code, response["Location"]) == (
        302,
        address("profiles", project, "?trigger=slow"),
    )


def test_processes_and_what_they_dropped(owner_client: Client, project: Project) -> None:
    now = timezone.now()
    note(project, 1, at=now - timedelta(minutes=10))
    Instance.objects.forget()
    note(project, 1, at=now, dropped={"queue_full": 1500}, statistics={"sampling_us": 5_000_000})
    for number in range(2, 60):
        note(project, number, at=now - timedelta(minutes=number))
    found = rows(owner_client, "instances_csv", project)
    assert len(found) == 59
    assert (found[0]["host"], found[0]["process"], found[0]["version"]) == ("web-1", "4711", "1.4.2")
    assert (found[0]["dropped"], found[0]["dropped_queue_full"]) == ("1500", "1500")
    assert found[0]["sdk_cpu_us"] == "5000000"
    # Nothing said is not nothing used.
    assert found[1]["sdk_cpu_us"] == ""
    assert {f"dropped_{reason}" for reason in reasons.DROPPED} < set(found[0])


def test_ingest_is_told_by_reason(owner_client: Client, project: Project) -> None:
    now = timezone.now()
    Intake.objects.add(project.pk, Tally(12, 5, Counter(too_late=3), Counter(queue_full=4)), at=now)
    Intake.objects.add(project.pk, Tally(50, 0, Counter(too_late=2)), at=now - timedelta(hours=20))
    found = {
        (row["what"], row["why"]): (row["recent"], row["day"])
        for row in rows(owner_client, "health_csv", project)
    }
    assert found == {
        ("arrived", "profiles"): ("12", "62"),
        ("arrived", "minutes_of_processes"): ("5", "5"),
        ("refused", "too_late"): ("3", "5"),
        ("dropped", "queue_full"): ("4", "4"),
    }


@pytest.mark.long
def test_figures_are_those_of_the_charts(owner_client: Client, project: Project) -> None:
    measured.shop(project, Clock())
    asked = {"kind": "request", "method": "GET", "route": "/a", "version": "2", "period": "6h"}
    page = owner_client.get(address("endpoint", project, f"?{urlencode(asked)}")).content.decode()
    [link] = re.findall(r'href="([^"]+/figures\.csv[^"]*)"', unescape(page))
    found = rows(owner_client, "figures_csv", project, f"?{link.partition('?')[2]}")
    assert [row["count"] for row in found] == ["6"] * 4
    assert [row["start"] for row in found] == sorted(row["start"] for row in found)
    assert found[0]["start"].endswith(":00.000000Z")
    assert abs(float(found[0]["p50_us"]) - 50_000) < 600
    # Of a kind, and of everything.
    overview = owner_client.get(address("project", project, "?kind=task&period=6h")).content.decode()
    [link] = re.findall(r'href="([^"]+/figures\.csv[^"]*)"', unescape(overview))
    tasks = rows(owner_client, "figures_csv", project, f"?{link.partition('?')[2]}")
    assert [row["count"] for row in tasks] == ["3"] * 4
    whole = rows(owner_client, "figures_csv", project, "?period=6h&kind=nonsense")
    assert [int(row["count"]) for row in whole] == [3 + 5 + 1 + 3 + 3] * 4


def test_names_in_the_files_are_not_computed(owner_client: Client, project: Project) -> None:
    item = profile([((VIEW,), 0.01)], endpoint="=HYPERLINK(1)", error_type="@x", status=500, trace_id="+1")
    store(project, item, version="-1+1", environment="=2")
    note(project, 1)
    Instance.objects.update(hostname="=cmd", framework="@SUM(A1)", sdk="+1")
    for name in NAMES[:2]:
        for row in rows(owner_client, name, project):
            assert not [cell for cell in row.values() if cell.startswith(("=", "@", "+", "-", "\t"))]
    assert rows(owner_client, "profiles_csv", project)[0]["endpoint"] == "'=HYPERLINK(1)"


def test_nothing_yet_is_a_file_without_rows(owner_client: Client, project: Project) -> None:
    assert [rows(owner_client, name, project) for name in NAMES] == [[]] * len(NAMES)


def test_strangers_find_nothing(project: Project) -> None:
    stranger = Client()
    stranger.force_login(factories.user())
    for name in NAMES:
        assert stranger.get(address(name, project)).status_code == 404
        assert Client().get(address(name, project)).status_code == 302
