"""What SDKs are told: their own address, the two by which people set it, and the section of the settings."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from html import unescape
from typing import Any

import pytest
from bson import ObjectId
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from perfplatform import mongo
from projects import sdk_settings
from projects.forms import SdkSettingsForm
from projects.models import Key, Project, RecordingOrder, User
from projects.serializers import ProjectSerializer, SdkSettingsSerializer
from projects.tests import factories

pytestmark = pytest.mark.django_db
CONFIG = "/api/v1/sdk-config/"
UNSET: dict[str, Any] = {
    "enabled": True,
    "engine": None,
    "sample_interval": None,
    "slow_threshold": None,
    "overhead_budget": None,
    "keep_per_minute": None,
    "keep_slow_per_minute": None,
    "keep_error_per_minute": None,
    "include": [],
    "exclude": [],
}
SET: dict[str, Any] = {
    "enabled": False,
    "engine": "sampler",
    "sample_interval": 0.02,
    "slow_threshold": 0.5,
    "overhead_budget": 0.1,
    "keep_per_minute": 1,
    "keep_slow_per_minute": 0,
    "keep_error_per_minute": 1000,
    "include": ["/orders/*", "GET /cart"],
    "exclude": ["/health"],
}


@pytest.fixture
def sdk(project: Project) -> APIClient:
    return factories.bearer(factories.project_key(project))


def at(project: Project, what: str) -> str:
    return f"/api/v1/projects/{project.pk}/{what}/"


def order(project: Project, **fields: Any) -> RecordingOrder:
    said = {"method": "GET", "route": "/cart", "count": 3, "until": timezone.now() + timedelta(minutes=5)}
    return RecordingOrder.objects.create(project=project, **{**said, **fields})


# What an SDK asks for


def test_sdk_of_a_new_project_is_told_that_all_is_left_to_it(sdk: APIClient) -> None:
    response = sdk.get(CONFIG)
    assert response.json() == {"code": 0, "msg": "success", "data": {**UNSET, "requests": []}}
    assert response["Cache-Control"].startswith("private")


def test_sdk_is_told_what_was_set_and_asked_for(project: Project, api: APIClient, sdk: APIClient) -> None:
    assert api.put(at(project, "sdk-settings"), SET, format="json").json()["data"] == SET
    said = {"method": "get", "route": "/cart/<int:id>", "count": 3, "minutes": 10}
    made = api.post(at(project, "recordings"), said, format="json")
    assert made.status_code == 201, made.content
    data = sdk.get(CONFIG).json()["data"]
    assert data == {**SET, "requests": [made.json()["data"]]}
    (request,) = data["requests"]
    assert (request["method"], request["route"], request["count"]) == ("GET", "/cart/<int:id>", 3)
    assert set(request) == {"id", "method", "route", "count", "until"}
    assert request["until"].endswith("Z")


def test_answer_is_that_of_the_shared_vector(project: Project, sdk: APIClient) -> None:
    vector = json.loads((settings.BASE_DIR / "docs" / "vectors" / "sdk-config.json").read_text("utf-8"))
    (said,) = vector["data"]["requests"]
    until = datetime.fromisoformat(said["until"])
    order(project, pk=ObjectId(said["id"]), route=said["route"], count=said["count"], until=until)
    project.set_sdk_settings({"sample_interval": 0.02, "keep_per_minute": 1, "exclude": ["/health*"]})
    assert sdk.get(CONFIG).json() == vector


def test_recordings_end(project: Project, sdk: APIClient) -> None:
    now = timezone.now()
    order(project, route="/over", until=now - timedelta(seconds=1))
    order(project, route="/first")
    order(project, route="/second")
    order(factories.project(), route="/elsewhere")
    assert [said["route"] for said in sdk.get(CONFIG).json()["data"]["requests"]] == ["/first", "/second"]


def test_what_has_not_changed_is_not_sent_again(project: Project, sdk: APIClient) -> None:
    first = sdk.get(CONFIG)
    etag = first["ETag"]
    again = sdk.get(CONFIG, headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")
    assert (again["ETag"], again["Cache-Control"]) == (etag, first["Cache-Control"])
    # A proxy that compresses makes the tag a weak one.
    assert sdk.get(CONFIG, headers={"If-None-Match": f'"x", W/{etag}'}).status_code == 304
    order(project)
    changed = sdk.get(CONFIG, headers={"If-None-Match": etag})
    assert changed.status_code == 200
    assert changed["ETag"] != etag
    project.set_sdk_settings({**UNSET, "engine": "none"})
    assert sdk.get(CONFIG, headers={"If-None-Match": changed["ETag"]}).status_code == 200


def test_asking_costs_reads_by_index_and_one_write_a_minute(project: Project, sdk: APIClient) -> None:
    sdk.get(CONFIG)
    assert Key.objects.get().last_used_at is not None
    with CaptureQueriesContext(connection) as queries:
        etag = sdk.get(CONFIG)["ETag"]
        sdk.get(CONFIG, headers={"If-None-Match": etag})
    collections = [query["sql"].split(".")[1] for query in queries.captured_queries]
    assert collections == ["projects_key", "projects_project", "projects_recordingorder"] * 2
    assert all(".aggregate(" in query["sql"] for query in queries.captured_queries)
    plan = RecordingOrder.objects.filter(project=project, until__gt=timezone.now()).explain()
    assert '"IXSCAN"' in plan
    assert '"COLLSCAN"' not in plan


@pytest.mark.parametrize("kind", ["ppd_", "ppt_"])
def test_other_credentials_are_refused(project: Project, owner: User, kind: str) -> None:
    secret = factories.deploy_token(project) if kind == "ppd_" else factories.personal_token(owner)
    response = factories.bearer(secret).get(CONFIG)
    assert (response.status_code, response.json()["code"]) == (403, 10003)


def test_unknown_and_missing_keys_are_told_apart(project: Project, sdk: APIClient) -> None:
    assert APIClient().get(CONFIG).json()["code"] == 10002
    assert factories.bearer("ppk_unknown").get(CONFIG).json()["code"] == 20003
    Key.objects.get().revoke()
    assert sdk.get(CONFIG).json()["code"] == 20003


def test_a_project_key_sets_nothing(project: Project, sdk: APIClient) -> None:
    for response in (
        sdk.put(at(project, "sdk-settings"), SET, format="json"),
        sdk.post(at(project, "recordings"), {}, format="json"),
    ):
        assert (response.status_code, response.json()["code"]) == (403, 10003)


# What people set


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_editors_set_and_viewers_read(project: Project, role: str) -> None:
    client = factories.api_client(factories.member(project, role))
    assert client.get(at(project, "sdk-settings")).json()["data"] == UNSET
    changed = client.put(at(project, "sdk-settings"), SET, format="json")
    said = {"route": "shop.price", "count": 1, "minutes": 1}
    ordered = client.post(at(project, "recordings"), said, format="json")
    answers = (changed.status_code, ordered.status_code)
    assert answers == ((200, 201) if role == "editor" else (403, 403))
    project.refresh_from_db()
    assert project.sdk_settings == (SET if role == "editor" else UNSET)


def test_what_is_left_out_is_left_to_the_sdk(project: Project, api: APIClient) -> None:
    api.put(at(project, "sdk-settings"), SET, format="json")
    assert api.put(at(project, "sdk-settings"), {"engine": "none"}, format="json").json()["data"] == {
        **UNSET,
        "engine": "none",
    }


def test_settings_stored_by_an_older_platform_are_completed(project: Project, sdk: APIClient) -> None:
    project.set_sdk_settings({"engine": "none", "colour": "red"})
    assert sdk.get(CONFIG).json()["data"] == {**UNSET, "engine": "none", "requests": []}


def test_other_changes_of_the_project_leave_the_sampling_alone(
    project: Project, api: APIClient, owner_client: Client
) -> None:
    stale = Project.objects.get(pk=project.pk)
    project.set_sdk_settings(SET)
    general = {
        "name": "Shop 2",
        "description": "",
        "language": "en",
        "time_zone": "UTC",
        "status": "active",
        "retention_days": "14",
        "daily_profiles": "500",
    }
    serializer = ProjectSerializer(stale, data={"name": "Shop 3"})
    assert serializer.is_valid()
    serializer.save()
    assert owner_client.post(reverse("projects:change", args=[project.slug]), general).status_code == 302
    project.refresh_from_db()
    assert (project.name, project.sdk_settings) == ("Shop 2", SET)


WRONG = [
    ("enabled", "perhaps"),
    ("engine", "magic"),
    ("sample_interval", "0"),
    ("sample_interval", "2"),
    ("sample_interval", "nan"),
    ("slow_threshold", "inf"),
    ("slow_threshold", "3601"),
    ("overhead_budget", "-1"),
    ("keep_per_minute", "1001"),
    ("keep_slow_per_minute", "1.5"),
    ("keep_error_per_minute", "many"),
    ("include", "x" * 513),
    ("exclude", "/a\n" * 101),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_page_and_api_refuse_the_same(name: str, wrong: str) -> None:
    form = SdkSettingsForm({"enabled": "True", name: wrong})
    assert set(form.errors) == {name}
    said = wrong.splitlines() if name in sdk_settings.PATTERNS else wrong
    serializer = SdkSettingsSerializer(data={name: said})
    assert not serializer.is_valid()
    assert set(serializer.errors) == {name}


def test_page_and_api_make_the_same() -> None:
    entered = {**SET, "include": "/orders/*\n\n  GET /cart ", "exclude": "/health"}
    form = SdkSettingsForm(entered)
    assert form.is_valid(), form.errors
    serializer = SdkSettingsSerializer(data=SET)
    assert serializer.is_valid()
    assert form.cleaned_data == serializer.validated_data == SET
    empty = SdkSettingsForm({"enabled": "True"})
    assert empty.is_valid()
    assert empty.cleaned_data == sdk_settings.unset() == UNSET


@pytest.mark.parametrize(
    "change",
    [
        {"route": ""},
        {"route": "x" * 513},
        {"method": "x" * 17},
        {"count": 0},
        {"count": 101},
        {"minutes": 0},
        {"minutes": 61},
        {"minutes": None},
    ],
)
def test_wrong_recordings_are_refused(project: Project, api: APIClient, change: dict[str, Any]) -> None:
    said = {"method": "GET", "route": "/cart", "count": 3, "minutes": 10, **change}
    response = api.post(at(project, "recordings"), said, format="json")
    assert (response.status_code, response.json()["code"]) == (400, 10001)
    assert set(response.json()["data"]["errors"]) == set(change)


def test_recordings_that_run_at_the_same_time_are_bounded(project: Project, api: APIClient) -> None:
    until = timezone.now() + timedelta(minutes=5)
    RecordingOrder.objects.bulk_create(
        RecordingOrder(project=project, route=f"/{number}", count=1, until=until) for number in range(100)
    )
    said = {"route": "/one-more", "count": 1, "minutes": 1}
    response = api.post(at(project, "recordings"), said, format="json")
    assert (response.status_code, response.json()["code"]) == (429, 10004)


def test_old_recordings_are_deleted_by_the_database() -> None:
    indexes = mongo.collection(RecordingOrder).index_information()
    assert indexes["until_ttl"]["expireAfterSeconds"] == 0


# The section of the settings


def page_of(client: Client, project: Project) -> str:
    return unescape(client.get(reverse("projects:settings", args=[project.slug])).content.decode())


def test_sampling_is_set_on_the_page(project: Project) -> None:
    client = Client()
    client.force_login(factories.member(project, "editor"))
    entered = {**SET, "include": "/orders/*\nGET /cart", "exclude": "/health"}
    address = reverse("projects:change_sampling", args=[project.slug])
    response = client.post(address, entered)
    assert response["Location"] == f"{reverse('projects:settings', args=[project.slug])}#sampling"
    project.refresh_from_db()
    assert project.sdk_settings == SET
    page = page_of(client, project)
    assert "Only an owner of the project can change them, apart from the sampling." in page
    assert "/orders/*\nGET /cart</textarea>" in page
    assert '<option value="sampler" selected>' in page
    assert '<option value="False" selected>' in page


def test_wrong_sampling_is_told_beside_the_field(project: Project, owner_client: Client) -> None:
    address = reverse("projects:change_sampling", args=[project.slug])
    response = owner_client.post(address, {"enabled": "True", "exclude": "/a\n" * 101, "slow_threshold": "7"})
    assert response.status_code == 422
    page = unescape(response.content.decode())
    assert 'id="sampling_exclude_error"' in page
    assert "At most 100 patterns, each of at most 512 characters." in page
    assert 'value="7"' in page
    project.refresh_from_db()
    assert project.sdk_settings == UNSET


def test_viewers_see_the_sampling_and_no_button(project: Project) -> None:
    client = Client()
    client.force_login(factories.member(project, "viewer"))
    page = page_of(client, project)
    section = page[page.index('aria-labelledby="sampling"') : page.index('aria-labelledby="keys"')]
    assert "<fieldset disabled>" in section
    assert "<button" not in section


def test_sampling_speaks_chinese(project: Project, owner_client: Client) -> None:
    owner_client.cookies["perfplatform_language"] = "zh-hans"
    page = page_of(owner_client, project)
    section = page[page.index('aria-labelledby="sampling"') : page.index('aria-labelledby="keys"')]
    assert "采集引擎" in section
    assert "Engine" not in section


# Documentation


def test_schema_names_the_addresses() -> None:
    paths = Client().get("/api/v1/schema/").json()["paths"]
    config = paths["/api/v1/sdk-config/"]["get"]
    assert config["security"] == [{"projectKey": []}]
    assert "304" in config["responses"]
    assert set(paths["/api/v1/projects/{project_id}/sdk-settings/"]) == {"get", "put"}
    assert set(paths["/api/v1/projects/{project_id}/recordings/"]) == {"post"}
