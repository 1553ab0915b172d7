"""Uploading a file of pyinstrument: by script and on the page."""

from __future__ import annotations

import json
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pyinstrument import Profiler
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from perfplatform import body_limit, mongo
from perfplatform.environment import Limits
from profiles import pyisession, upload
from profiles.models import Intake, Profile, SessionBlob
from profiles.pyisession import Problem, UnusableFile
from profiles.tests import batches
from profiles.tests.test_pyisession import FRAME, old
from projects.models import Deploy, Project, Version
from projects.tests import factories

pytestmark = pytest.mark.django_db
UPLOAD = "/api/v1/upload/"
FILES = Path(__file__).parent / "pyisessions"
TARGET = {
    "version": "2.0",
    "environment": "development",
    "kind": "request",
    "method": "get",
    "endpoint": "/orders/<id>",
}


@pytest.fixture
def sender(project: Project) -> APIClient:
    return factories.bearer(factories.project_key(project))


def file_of(content: Any, name: str = "app.pyisession") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content if isinstance(content, bytes) else json.dumps(content).encode())


def send(client: APIClient, content: Any, **changes: Any) -> Any:
    return client.post(UPLOAD, {**TARGET, "file": file_of(content), **changes}, format="multipart")


def everything() -> list[list[dict[str, Any]]]:
    return [
        list(mongo.collection(model).find().sort("_id")) for model in (Profile, SessionBlob, Version, Deploy)
    ]


# By script


def test_file_becomes_a_profile(project: Project, sender: APIClient) -> None:
    before = timezone.now()
    response = send(sender, (FILES / "pyinstrument-4.4.0.pyisession").read_bytes())
    assert response.status_code == 201
    data = response.json()["data"]
    assert data["is_new"] is True
    assert data["url"].endswith(f"/profiles/{data['profile_id']}/")
    stored = Profile.objects.find(data["profile_id"])
    assert stored is not None
    assert (stored.project_id, stored.version_name, stored.environment) == (project.pk, "2.0", "development")
    assert (stored.kind, stored.method, stored.endpoint) == ("request", "GET", "/orders/<id>")
    assert (stored.trigger, stored.engine, stored.status, stored.is_error) == (
        "manual",
        "pyinstrument",
        None,
        False,
    )
    saved = json.loads((FILES / "pyinstrument-4.4.0.pyisession").read_text())
    assert stored.started_at.timestamp() == pytest.approx(saved["start_time"], abs=0.001)
    assert stored.duration_us == round(saved["duration"] * 1_000_000)
    assert stored.interval_us == 1_000
    assert stored.tags == {"file": "app.pyisession", "pyinstrument": "4", "recorded": "app.py"}
    session = SessionBlob.objects.session(stored.pk)
    assert [[list(stack), seconds] for stack, seconds in session["frame_records"]] == saved["frame_records"]
    assert stored.expires_at - stored.received_at == timedelta(days=project.retention_days)
    assert stored.received_at >= before - timedelta(milliseconds=1)


def test_file_of_the_pyinstrument_of_today(sender: APIClient, tmp_path: Path) -> None:
    profiler = Profiler()
    with profiler:
        sum(range(1000))
    assert profiler.last_session is not None
    profiler.last_session.save(tmp_path / "now.pyisession")
    data = send(sender, (tmp_path / "now.pyisession").read_bytes()).json()["data"]
    assert Profile.objects.get(pk=data["profile_id"]).tags["pyinstrument"] == "5"


def test_same_file_again_changes_nothing(sender: APIClient) -> None:
    first = send(sender, old())
    before = everything()
    again = send(sender, old(), version="3.0", endpoint="/elsewhere")
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["data"] == {**first.json()["data"], "is_new": False}
    assert everything() == before


def test_same_file_in_another_project_is_another_profile(sender: APIClient) -> None:
    other = factories.bearer(factories.project_key(factories.project()))
    ids = {send(client, old()).json()["data"]["profile_id"] for client in (sender, other)}
    assert len(ids) == Profile.objects.count() == 2


def test_old_recording_is_kept_from_now_on(project: Project, sender: APIClient) -> None:
    data = send(sender, old(start_time=1_000_000_000.0)).json()["data"]
    stored = Profile.objects.get(pk=data["profile_id"])
    assert stored.started_at.year == 2001
    assert stored.expires_at > timezone.now() + timedelta(days=project.retention_days - 1)


def test_version_of_a_file_is_not_deployed_by_it(sender: APIClient) -> None:
    send(sender, old())
    assert Version.objects.get().name == "2.0"
    assert Deploy.objects.count() == 0


