"""GET /metrics: who may read it, and what it says."""

from __future__ import annotations

import dataclasses
import platform
import tomllib
import uuid
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as project_settings
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from perfplatform import task_queue
from perfplatform.tasks import heartbeat
from perfplatform.tests.test_exposition import read
from perfplatform.version import VERSION
from profiles.models import Intake
from profiles.tally import Tally
from profiles.tests import batches, ledgers, vectors
from profiles.tests.folding import Process
from projects.models import Project
from projects.tests import factories

pytestmark = pytest.mark.django_db
TOKEN = "a-token-of-some-length"
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture
def token(settings: Settings) -> dict[str, Any]:
    """The header of a Prometheus that knows the token."""
    settings.ENVIRONMENT = dataclasses.replace(settings.ENVIRONMENT, metrics_token=TOKEN)
    return {"HTTP_AUTHORIZATION": f"Bearer {TOKEN}"}


def scrape(client: Client, token: dict[str, Any]) -> Samples:
    response = client.get("/metrics", **token)
    assert response.status_code == 200
    assert response["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    _families, samples = read(response.content.decode())
    return {(name, frozenset(labels.items())): value for name, labels, value in samples}


def at(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return f"perfplatform_{name}", frozenset(labels.items())


def test_token_opens_it(client: Client, token: dict[str, Any]) -> None:
    assert client.get("/metrics", **token).status_code == 200
    for wrong in ("", "Bearer", "Bearer x", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer é"):
        response = client.get("/metrics", HTTP_AUTHORIZATION=wrong)
        assert (response.status_code, response["WWW-Authenticate"]) == (401, "Bearer")


def test_no_token_is_set_and_none_opens_it(client: Client) -> None:
    assert client.get("/metrics", HTTP_AUTHORIZATION="Bearer ").status_code == 401


def test_staff_may_read_it(client: Client, owner_client: Client) -> None:
    assert owner_client.get("/metrics").status_code == 403
    client.force_login(factories.user("root", is_staff=True))
    assert client.get("/metrics").status_code == 200


def test_credentials_of_projects_and_people_do_not_open_it(project: Project, client: Client) -> None:
    secret = factories.project_key(project)
    assert client.get("/metrics", HTTP_AUTHORIZATION=f"Bearer {secret}").status_code == 401


def test_it_says_what_came_in_today(project: Project, client: Client, token: dict[str, Any]) -> None:
    now = timezone.now()
    sender = factories.bearer(factories.project_key(project))
    ledger = [{**vectors.batch(now)["ledger"][0], "dropped": {"queue_full": 4, "news": 1}}]
    late = batches.profile(started_at=vectors.rfc3339(now - timedelta(hours=7)))
    sender.post("/api/v1/ingest/", batches.batch(batches.profile(), late, ledger=ledger), format="json")
    Intake.objects.add(project.pk, Tally(profiles=9), at=now - timedelta(days=1))
    found = scrape(client, token)
    slug = project.slug
    assert found[at("ingested_items_total", project=slug, kind="profile")] == 1
    assert found[at("ingested_items_total", project=slug, kind="ledger")] == 1
    assert found[at("refused_items_total", project=slug, code="too_late")] == 1
    assert found[at("dropped_items_total", project=slug, reason="queue_full")] == 4
    assert found[at("dropped_items_total", project=slug, reason="other")] == 1
    assert found[at("daily_quota_profiles", project=slug)] == 1_000_000


def test_projects_without_a_quota_and_deleted_ones_are_left_out(
    project: Project, client: Client, token: dict[str, Any]
) -> None:
    Project.objects.filter(pk=project.pk).update(daily_profiles=0)
    gone = factories.project()
    Intake.objects.add(gone.pk, Tally(profiles=1), at=timezone.now())
    gone.mark_for_deletion()
    assert not [name for name, labels in scrape(client, token) if any(key == "project" for key, _ in labels)]


def test_it_says_what_runs(client: Client, token: dict[str, Any]) -> None:
    [(labels, value)] = [
        (dict(labels), value)
        for (name, labels), value in scrape(client, token).items()
        if name == "perfplatform_build_info"
    ]
    assert (labels["version"], labels["python"], value) == (VERSION, platform.python_version(), 1)
    told = tomllib.loads((project_settings.BASE_DIR / "pyproject.toml").read_text("utf-8"))
    assert told["project"]["version"] == VERSION


def test_lag_is_how_long_the_oldest_has_waited(
    client: Client, token: dict[str, Any], project: Project
) -> None:
    assert scrape(client, token)[at("fold_lag_seconds")] == 0
    now = timezone.now()
    minute = now.replace(second=0, microsecond=0)
    Process(project).send(ledgers.document(minute, ledgers.endpoint()), now=now - timedelta(seconds=90))
    assert 90 <= scrape(client, token)[at("fold_lag_seconds")] < 150


def test_waiting_tasks_are_counted() -> None:
    queue = uuid.uuid4().hex
    assert task_queue.length(queue) == 0
    for _ in range(3):
        heartbeat.apply_async(queue=queue)
    assert task_queue.length(queue) == 3


def test_without_redis_the_queue_is_left_out(
    client: Client, token: dict[str, Any], settings: Settings
) -> None:
    assert at("queue_length", queue="celery") in scrape(client, token)
    settings.ENVIRONMENT = dataclasses.replace(settings.ENVIRONMENT, redis_url="redis://127.0.0.1:1/0")
    assert at("queue_length", queue="celery") not in scrape(client, token)


def test_counts_of_hostile_names_stay_in_their_label(
    project: Project, client: Client, token: dict[str, Any]
) -> None:
    Intake.objects.add(project.pk, Tally(refused=Counter({'x"} 1\nevil 2': 3})), at=timezone.now())
    assert scrape(client, token)[at("refused_items_total", project=project.slug, code='x"} 1\nevil 2')] == 3
