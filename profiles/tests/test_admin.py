"""Django admin shows what came in last, quickly, and changes nothing."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AbstractBaseUser
from django.test import Client
from django.utils import timezone

from perfplatform import mongo
from profiles import admin
from profiles.models import Ledger, Profile
from profiles.tests import batches, vectors
from projects.models import Project
from projects.tests import factories


@pytest.fixture
def administrator(db: None) -> Client:
    client = Client()
    user: AbstractBaseUser = factories.user("root", is_staff=True, is_superuser=True)
    client.force_login(user)
    return client


def test_list_search_filter_and_detail(administrator: Client, project: Project) -> None:
    profile_id = batches.stored_profile(project, endpoint="/cart")
    batches.stored_profile(factories.project("Elsewhere"), endpoint="/elsewhere")
    address = "/admin/profiles/profile/"
    assert set(rows(administrator, address)) == {"/cart", "/elsewhere"}
    assert rows(administrator, f"{address}?project__id__exact={project.pk}") == ["/cart"]
    assert rows(administrator, f"{address}?q=elsewhere") == ["/elsewhere"]
    assert rows(administrator, f"{address}?q={profile_id}") == ["/cart"]
    assert rows(administrator, f"{address}?is_error__exact=1") == []
    assert set(rows(administrator, f"{address}?o=4")) == {"/cart", "/elsewhere"}
    page = administrator.get(f"{address}{profile_id}/change/")
    assert page.status_code == 200
    assert 'name="_save"' not in page.content.decode()


def rows(client: Client, address: str) -> list[str]:
    """Return the endpoints in a list of profiles."""
    response = client.get(address)
    assert response.status_code == 200
    return [profile.endpoint for profile in response.context["cl"].result_list]


def test_only_the_newest_are_listed(
    administrator: Client, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin, "NEWEST_ROWS", 2)
    stored = [batches.stored_profile(project) for _ in range(3)]
    mongo.collection(Profile).update_one({"_id": stored[1]}, {"$set": {"expires_at": timezone.now()}})
    response = administrator.get("/admin/profiles/profile/")
    assert {profile.pk for profile in response.context["cl"].result_list} == {stored[0], stored[2]}


def test_ledger(administrator: Client, project: Project) -> None:
    batches.store(project, vectors.batch(timezone.now()))
    page = administrator.get("/admin/profiles/ledger/")
    assert "web-1.example" in page.content.decode()
    assert administrator.get(f"/admin/profiles/ledger/{Ledger.objects.get().pk}/change/").status_code == 200


def test_nothing_can_be_changed(administrator: Client, project: Project) -> None:
    profile_id = batches.stored_profile(project)
    for action in ("add", f"{profile_id}/delete"):
        assert administrator.post(f"/admin/profiles/profile/{action}/", {"post": "yes"}).status_code == 403
    assert administrator.post(f"/admin/profiles/profile/{profile_id}/change/", {}).status_code == 403
    assert Profile.objects.count() == 1


def test_a_project_with_profiles_can_be_deleted(administrator: Client, project: Project) -> None:
    """No profile is loaded for it: they are invisible at once, and tasks remove them."""
    profile_id = batches.stored_profile(project)
    response = administrator.post(f"/admin/projects/project/{project.pk}/delete/", {"post": "yes"})
    assert response.status_code == 302
    assert Project.objects.get(pk=project.pk).status == Project.Status.DELETING
    assert administrator.get(f"/api/v1/profiles/{profile_id}/").status_code == 404
    assert administrator.get("/admin/profiles/profile/").status_code == 200
