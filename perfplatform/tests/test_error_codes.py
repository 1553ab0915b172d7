"""One test for each code of the table, each over HTTP."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path
from pymongo.errors import ServerSelectionTimeoutError
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from perfplatform import urls as real
from perfplatform.environment import Limits
from perfplatform.errors import TABLE, ErrorCode
from projects.models import Project, User
from projects.tests import factories

pytestmark = pytest.mark.django_db
PROJECTS = "/api/v1/projects/"

# Codes whose cause comes with later work, and with which.
NOT_YET = {
    ErrorCode.AI_SERVICE_UNAVAILABLE: "AI analyses",
    ErrorCode.ANALYSIS_IN_PROGRESS: "AI analyses",
}


def crash(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("a secret of the implementation")


def lose_database(request: HttpRequest) -> HttpResponse:
    raise ServerSelectionTimeoutError("mongodb://user:word@host did not answer")


urlpatterns = [path("api/v1/crash/", crash), path("api/v1/lost/", lose_database), *real.urlpatterns]
handler400, handler403, handler404, handler500 = (
    real.handler400,
    real.handler403,
    real.handler404,
    real.handler500,
)


@pytest.fixture
def quiet_client() -> Iterator[Client]:
    """A client that gets the answer to a crash, as a caller would."""
    with override_settings(ROOT_URLCONF=__name__):
        yield Client(raise_request_exception=False)


def check(response: object, status: int, code: ErrorCode) -> None:
    assert response.status_code == status  # type: ignore[attr-defined]
    body = response.json()  # type: ignore[attr-defined]
    assert set(body) == {"code", "msg", "data"}
    assert body["code"] == code
    assert body["msg"]


def test_success(api: APIClient) -> None:
    response = api.get(PROJECTS)
    assert response.json()["code"] == ErrorCode.SUCCESS
    assert response.json()["msg"] == "success"


def test_system_error(quiet_client: Client) -> None:
    response = quiet_client.get("/api/v1/crash/")
    check(response, 500, ErrorCode.SYSTEM_ERROR)
    assert b"secret" not in response.content
    assert response.json()["data"] == {}


def test_parameter_error(api: APIClient) -> None:
    check(api.post(PROJECTS, {}, format="json"), 400, ErrorCode.PARAMETER_ERROR)


def test_authentication_error() -> None:
    response = APIClient().get(PROJECTS)
    check(response, 401, ErrorCode.AUTHENTICATION_ERROR)
    assert response["WWW-Authenticate"] == "Bearer"


def test_permission_error(project: Project) -> None:
    client = factories.bearer(factories.project_key(project))
    check(client.get(PROJECTS), 403, ErrorCode.PERMISSION_ERROR)


def test_rate_limit_error(project: Project, settings: Settings) -> None:
    settings.LIMITS = Limits(per_key=1)
    client = factories.bearer(factories.project_key(project))
    assert client.get("/api/v1/sdk-config/").status_code == 200
    response = client.get("/api/v1/sdk-config/")
    check(response, 429, ErrorCode.RATE_LIMIT_ERROR)
    assert int(response["Retry-After"]) > 0


def test_database_error(quiet_client: Client) -> None:
    response = quiet_client.get("/api/v1/lost/")
    check(response, 503, ErrorCode.DATABASE_ERROR)
    assert b"word" not in response.content


def test_project_not_found(api: APIClient) -> None:
    for identifier in ("0" * 24, "nonsense"):
        check(api.get(f"{PROJECTS}{identifier}/"), 404, ErrorCode.PROJECT_NOT_FOUND)


def test_project_name_exists(api: APIClient, project: Project) -> None:
    check(api.post(PROJECTS, {"name": project.name}, format="json"), 409, ErrorCode.PROJECT_NAME_EXISTS)
    other = factories.project("Other", owner=User.objects.get(username="owner"))
    renamed = api.put(f"{PROJECTS}{other.pk}/", {"name": project.name}, format="json")
    check(renamed, 409, ErrorCode.PROJECT_NAME_EXISTS)


def test_invalid_project_key() -> None:
    client = factories.bearer("ppk_unknown")
    check(client.post("/api/v1/ingest/", {}, format="json"), 401, ErrorCode.INVALID_PROJECT_KEY)


def test_performance_data_invalid(project: Project) -> None:
    client = factories.bearer(factories.project_key(project))
    response = client.post("/api/v1/ingest/", b"{", content_type="application/json")
    check(response, 400, ErrorCode.PERFORMANCE_DATA_INVALID)


def test_profile_not_found(api: APIClient) -> None:
    check(api.get(f"/api/v1/profiles/{'0' * 32}/"), 404, ErrorCode.PROFILE_NOT_FOUND)


def test_every_code_has_its_test_or_its_reason() -> None:
    names = {name for name, _test in inspect.getmembers(sys.modules[__name__], inspect.isfunction)}
    for code in ErrorCode:
        assert (f"test_{code.name.lower()}" in names) != (code in NOT_YET), code.name
    assert set(TABLE) == set(ErrorCode) - {ErrorCode.SUCCESS}


def test_messages_follow_accept_language() -> None:
    response = APIClient().get(PROJECTS, headers={"accept-language": "zh-CN"})
    assert (
        response.json()["msg"] != APIClient().get(PROJECTS, headers={"accept-language": "en"}).json()["msg"]
    )


@pytest.mark.parametrize("address", ["/api/", "/api/v1/", "/api/v1/nothing/here/", "/api/v2/projects/"])
def test_unknown_addresses_answer_in_the_envelope(client: Client, address: str) -> None:
    check(client.get(address), 404, ErrorCode.PARAMETER_ERROR)


def test_wrong_methods_answer_in_the_envelope(api: APIClient) -> None:
    check(api.patch(PROJECTS), 405, ErrorCode.PARAMETER_ERROR)


def test_wrong_content_types_answer_in_the_envelope(api: APIClient) -> None:
    check(api.post(PROJECTS, "name=x", content_type="text/csv"), 415, ErrorCode.PARAMETER_ERROR)


def test_broken_json_answers_in_the_envelope(api: APIClient) -> None:
    check(api.post(PROJECTS, b"{", content_type="application/json"), 400, ErrorCode.PARAMETER_ERROR)
