"""The pages of what came in and of the processes that sent it."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from profiles import reasons, tally
from profiles.models import Instance, Intake
from profiles.tally import Tally
from profiles.tests import ledgers
from profiles.tests.folding import Process
from profiles.wire import Refusal
from projects.models import Project
from projects.tests import factories

pytestmark = pytest.mark.django_db


def page_of(client: Client, name: str, project: Project, query: str = "") -> str:
    response = client.get(reverse(f"profiles:{name}", args=[project.slug]) + query)
    assert response.status_code == 200
    return " ".join(unescape(response.content.decode()).split())


def note(project: Project, number: int = 0, **changes: Any) -> None:
    said = {
        "instance": f"{number:032x}",
        "hostname": f"web-{number}",
        "pid": 4711,
        "python": "3.11.7",
        "framework": "flask 3.1.3",
        "sdk": "perfplatform-sdk 0.1.0",
        "version_name": "1.4.2",
        "environment": "production",
    }
    told = {"dropped": {}, "statistics": {}, "at": timezone.now(), **changes}
    Instance.objects.seen(project.pk, said, **told)


def test_every_code_and_reason_has_its_words() -> None:
    assert set(reasons.REFUSED) == {*Refusal, tally.UNREADABLE}
    assert set(reasons.DROPPED) == {*tally.DROP_REASONS, tally.OTHER}
    with override("en"):
        for reason in (*reasons.REFUSED.values(), *reasons.DROPPED.values()):
            assert str(reason.cure).endswith(".")


def test_silent_project_is_told_what_to_do(project: Project, owner_client: Client) -> None:
    page = page_of(owner_client, "health", project)
    assert "Nothing has arrived in the last 24 hours" in page
    assert reverse("projects:setup", args=[project.slug]) in page
    Intake.objects.add(project.pk, Tally(profiles=1), at=timezone.now() - timedelta(hours=25))
    assert "Nothing has arrived" in page_of(owner_client, "health", project)
    Project.objects.filter(pk=project.pk).update(status="paused")
    assert "The project is paused" in page_of(owner_client, "health", project)


def test_what_came_in_is_told_by_stretch_and_reason(project: Project, owner_client: Client) -> None:
    now = timezone.now()
    recent = Tally(1234, 56, Counter(too_late=3), Counter(queue_full=4))
    Intake.objects.add(project.pk, recent, at=now)
    Intake.objects.add(project.pk, Tally(5000, 0, Counter(too_late=2)), at=now - timedelta(hours=20))
    page = page_of(owner_client, "health", project)
    assert '<td class="is-number">1,234</td><td class="is-number">6,234</td>' in page
    assert '<td class="is-number">3</td> <td class="is-number">5</td>' in page
    assert "Check the clock of the host" in page
    assert "The queue in the app was full" in page
    assert "Not valid" not in page


def test_reasons_of_a_newer_sdk_are_shown(project: Project, owner_client: Client) -> None:
    Intake.objects.add(project.pk, Tally(1, 1, dropped=Counter(other=9)), at=timezone.now())
    assert "For another reason" in page_of(owner_client, "health", project)


def test_nothing_refused_and_dropped_is_said(project: Project, owner_client: Client) -> None:
    Intake.objects.add(project.pk, Tally(1, 1), at=timezone.now())
    page = page_of(owner_client, "health", project)
    assert "Nothing was refused." in page
    assert "Nothing was dropped." in page


@pytest.mark.parametrize(
    ("limit", "told"),
    [(0, ""), (1000, ""), (12, "Over four fifths"), (10, "The profiles of today are used up")],
)
def test_quota_is_shown_and_warned_of(project: Project, owner_client: Client, limit: int, told: str) -> None:
    Project.objects.filter(pk=project.pk).update(daily_profiles=limit)
    Intake.objects.add(project.pk, Tally(10), at=timezone.now())
    page = page_of(owner_client, "health", project)
    assert told in page
    assert ("Profiles today" in page) == bool(limit)
    assert ("Raise “Profiles a day”" in page) == bool(told)


def test_lag_is_how_long_the_oldest_has_waited(project: Project, owner_client: Client) -> None:
    assert "Metrics lag behind by</dt><dd>nothing, all is computed" in page_of(
        owner_client, "health", project
    )
    now = timezone.now()
    minute = now.replace(second=0, microsecond=0)
    Process(project).send(ledgers.document(minute, ledgers.endpoint()), now=now - timedelta(minutes=5))
    assert "Metrics lag behind by</dt><dd>5" in page_of(owner_client, "health", project)


def test_processes_are_shown_with_what_the_sdk_cost(project: Project, owner_client: Client) -> None:
    now = timezone.now()
    note(project, at=now - timedelta(minutes=10))
    Instance.objects.forget()
    cost = {"sampling_us": 5_000_000, "sending_us": 1_000_000}
    note(project, at=now, dropped={"queue_full": 1500}, statistics=cost)
    page = page_of(owner_client, "instances", project)
    for text in ("web-0", "4711", "1.4.2", "production", "3.11.7", "flask 3.1.3", "perfplatform-sdk 0.1.0"):
        assert text in page
    assert "1,500" in page
    assert "The queue in the app was full · 1,500" in page
    # 6 s of CPU in 10 minutes.
    assert "6.00 s" in page
    assert "1.0 %" in page


def test_new_process_has_no_share_yet(project: Project, owner_client: Client) -> None:
    note(project, statistics={"sampling_us": 1000})
    page = page_of(owner_client, "instances", project)
    assert "1.00 ms" in page
    assert "%" not in page[page.index("<tbody>") : page.index("</tbody>")]


def test_processes_are_paged(project: Project, owner_client: Client) -> None:
    for number in range(51):
        note(project, number, at=timezone.now() - timedelta(seconds=number))
    first, second = (page_of(owner_client, "instances", project, f"?page={page}") for page in (1, 2))
    assert "1–50 of 51" in first
    assert "web-50" not in first
    assert "web-50" in second
    assert "web-50" in page_of(owner_client, "instances", project, "?page=99")
    assert "web-0 " in page_of(owner_client, "instances", project, "?page=nonsense")


def test_no_process_yet(project: Project, owner_client: Client) -> None:
    note(factories.project())
    assert "No process has been heard of" in page_of(owner_client, "instances", project)


def test_hostile_names_are_only_text(project: Project, owner_client: Client) -> None:
    note(project)
    Instance.objects.update(hostname="<script>alert(1)</script>", framework='"><img src=x>')
    response = owner_client.get(reverse("profiles:instances", args=[project.slug]))
    assert b"<script>alert" not in response.content
    assert b"<img" not in response.content.replace(b'<img src="/static', b"")


def test_settings_lead_to_both(project: Project, owner_client: Client) -> None:
    page = owner_client.get(reverse("projects:settings", args=[project.slug])).content.decode()
    for name in ("health", "instances"):
        assert reverse(f"profiles:{name}", args=[project.slug]) in page