def test_task_has_no_method(sender: APIClient) -> None:
    data = send(sender, old(), kind="task", endpoint="shop.mail").json()["data"]
    stored = Profile.objects.get(pk=data["profile_id"])
    assert (stored.kind, stored.method, stored.endpoint) == ("task", "", "shop.mail")


HOSTILE: list[tuple[Any, str]] = [
    (b"not JSON", "no recording of pyinstrument"),
    (json.dumps(old(duration=float("nan"))).encode(), "NaN or Infinity"),
    (old(duration=-1), "negative"),
    (old(frame_records=[[[FRAME] * 10_000, 0.1]]), "5,000 frames"),
    (b"[" * 10_000 + b"]" * 10_000, "no recording that pyinstrument saved"),
    (old(frame_records=[[["f" * 2**20], 0.1]]), "4,096 characters"),
    (json.dumps(old()).replace("work", "\\ud800").encode(), "Unicode"),
    (old(frame_records=[[["f\x00\x00\x00f\x001"], 0.1]]), "damaged"),
    (old(start_time=0), "before the year 2000"),
    (old(start_time=9_999_999_999), "in the future"),
    (old(frame_records=[[[], 0.1]] * 500_001), "too many samples"),
]


@pytest.mark.parametrize(("content", "told"), HOSTILE)
def test_hostile_files_are_refused_in_a_sentence(sender: APIClient, content: Any, told: str) -> None:
    response = send(sender, content)
    assert (response.status_code, response.json()["code"]) == (422, 20004)
    assert told in response.json()["msg"]
    assert response.json()["msg"].endswith((".", ")"))
    assert everything() == [[], [], [], []]
    assert Intake.objects.count() == 0


def test_every_problem_has_its_sentence() -> None:
    assert set(upload.SENTENCES) == set(Problem)
    for problem in Problem:
        assert upload.sentence(UnusableFile(problem))


def test_sentences_follow_accept_language(sender: APIClient) -> None:
    english = send(sender, b"x", HTTP_ACCEPT_LANGUAGE="en").json()["msg"]
    assert english.startswith("The file is no recording")


def test_empty_and_missing_files_are_parameters(sender: APIClient) -> None:
    for sent in ({**TARGET, "file": file_of(b"")}, TARGET, {"file": file_of(old())}):
        response = sender.post(UPLOAD, sent, format="multipart")
        assert (response.status_code, response.json()["code"]) == (400, 10001)


@pytest.mark.parametrize(
    "change",
    [
        {"version": "v" * 129},
        {"environment": "e" * 65},
        {"endpoint": "/" * 513},
        {"method": "m" * 17},
        {"kind": "job"},
        {"endpoint": "a\x00b"},
        {"version": ""},
    ],
)
def test_wrong_targets_are_refused(sender: APIClient, project: Project, change: dict[str, Any]) -> None:
    response = send(sender, old(), **change)
    assert (response.status_code, response.json()["code"]) == (400, 10001)
    assert set(response.json()["data"]["errors"]) == set(change)
    client = Client()
    client.force_login(factories.member(project, "editor"))
    page = client.post(address(project), {**TARGET, "file": file_of(old()), **change})
    assert page.status_code == 422
    assert f'id="id_{next(iter(change))}_error"' in page.content.decode()
    assert Profile.objects.count() == 0


def test_file_of_32_megabytes_is_read_and_one_more_byte_is_not(sender: APIClient) -> None:
    content = json.dumps(old()).encode()
    assert send(sender, content.ljust(pyisession.LARGEST_FILE_BYTES)).status_code == 201
    response = send(sender, content.ljust(pyisession.LARGEST_FILE_BYTES + 1))
    assert (response.status_code, response.json()["code"]) == (422, 20004)
    assert "over 32 MB" in response.json()["msg"]


def test_larger_requests_are_refused_before_they_are_read(sender: APIClient, client: Client) -> None:
    too_large = str(body_limit.LARGEST_REQUEST_BYTES + 1)
    response = sender.post(UPLOAD, {**TARGET, "file": file_of(b"x")}, CONTENT_LENGTH=too_large)
    assert (response.status_code, response.json()["code"]) == (413, 10001)
    page = client.post("/login/", {"username": "x"}, CONTENT_LENGTH=too_large)
    assert page.status_code == 413
    assert "At most 32 MB" in page.content.decode()


def test_quota_holds_for_files_too(project: Project, sender: APIClient) -> None:
    batches.stored_profile(project)
    Project.objects.filter(pk=project.pk).update(daily_profiles=1)
    response = send(sender, old())
    assert (response.status_code, response.json()["code"]) == (429, 10004)
    assert "its 1 profiles of today" in response.json()["msg"]
    assert 0 < int(response["Retry-After"]) <= 86_400
    assert Profile.objects.count() == 1


