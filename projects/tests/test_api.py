from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from projects.models import Deploy, Key, Member, Project, Token, User, Version
from projects.tests import factories

pytestmark = pytest.mark.django_db
PROJECTS = "/api/v1/projects/"


def at(project: Project, rest: str = "") -> str:
    return f"{PROJECTS}{project.pk}/{rest}"


def test_list_has_items_and_pagination(api: APIClient, project: Project) -> None:
    factories.project("Of somebody else")
    body = api.get(PROJECTS).json()
    assert (body["code"], body["msg"]) == (0, "success")
    assert [item["name"] for item in body["data"]["items"]] == ["Shop"]
    assert body["data"]["pagination"] == {
        "page": 1,
        "page_size": 25,
        "total": 1,
        "total_pages": 1,
        "has_next": False,
        "has_prev": False,
    }


@pytest.mark.parametrize("query", ["page=0", "page=x", "page_size=-1", "page=99999999999999999999", "page=٣"])
def test_nonsense_pages_are_refused(api: APIClient, query: str) -> None:
    response = api.get(f"{PROJECTS}?{query}")
    assert (response.status_code, response.json()["code"]) == (400, 10001)


def test_creating_a_project_makes_the_caller_its_owner(api: APIClient, owner: User) -> None:
    response = api.post(PROJECTS, {"name": "用户管理系统", "time_zone": "Asia/Shanghai"}, format="json")
    assert response.status_code == 201
    data = response.json()["data"]
    project = Project.objects.get(pk=data["id"])
    assert (data["name"], data["slug"], data["time_zone"]) == ("用户管理系统", "project", "Asia/Shanghai")
    assert data["created_at"].endswith("Z")
    assert Member.objects.get(project=project, user=owner).role == "owner"


def test_wrong_fields_are_named(api: APIClient) -> None:
    body = api.post(PROJECTS, {"name": "x", "time_zone": "Mars/Phobos"}, format="json").json()
    assert body["code"] == 10001
    assert "time_zone" in body["msg"]
    assert "time_zone" in body["data"]["errors"]


def test_slugs_of_like_names_differ(api: APIClient, owner: User) -> None:
    for name in ("Shop!", "Shop?", "shop"):
        factories.project(name, owner=owner)
    assert sorted(Project.objects.values_list("slug", flat=True)) == ["shop", "shop-2", "shop-3"]


def test_update_and_delete_are_the_owners(project: Project, api: APIClient) -> None:
    viewer = factories.api_client(factories.member(project, "viewer"))
    assert viewer.get(at(project)).status_code == 200
    for response in (viewer.put(at(project), {"name": "Mine"}, format="json"), viewer.delete(at(project))):
        assert (response.status_code, response.json()["code"]) == (403, 10003)
    assert api.put(at(project), {"name": "New name", "retention_days": 30}, format="json").status_code == 200
    project.refresh_from_db()
    assert (project.name, project.retention_days) == ("New name", 30)


def test_a_deleted_project_is_gone_and_its_name_free(api: APIClient, project: Project) -> None:
    assert api.delete(at(project)).status_code in (200, 204)
    assert api.get(at(project)).json()["code"] == 20001
    assert api.get(PROJECTS).json()["data"]["items"] == []
    assert api.post(PROJECTS, {"name": "Shop"}, format="json").status_code == 201


def test_a_key_is_shown_once_and_can_be_revoked(api: APIClient, project: Project) -> None:
    made = api.post(at(project, "keys/"), {"name": "web"}, format="json").json()["data"]
    assert made["secret"].startswith("ppk_")
    listed = api.get(at(project, "keys/")).json()["data"]["items"]
    assert listed[0]["prefix"] == made["secret"][:10]
    assert "secret" not in listed[0]
    assert made["secret"] not in str(Key.objects.values().get())
    assert api.delete(at(project, f"keys/{made['id']}/")).status_code == 200
    assert Key.objects.get().revoked_at is not None


