from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from perfplatform import health
from perfplatform.models import Heartbeat
from perfplatform.tasks import heartbeat


def test_healthz_needs_no_server(client: Client) -> None:
    response = client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


@pytest.mark.django_db
def test_readyz_names_a_worker_that_never_reported(client: Client) -> None:
    response = client.get("/readyz")
    assert response.status_code == 503
    body = response.json()
    assert body["ready"] is False
    assert body["mongodb"]["ok"]
    assert body["redis"]["ok"]
    assert body["throttle"] == {"ok": True, "detail": ""}
    assert body["worker"] == {"ok": False, "detail": "has not reported yet"}


@pytest.mark.django_db
def test_readyz_is_ready_after_a_heartbeat(client: Client) -> None:
    heartbeat()
    response = client.get("/readyz")
    assert (response.status_code, response.json()["ready"]) == (200, True)


@pytest.mark.django_db
def test_readyz_names_a_worker_that_fell_silent(client: Client) -> None:
    Heartbeat.objects.create(name="worker", at=timezone.now() - health.SILENT_AFTER - timedelta(seconds=1))
    assert client.get("/readyz").json()["worker"]["detail"] == "has been silent for too long"


@pytest.mark.django_db
def test_readyz_names_redis_and_tells_no_address(client: Client, settings: Settings) -> None:
    import dataclasses

    settings.ENVIRONMENT = dataclasses.replace(
        settings.ENVIRONMENT, redis_url="redis://:secret@127.0.0.1:1/0"
    )
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["redis"] == {"ok": False, "detail": "does not answer"}
    assert "nothing is throttled" in response.json()["throttle"]["detail"]
    assert b"secret" not in response.content