def test_uploads_are_limited(sender: APIClient, settings: Settings) -> None:
    settings.LIMITS = Limits(uploads=1)
    assert [send(sender, old()).status_code for _ in range(2)] == [201, 429]


# Who may


def test_personal_token_of_an_editor(project: Project) -> None:
    for role, expected in (("viewer", (403, 10003)), ("editor", (201, 0)), ("owner", (200, 0))):
        client = factories.api_client(factories.member(project, role))
        response = send(client, old(), project=str(project.pk))
        assert (response.status_code, response.json()["code"]) == expected, role
    stranger = factories.api_client(factories.user())
    assert send(stranger, old(), project=str(project.pk)).json()["code"] == 20001


def test_personal_token_names_its_project(api: APIClient) -> None:
    for named, expected in (({}, 10001), ({"project": "nonsense"}, 20001), ({"project": "0" * 24}, 20001)):
        assert send(api, old(), **named).json()["code"] == expected


def test_key_is_of_one_project(project: Project, sender: APIClient) -> None:
    assert send(sender, old(), project=str(project.pk)).status_code == 201
    other = factories.project()
    assert send(sender, old(duration=1), project=str(other.pk)).json()["code"] == 10001


def test_other_credentials_are_refused(project: Project) -> None:
    assert send(APIClient(), old()).json()["code"] == 10002
    assert send(factories.bearer("ppk_unknown"), old()).json()["code"] == 20003
    assert send(factories.bearer(factories.deploy_token(project)), old()).json()["code"] == 10003


def test_paused_project_takes_no_file(project: Project, sender: APIClient, owner_client: Client) -> None:
    Project.objects.filter(pk=project.pk).update(status=Project.Status.PAUSED)
    assert send(sender, old()).json()["code"] == 10003
    api = factories.api_client(factories.member(project, "editor"))
    assert send(api, old(), project=str(project.pk)).json()["code"] == 10003
    page = owner_client.post(address(project), {**TARGET, "file": file_of(old())})
    assert page.status_code == 422
    assert "paused" in page.content.decode()
    assert Profile.objects.count() == 0


# On the page


def address(project: Project) -> str:
    return reverse("profiles:upload", args=[project.slug])


def test_person_stands_on_the_profile_afterwards(project: Project, owner_client: Client) -> None:
    for told in ("The file was uploaded.", "uploaded before"):
        response = owner_client.post(address(project), {**TARGET, "file": file_of(old())}, follow=True)
        assert response.redirect_chain[-1][0] == f"/profiles/{Profile.objects.get().pk}/"
        page = response.content.decode()
        assert told in page
        assert "an uploaded file" in page
        assert '<span class="chip">uploaded</span>' in page
        assert "main.py --fast" in page


def test_wrong_file_is_told_beside_its_field(project: Project, owner_client: Client) -> None:
    response = owner_client.post(address(project), {**TARGET, "file": file_of(b"{")})
    assert response.status_code == 422
    page = unescape(response.content.decode())
    assert "no recording of pyinstrument" in page[page.index('id="id_file_error"') :]
    assert 'value="/orders/<id>"' in page


def test_page_suggests_what_is_known(project: Project, owner_client: Client) -> None:
    batches.stored_profile(project, endpoint="/known/<id>")
    page = unescape(owner_client.get(address(project)).content.decode())
    assert '<option value="/known/<id>">' in page
    assert '<option value="1.4.2">' in page


def test_people_are_limited_too(project: Project, owner_client: Client, settings: Settings) -> None:
    settings.LIMITS = Limits(uploads=1)
    statuses = [
        owner_client.post(address(project), {**TARGET, "file": file_of(old())}).status_code for _ in range(2)
    ]
    assert statuses == [302, 429]


def test_quota_is_told_on_the_page(project: Project, owner_client: Client) -> None:
    batches.stored_profile(project)
    Project.objects.filter(pk=project.pk).update(daily_profiles=1)
    response = owner_client.post(address(project), {**TARGET, "file": file_of(old())})
    assert response.status_code == 429
    assert "its 1 profiles of today" in response.content.decode()


def test_only_those_who_may_see_the_button(project: Project, owner_client: Client) -> None:
    batches.stored_profile(project)
    viewer = Client()
    viewer.force_login(factories.member(project, "viewer"))
    listing = reverse("profiles:profiles", args=[project.slug])
    assert address(project) in owner_client.get(listing).content.decode()
    assert address(project) not in viewer.get(listing).content.decode()


def test_schema_shows_the_upload() -> None:
    operation = Client().get("/api/v1/schema/").json()["paths"][UPLOAD]["post"]
    assert operation["security"] == [{"personalTokenOrProjectKey": []}]
    assert list(operation["requestBody"]["content"]) == ["multipart/form-data"]
    assert {"200", "201"} <= set(operation["responses"])
