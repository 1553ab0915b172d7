"""The admin on MongoDB: list, search, filter, add, edit, delete_selected, for every model that it has."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.contrib import admin
from django.db import models
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from projects.models import Deploy, Key, Member, Project, Token, User, Version
from projects.tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(db: None) -> Client:
    client = Client()
    client.force_login(factories.user("root", is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def rows(project: Project) -> dict[type[models.Model], models.Model]:
    """One row of every model that the apps of ours register."""
    version = Version.objects.announce(project, name="1.0")
    Token.issue(factories.user("token-owner"), name="laptop")
    factories.project_key(project)
    Deploy.objects.create(project=project, version=version, environment="production")
    found = [User, Project, Member, Key, Token, Version, Deploy]
    return {model: model._default_manager.first() for model in found}  # type: ignore[misc]


def address(model: type[models.Model], what: str, *arguments: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{what}", args=arguments)


REGISTERED = [User, Project, Member, Key, Token, Version, Deploy]


def test_every_model_of_the_app_is_registered() -> None:
    assert {m for m in admin.site._registry if m._meta.app_label == "projects"} == set(REGISTERED)


@pytest.mark.parametrize("model", REGISTERED)
def test_list_search_filter_and_form(
    staff: Client, rows: dict[type, models.Model], model: type[models.Model]
) -> None:
    options = admin.site._registry[model]
    assert staff.get(address(model, "changelist")).status_code == 200
    if options.search_fields:
        assert staff.get(address(model, "changelist"), {"q": "o"}).status_code == 200
    for name in options.list_filter:
        field = model._meta.get_field(str(name))
        value = "1" if isinstance(field, models.BooleanField) else getattr(rows[model], str(name))
        response = staff.get(address(model, "changelist"), {f"{name}__exact": value})
        assert response.status_code == 200, (name, value)
    assert staff.get(address(model, "change", rows[model].pk)).status_code == 200


@pytest.mark.parametrize("model", REGISTERED)
def test_delete_selected(staff: Client, rows: dict[type, models.Model], model: type[models.Model]) -> None:
    pk = rows[model].pk
    sent = {"action": "delete_selected", "_selected_action": [str(pk)], "post": "yes"}
    response = staff.post(address(model, "changelist"), sent)
    assert response.status_code == 302
    if model is Project:
        # It takes what is in it along, in the background.
        assert Project.objects.get(pk=pk).status == Project.Status.DELETING
    else:
        assert not model._default_manager.filter(pk=pk).exists()


def test_a_deleted_project_takes_along_what_is_in_it(staff: Client, project: Project) -> None:
    assert staff.post(address(Project, "delete", project.pk), {"post": "yes"}).status_code == 302
    assert Project.objects.get(pk=project.pk).status == Project.Status.DELETING
    assert Member.objects.filter(project=project).exists()


def test_a_project_is_added_and_edited(staff: Client) -> None:
    sent = {
        "name": "By hand",
        "slug": "by-hand",
        "status": "active",
        "retention_days": "7",
        "daily_profiles": "500",
        "slowest_kept": "10",
        "slowest_days": "90",
        "storage_quota_bytes": "0",
        "language": "zh-hans",
        "time_zone": "Asia/Shanghai",
        "members-TOTAL_FORMS": "0",
        "members-INITIAL_FORMS": "0",
    }
    assert staff.post(address(Project, "add"), sent).status_code == 302
    project = Project.objects.get(slug="by-hand")
    assert (
        staff.post(address(Project, "change", project.pk), {**sent, "retention_days": "9"}).status_code == 302
    )
    assert Project.objects.get(pk=project.pk).retention_days == 9


def test_selected_keys_are_revoked(staff: Client, rows: dict[type, models.Model]) -> None:
    staff.post(address(Key, "changelist"), {"action": "revoke", "_selected_action": [str(rows[Key].pk)]})
    assert Key.objects.get(pk=rows[Key].pk).revoked_at is not None


def test_the_list_asks_only_for_its_page(staff: Client, owner: User) -> None:
    Project.objects.bulk_create([Project(name=f"Number {n}", slug=f"number-{n}") for n in range(300)])
    response = staff.get(address(Project, "changelist"))
    assert response.content.count(b'class="action-select"') == 50


def test_times_are_of_the_zone_of_whoever_looks(staff: Client, project: Project) -> None:
    User.objects.filter(is_staff=True).update(time_zone="Asia/Kathmandu")
    Project.objects.filter(pk=project.pk).update(created_at=datetime(2026, 3, 1, 20, 30, tzinfo=UTC))
    page = staff.get(f"/admin/projects/project/{project.pk}/change/").content.decode()
    assert "March 2, 2026, 2:15 a.m." in page
    # The next request is another one's.
    assert timezone.get_current_timezone_name() == "UTC"