def test_deploy_tokens_have_their_own_prefix(api: APIClient, project: Project) -> None:
    made = api.post(at(project, "keys/"), {"name": "ci", "kind": "deploy"}, format="json").json()["data"]
    assert made["secret"].startswith("ppd_")


def test_members_are_added_changed_and_removed(api: APIClient, project: Project) -> None:
    factories.user("newcomer")
    made = api.post(at(project, "members/"), {"username": "newcomer"}, format="json")
    assert made.status_code == 201, made.content
    member = made.json()["data"]
    assert (member["username"], member["role"]) == ("newcomer", "viewer")
    again = api.post(at(project, "members/"), {"username": "newcomer"}, format="json")
    assert (again.status_code, again.json()["code"]) == (400, 10001)
    path = at(project, f"members/{member['id']}/")
    assert api.put(path, {"role": "editor"}, format="json").json()["data"]["role"] == "editor"
    assert api.delete(path).status_code == 200
    assert Member.objects.filter(project=project).count() == 1


def test_unknown_users_cannot_become_members(api: APIClient, project: Project) -> None:
    response = api.post(at(project, "members/"), {"username": "nobody"}, format="json")
    assert (response.status_code, response.json()["code"]) == (400, 10001)


def test_the_last_owner_stays(api: APIClient, project: Project) -> None:
    path = at(project, f"members/{Member.objects.get(project=project).pk}/")
    for response in (api.delete(path), api.put(path, {"role": "viewer"}, format="json")):
        assert (response.status_code, response.json()["code"]) == (400, 10001)
    assert Member.objects.get(project=project).role == "owner"


def test_a_pipeline_announces_a_deploy(project: Project) -> None:
    pipeline = factories.bearer(factories.deploy_token(project))
    sent = {"version": "1.2", "environment": "production", "commit": "abc", "at": "2026-11-22T10:00:00Z"}
    response = pipeline.post(at(project, "deploys/"), sent, format="json")
    assert response.status_code == 201, response.content
    assert response.json()["data"]["version"] == "1.2"
    assert response.json()["data"]["source"] == "api"
    assert Version.objects.get(project=project).commit == "abc"
    # The same version may be deployed again.
    assert pipeline.post(at(project, "deploys/"), sent, format="json").status_code == 201
    assert Deploy.objects.count() == 2


def test_a_deploy_token_opens_its_own_project_alone(project: Project) -> None:
    pipeline = factories.bearer(factories.deploy_token(factories.project()))
    sent = {"version": "1", "environment": "production"}
    assert pipeline.post(at(project, "deploys/"), sent, format="json").json()["code"] == 20001


def test_versions_can_be_noted_and_archived(api: APIClient, project: Project) -> None:
    version = Version.objects.announce(project, name="1.0")
    path = at(project, f"versions/{version.pk}/")
    changed = api.put(path, {"notes": "slow cart", "status": "archived", "name": "2"}, format="json").json()[
        "data"
    ]
    assert (changed["notes"], changed["status"], changed["name"]) == ("slow cart", "archived", "1.0")
    assert api.get(path).json()["data"] == changed
    assert [v["name"] for v in api.get(at(project, "versions/")).json()["data"]["items"]] == ["1.0"]


def test_a_token_of_a_dismissed_user_is_worthless(owner: User, api: APIClient) -> None:
    User.objects.filter(pk=owner.pk).update(is_active=False)
    assert api.get(PROJECTS).status_code == 401


def test_use_of_a_token_is_noted(api: APIClient) -> None:
    api.get(PROJECTS)
    assert Token.objects.get().last_used_at is not None


def test_a_session_needs_the_csrf_token_to_change_things(owner: User) -> None:
    browser = APIClient(enforce_csrf_checks=True)
    browser.force_login(owner)
    assert browser.get(PROJECTS).status_code == 200
    refused = browser.post(PROJECTS, {"name": "Forged"}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (403, 10003)
    assert not Project.objects.filter(name="Forged").exists()
