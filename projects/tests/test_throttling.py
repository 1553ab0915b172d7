"""Limits over HTTP: programs by key and address, people by name and address."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from perfplatform import throttle
from perfplatform.environment import Limits
from projects.models import Project, User
from projects.tests import factories

pytestmark = pytest.mark.django_db
CONFIG = "/api/v1/sdk-config/"


@pytest.fixture
def sdk(project: Project) -> APIClient:
    return factories.bearer(factories.project_key(project))


def statuses(client: Any, address: str, times: int, **extra: Any) -> list[int]:
    return [client.get(address, **extra).status_code for _ in range(times)]


def test_keys_that_do_not_exist_are_limited_by_address(sdk: APIClient, settings: Settings) -> None:
    settings.LIMITS = Limits(per_address=3)
    for number, expected in enumerate((401, 401, 401, 429)):
        assert factories.bearer(f"ppk_{number}").get(CONFIG).status_code == expected
    assert APIClient().get(CONFIG).status_code == 429
    assert sdk.get(CONFIG, REMOTE_ADDR="203.0.113.7").status_code == 200


def test_forwarded_address_counts_only_behind_a_trusted_proxy(sdk: APIClient, settings: Settings) -> None:
    settings.LIMITS = Limits(per_address=1)
    first, second = ({"HTTP_X_FORWARDED_FOR": f"203.0.113.{number}"} for number in (1, 2))
    assert [*statuses(sdk, CONFIG, 1, **first), *statuses(sdk, CONFIG, 1, **second)] == [200, 429]
    settings.TRUSTED_PROXIES = 1
    assert [*statuses(sdk, CONFIG, 2, **first), *statuses(sdk, CONFIG, 1, **second)] == [200, 429, 200]


# Signing in


def attempt(client: Client, username: str, password: str, **extra: Any) -> Any:
    return client.post("/login/?next=/account/", {"username": username, "password": password}, **extra)


def test_guessing_a_password_is_limited_by_name(owner: User, client: Client, settings: Settings) -> None:
    settings.LIMITS = Limits(sign_ins_per_name=3)
    for number in range(3):
        wrong = attempt(client, "owner", f"guess {number}", REMOTE_ADDR=f"203.0.113.{number}")
        assert wrong.status_code == 200
    # The right password is not even looked at, under whatever spelling of the name.
    response = attempt(client, " OWNER", factories.PASSWORD)
    assert response.status_code == 429
    assert 0 < int(response["Retry-After"]) <= 100
    page = response.content.decode()
    assert "too many attempts" in page
    assert 'value=" OWNER"' in page
    assert factories.PASSWORD not in page
    assert attempt(client, "somebody-else", "guess").status_code == 200


def test_guessing_names_is_limited_by_address(owner: User, client: Client, settings: Settings) -> None:
    settings.LIMITS = Limits(sign_ins_per_address=3)
    assert [attempt(client, f"name-{number}", "x").status_code for number in range(4)] == [200, 200, 200, 429]
    assert attempt(client, "owner", factories.PASSWORD, REMOTE_ADDR="203.0.113.9").status_code == 302


def test_signing_in_frees_the_name_and_not_the_address(
    owner: User, client: Client, settings: Settings
) -> None:
    settings.LIMITS = Limits(sign_ins_per_name=2, sign_ins_per_address=4)
    for expected in (302, 302, 302, 302, 429):
        client.logout()
        assert attempt(client, "owner", factories.PASSWORD).status_code == expected


def test_people_sign_in_without_redis(owner: User, client: Client, settings: Settings) -> None:
    settings.LIMITS = Limits(sign_ins_per_name=1)
    settings.ENVIRONMENT = dataclasses.replace(settings.ENVIRONMENT, redis_url="redis://127.0.0.1:1/0")
    try:
        assert attempt(client, "owner", "wrong").status_code == 200
        assert attempt(client, "owner", factories.PASSWORD)["Location"] == "/account/"
    finally:
        throttle._Pause.until = 0.0


def test_the_admin_has_no_door_of_its_own(owner: User, client: Client) -> None:
    response = client.post("/admin/login/?next=/admin/", {"username": "owner", "password": "guess"})
    assert response["Location"] == "/login/?next=/admin/"
    client.force_login(owner)
    assert client.get("/admin/login/").status_code == 403
    client.force_login(factories.user("root", is_staff=True))
    assert client.get("/admin/").status_code == 200
