"""REST API of profiles over HTTP."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from perfplatform import mongo
from profiles import export
from profiles.api import exports as profiles_api
from profiles.models import Profile, SessionBlob
from profiles.models import profile as profile_model
from profiles.queries import ProfileFilters
from profiles.tests import batches, vectors
from profiles.tests.test_served import SLOW
from projects.models import Project, User
from projects.tests import factories

HOSTILE = "</script><script>alert(1)</script>"
FORMATS = {
    "html": ("text/html; charset=utf-8", ".html"),
    "speedscope": ("application/octet-stream", ".speedscope.json"),
    "text": ("text/plain; charset=utf-8", ".txt"),
    "pstats": ("application/octet-stream", ".pstats"),
    "folded": ("text/plain; charset=utf-8", ".folded.txt"),
    "pprof": ("application/octet-stream", ".pb.gz"),
}
# Those that pyinstrument's recursive renderers write.
SHALLOW_FORMATS = ("html", "speedscope", "text")


def body(response: Any) -> bytes:
    """The whole of an answer that may come bit by bit."""
    content: bytes = response.getvalue()
    return gzip.decompress(content) if response.get("Content-Disposition", "").endswith('.gz"') else content


def listing(api: APIClient, project: Project, **query: Any) -> tuple[int, dict[str, Any]]:
    response = api.get(f"/api/v1/projects/{project.pk}/profiles/", query)
    return response.status_code, response.json()


def found(api: APIClient, project: Project, **query: Any) -> list[str]:
    status, answer = listing(api, project, **query)
    assert status == 200, answer
    return [item["id"] for item in answer["data"]["items"]]


def test_list_is_paged(api: APIClient, project: Project) -> None:
    stored = {batches.stored_profile(project) for _ in range(5)}
    _, first = listing(api, project, page_size=2)
    pagination = first["data"]["pagination"]
    cursor = pagination.pop("next_cursor")
    assert pagination == {
        "page": 1,
        "page_size": 2,
        "total": 5,
        "total_is_capped": False,
        "total_pages": 3,
        "has_next": True,
        "has_prev": False,
    }
    assert cursor
    by_page = [profile for page in (1, 2, 3) for profile in found(api, project, page_size=2, page=page)]
    assert set(by_page) == stored
    assert found(api, project, page_size=2, cursor=cursor) == by_page[2:4]
    _, last = listing(api, project, page_size=2, page=3)
    assert last["data"]["pagination"]["has_next"] is False
    assert last["data"]["pagination"]["has_prev"] is True


def test_list_shows_profiles_without_what_is_heavy(api: APIClient, project: Project) -> None:
    profile_id = batches.stored_profile(project)
    _, answer = listing(api, project)
    [item] = answer["data"]["items"]
    assert (item["id"], item["project_id"], item["version"]) == (profile_id, str(project.pk), "1.4.2")
    assert item["started_at"].endswith("Z")
    assert not {"tags", "counters", "session"} & set(item)


def test_list_is_filtered(api: APIClient, project: Project) -> None:
    plain = batches.stored_profile(project)
    slow = batches.stored_profile(project, duration_us=9_000_000, trigger="slow")
    failed = batches.stored_profile(project, status=500)
    task = batches.stored_profile(project, kind="task", method="", status=None, endpoint="mail & more/ü")
    assert set(found(api, project)) == {plain, slow, failed, task}
    assert found(api, project, endpoint="mail & more/ü") == [task]
    assert found(api, project, kind="task") == [task]
    assert found(api, project, status="error") == [failed]
    assert found(api, project, status="500") == [failed]
    assert found(api, project, min_duration_us=9_000_000) == [slow]
    assert found(api, project, version="2.0") == []
    assert found(api, project, trigger="slow") == [slow]
    assert found(api, project, max_duration_us=9_000_000, min_duration_us=9_000_000) == [slow]
    assert found(api, project, order="slowest")[0] == slow
    assert found(api, project, exception="a.B") == []
    assert found(api, project, until="2026-01-01T00:00:00Z") == []
    assert len(found(api, project, since="2026-01-01T00:00:00Z")) == 4
    assert set(found(api, project, version="1.4.2", environment="production", status="ok", kind="")) == {
        plain,
        slow,
        task,
    }


@pytest.mark.parametrize(
    "query",
    [
        {"page": 0},
        {"page": "x"},
        {"page_size": 101},
        {"page_size": 0},
        {"status": "bad"},
        {"status": "200 OR 1"},
        {"kind": "job"},
        {"min_duration_us": -1},
        {"min_duration_us": 2**64},
        {"cursor": "nonsense"},
        {"page": 401, "page_size": 25},
        {"endpoint": "x" * 513},
        {"order": "upwards"},
        {"trigger": "because"},
        {"tag": "acme"},
        {"since": "yesterday"},
        {"until": "2026-01-01T00:00:00Z", "since": "2026-01-02T00:00:00Z"},
        {"max_duration_us": 1, "min_duration_us": 2},
    ],
)
def test_list_refuses_nonsense(api: APIClient, project: Project, query: dict[str, Any]) -> None:
    status, answer = listing(api, project, **query)
    assert (status, answer["code"]) == (400, 10001)
    assert next(iter(query)) in answer["msg"]


def test_filters_by_what_is_rare(api: APIClient, project: Project) -> None:
    batches.stored_profile(project, tags={})
    told = {"error_type": "builtins.KeyError", "tags": {"tenant": "a=b"}, "trace_id": "t-1"}
    wanted = batches.stored_profile(project, **told)
    queries = [{"exception": "builtins.KeyError"}, {"tag": "tenant=a=b"}, {"trace_id": "t-1"}]
    for query in queries:
        assert found(api, project, **query) == [wanted]
    assert found(api, project, host="web-1.example") == found(api, project)


def test_a_search_that_is_given_up_says_what_helps(
    api: APIClient, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches.stored_profile(project)
    monkeypatch.setattr(profile_model, "LIST_TIME_MS", 1)
    monkeypatch.setattr(ProfileFilters, "query", lambda _filters: SLOW)
    status, answer = listing(api, project)
    assert (status, answer["code"]) == (400, 10001)
    assert "Add a version or an endpoint" in answer["msg"]


def test_page_beyond_the_end(api: APIClient, project: Project) -> None:
    assert listing(api, project, page=1)[0] == 200
    status, answer = listing(api, project, page=2)
    assert (status, answer["code"]) == (404, 10001)


def test_detail(api: APIClient, project: Project) -> None:
    profile_id = batches.stored_profile(project)
    response = api.get(f"/api/v1/profiles/{profile_id}/")
    sent = vectors.load("batch.json")
    data = response.json()["data"]
    assert response.status_code == 200
    assert data["counters"] == sent["profiles"][0]["counters"]
    assert data["tags"] == sent["profiles"][0]["tags"]
    assert {name: data[name] for name in sent["process"]} == sent["process"]


def test_session_comes_back_in_pyinstruments_own_form(api: APIClient, project: Project) -> None:
    for case in vectors.load("sessions.json"):
        profile_id = batches.stored_profile(project, session=case["table"])
        response = api.get(f"/api/v1/profiles/{profile_id}/session/")
        assert response["Content-Type"] == "application/json"
        assert json.loads(body(response)) == {"code": 0, "msg": "success", "data": case["session"]}
        file = api.get(f"/api/v1/profiles/{profile_id}/session/?download=1")
        assert json.loads(body(file)) == case["session"]
        assert file["Content-Disposition"].endswith(f'-{profile_id[:8]}.pyisession"')


@pytest.mark.parametrize("format_name", FORMATS)
def test_exports_are_files_that_can_do_no_harm(api: APIClient, project: Project, format_name: str) -> None:
    session = next(c for c in vectors.load("sessions.json") if c["name"] == "markup in names")["session"]
    profile_id = batches.stored_profile(project, endpoint=f'/"{HOSTILE}\r\n', session=session)
    response = api.get(f"/api/v1/profiles/{profile_id}/{format_name}/", headers={"accept": "text/html"})
    content_type, suffix = FORMATS[format_name]
    assert (response.status_code, response["Content-Type"]) == (200, content_type)
    name = f"GET-script-script-alert-1-script-{profile_id[:8]}{suffix}"
    assert response["Content-Disposition"] == f'attachment; filename="{name}"'
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"].startswith("sandbox")
    if format_name == "html":
        assert HOSTILE not in response.content.decode()
    else:
        assert b"alert(1)" in body(response)


def test_stack_too_deep_for_a_format(api: APIClient, project: Project) -> None:
    session = vectors.load("sessions.json")[3]["session"]
    deep = {**session, "frame_records": [[["walk\x00/srv/a.py\x001"] * 4_000, 0.1]]}
    profile_id = batches.stored_profile(project, session=deep)
    for format_name in FORMATS:
        response = api.get(f"/api/v1/profiles/{profile_id}/{format_name}/")
        if format_name in SHALLOW_FORMATS:
            assert (response.status_code, response.json()["code"]) == (422, 10001)
            assert "too deep" in response.json()["msg"]
        else:
            assert (response.status_code, b"walk" in body(response)) == (200, True)
    assert api.get(f"/api/v1/profiles/{profile_id}/session/").status_code == 200


@pytest.mark.parametrize("format_name", FORMATS)
def test_recording_too_large_for_a_format(
    api: APIClient, project: Project, monkeypatch: pytest.MonkeyPatch, format_name: str
) -> None:
    monkeypatch.setattr(export, "MOST_TREE_FRAMES", 20)
    stacks = [[f"f\x00/srv/a.py\x00{line}" for line in range(start, start + 8)] for start in (0, 10, 20)]
    session = {**vectors.load("sessions.json")[3]["session"], "frame_records": [[s, 0.1] for s in stacks]}
    profile_id = batches.stored_profile(project, session=session)
    response = api.get(f"/api/v1/profiles/{profile_id}/{format_name}/")
    assert (response.status_code, response.json()["code"]) == (422, 10001)
    assert "too large" in response.json()["msg"]
    assert json.loads(body(api.get(f"/api/v1/profiles/{profile_id}/session/?download=1"))) == session


def test_recording_that_expired_first(api: APIClient, project: Project) -> None:
    profile_id = batches.stored_profile(project)
    mongo.collection(SessionBlob).delete_many({})
    response = api.get(f"/api/v1/profiles/{profile_id}/session/")
    assert (response.status_code, response.json()["code"]) == (404, 20007)


ADDRESSES = ["", "session/", *(f"{name}/" for name in FORMATS)]


@pytest.mark.parametrize("rest", ADDRESSES)
def test_only_members_learn_of_a_profile(project: Project, owner: User, rest: str) -> None:
    address = f"/api/v1/profiles/{batches.stored_profile(project)}/{rest}"
    expected = [
        (APIClient(), 401, 10002),
        (factories.api_client(factories.user()), 404, 20007),
        (factories.api_client(factories.user(is_staff=True)), 404, 20007),
        (factories.bearer(factories.project_key(project)), 403, 10003),
        (factories.bearer(factories.deploy_token(project)), 403, 10003),
    ]
    for client, status, code in expected:
        response = client.get(address)
        assert (response.status_code, response.json()["code"]) == (status, code)
    for client in (factories.api_client(factories.member(project, "viewer")), factories.api_client(owner)):
        assert client.get(address).status_code == 200


def test_only_members_see_a_list(project: Project) -> None:
    assert listing(APIClient(), project)[0] == 401
    assert listing(factories.api_client(factories.user()), project)[1]["code"] == 20001
    assert listing(factories.bearer(factories.project_key(project)), project)[1]["code"] == 10003
    assert listing(factories.api_client(factories.member(project, "viewer")), project)[0] == 200


@pytest.mark.parametrize("profile_id", ["0" * 32, "x", "$ne", "0" * 500])
def test_no_such_profile(api: APIClient, profile_id: str) -> None:
    response = api.get(f"/api/v1/profiles/{profile_id}/")
    assert (response.status_code, response.json()["code"]) == (404, 20007)


def test_file_name_of_an_endpoint_without_letters(project: Project) -> None:
    profile = Profile(pk="1" * 32, method="", endpoint="/")
    assert profiles_api.file_name(profile) == "profile-11111111"
