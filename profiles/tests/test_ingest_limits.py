"""Limits of ingest over HTTP (docs/wire.md, section 4)."""

from __future__ import annotations

import dataclasses

import pytest
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from perfplatform import throttle
from perfplatform.environment import Limits
from profiles.tests import batches
from projects.models import Project
from projects.tests import factories

pytestmark = pytest.mark.django_db
INGEST = "/api/v1/ingest/"


@pytest.fixture
def sdk(project: Project) -> APIClient:
    return factories.bearer(factories.project_key(project))


def test_ingest_is_limited_by_key(project: Project, sdk: APIClient, settings: Settings) -> None:
    settings.LIMITS = Limits(per_key=2)
    for expected in (202, 202, 429):
        response = sdk.post(INGEST, batches.batch(batches.profile()), format="json")
        assert response.status_code == expected
    assert (response.json()["code"], response.json()["data"]) == (10004, {})
    assert 1 <= int(response["Retry-After"]) <= 30
    other = factories.bearer(factories.project_key(project))
    assert other.post(INGEST, batches.batch(batches.profile()), format="json").status_code == 202


def test_asking_for_settings_and_sending_are_limited_apart(sdk: APIClient, settings: Settings) -> None:
    settings.LIMITS = Limits(per_key=1)
    assert [sdk.get("/api/v1/sdk-config/").status_code for _ in range(2)] == [200, 429]
    assert sdk.post(INGEST, batches.batch(), format="json").status_code == 202


def test_hundred_processes_never_meet_the_defaults(sdk: APIClient) -> None:
    """All start at once, send and ask, and send again after 15 s: 200 batches at worst before any drips."""
    assert Limits().per_key >= 100 * 60 / 15 * 5
    body = batches.batch()
    assert {sdk.post(INGEST, body, format="json").status_code for _ in range(200)} == {202}


def test_ingest_goes_on_without_redis(sdk: APIClient, settings: Settings) -> None:
    settings.LIMITS = Limits(per_key=1, per_address=1)
    settings.ENVIRONMENT = dataclasses.replace(settings.ENVIRONMENT, redis_url="redis://127.0.0.1:1/0")
    try:
        answers = [sdk.post(INGEST, batches.batch(batches.profile()), format="json") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [202] * 3
    finally:
        throttle._Pause.until = 0.0
