"""Profiles that somebody keeps: by the API, by the page, and against everything that ends their time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pymongo.errors import AutoReconnect
from rest_framework.test import APIClient

from perfplatform import mongo
from profiles import keeping, tasks, upkeep
from profiles.models import PackedSession, Profile, SessionBlob, Upkeep
from profiles.models.profile_lives import ProfileLives
from profiles.tests import batches
from profiles.tests.test_trends import scanned
from projects.models import Project
from projects.tests import factories

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)


def stored(project: Project, *, age_days: float = 0, **changes: Any) -> str:
    """A profile with its recording that came so many days ago."""
    profile_id = batches.stored_profile(project, **changes)
    came = NOW - age_days * DAY
    times = {"received_at": came, "started_at": came, "expires_at": came + project.retention_days * DAY}
    mongo.collection(Profile).update_one({"_id": profile_id}, {"$set": times})
    expires_at = {"$set": {"expires_at": times["expires_at"]}}
    mongo.collection(SessionBlob).update_one({"_id": profile_id}, expires_at)
    return profile_id


def days(profile_id: str) -> tuple[float, float]:
    """For how many days from now on the profile and its recording are kept."""
    found = []
    for model in (Profile, SessionBlob):
        row = mongo.collection(model).find_one({"_id": profile_id})
        assert row
        found.append((row["expires_at"].replace(tzinfo=UTC) - NOW) / DAY)
    return found[0], found[1]


def address(profile_id: str) -> str:
    return f"/api/v1/profiles/{profile_id}/keep/"


def change(project: Project, **settings: Any) -> Project:
    Project.objects.filter(pk=project.pk).update(**settings)
    project.refresh_from_db()
    return project


def test_a_profile_is_kept_with_its_recording(api: APIClient, project: Project) -> None:
    wanted, other = stored(project), stored(project)
    for _twice in range(2):
        response = api.put(address(wanted))
        assert (response.status_code, response.json()["data"]["is_kept"]) == (200, True)
    assert days(wanted) == (730, 730)
    assert days(other) == (14, 14)
    assert response.json()["data"]["expires_at"].startswith(f"{NOW + 730 * DAY:%Y-%m-%dT%H:%M:%S}")
    listed = api.get(f"/api/v1/projects/{project.pk}/profiles/").json()["data"]["items"]
    assert {item["id"]: item["is_kept"] for item in listed} == {wanted: True, other: False}


def test_a_released_profile_lives_as_any_other(api: APIClient, project: Project) -> None:
    profile_id = stored(project, age_days=3)
    api.put(address(profile_id))
    for _twice in range(2):
        response = api.delete(address(profile_id))
        assert (response.status_code, response.json()["data"]["is_kept"]) == (200, False)
    assert days(profile_id) == (11, 11)
    assert mongo.collection(Profile).count_documents({"is_kept": {"$exists": True}}) == 0


def test_a_profile_whose_time_is_over_stays_another_day(api: APIClient, project: Project) -> None:
    profile_id = stored(project, age_days=100)
    api.put(address(profile_id))
    api.delete(address(profile_id))
    profile, recording = days(profile_id)
    assert profile == recording == pytest.approx(1, abs=0.01)


def test_what_was_never_kept_is_not_changed_by_letting_it_go(api: APIClient, project: Project) -> None:
    profile_id = stored(project, age_days=13.5)
    assert api.delete(address(profile_id)).status_code == 200
    assert days(profile_id) == (0.5, 0.5)


def test_a_packed_recording_is_kept_too(api: APIClient, project: Project) -> None:
    profile_id = stored(project)
    row = mongo.collection(SessionBlob).find_one_and_delete({"_id": profile_id})
    assert row
    mongo.collection(PackedSession).insert_one(row)
    api.put(address(profile_id))
    packed = mongo.collection(PackedSession).find_one({"_id": profile_id})
    assert packed
    assert packed["expires_at"].replace(tzinfo=UTC) == NOW + 730 * DAY


def test_settings_that_change_leave_kept_ones_alone(api: APIClient, project: Project) -> None:
    kept, other = stored(project), stored(project)
    api.put(address(kept))
    change(project, retention_days=3)
    tasks.apply_retention()
    assert days(kept) == (730, 730)
    assert days(other) == (3, 3)


def test_being_slow_or_no_longer_so_changes_nothing_of_a_kept_one(api: APIClient, project: Project) -> None:
    change(project, slowest_kept=1, slowest_days=90)
    first = stored(project, duration_us=9_000)
    tasks.keep_slowest()
    assert days(first) == (90, 90)
    api.put(address(first))
    second = stored(project, duration_us=90_000)
    api.put(address(second))
    mongo.collection(Upkeep).delete_many({})
    tasks.keep_slowest()
    assert days(first) == days(second) == (730, 730)
    # Let go, each is what it would have been.
    api.delete(address(first))
    api.delete(address(second))
    mongo.collection(Upkeep).delete_many({})
    tasks.keep_slowest()
    assert (days(first), days(second)) == ((14, 14), (90, 90))


@pytest.mark.parametrize("moment", ["expire", "kept_until"])
def test_keeping_while_upkeep_is_at_it(
    project: Project, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """Somebody keeps a profile between any two steps of the task that shortens its life."""
    profile_id = stored(project)
    profile = Profile.objects.find(profile_id)
    assert profile
    plain: Callable[..., Any] = getattr(ProfileLives, moment)

    def meanwhile(*arguments: Any, **options: Any) -> Any:
        keeping.keep(profile)
        return plain(*arguments, **options)

    monkeypatch.setattr(ProfileLives, moment, meanwhile)
    change(project, retention_days=3)
    tasks.apply_retention()
    assert days(profile_id) == (730, 730)


def test_a_quota_takes_kept_ones_last(api: APIClient, project: Project) -> None:
    kept = stored(project, age_days=9)
    slowest = stored(project, age_days=8)
    plain = stored(project, age_days=1)
    api.put(address(kept))
    mongo.collection(Profile).update_one({"_id": slowest}, {"$set": {"is_slowest": True}})
    for expected in ({kept, slowest}, {kept}, set()):
        assert upkeep._remove_oldest(project.pk, 1) == 1
        assert {row["_id"] for row in mongo.collection(Profile).find()} == expected
    assert plain not in expected


def test_a_project_keeps_so_many_at_most(
    api: APIClient, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "MOST_KEPT", 2)
    first, second, third = (stored(project) for _number in range(3))
    elsewhere = stored(factories.project("Elsewhere"))
    keeping.keep(found(elsewhere))
    assert api.put(address(first)).status_code == api.put(address(second)).status_code == 200
    response = api.put(address(third))
    assert (response.status_code, response.json()["code"]) == (409, 10001)
    assert "Let one go first" in response.json()["msg"]
    assert days(third) == (14, 14)
    # One that is kept is not one more.
    assert api.put(address(first)).status_code == 200
    api.delete(address(first))
    assert api.put(address(third)).status_code == 200


def found(profile_id: str) -> Profile:
    profile = Profile.objects.find(profile_id)
    assert profile
    return profile


def test_kept_ones_are_counted_on_an_index(project: Project) -> None:
    keeping.keep(found(stored(project)))
    query = {"project_id": project.pk, "is_kept": True}
    asked = {"find": Profile._meta.db_table, "filter": query, "hint": "profile_kept"}
    plan = mongo.database().command("explain", asked, verbosity="executionStats")
    assert "IXSCAN" in scanned(plan["queryPlanner"]["winningPlan"])
    assert plan["executionStats"]["totalKeysExamined"] == 1


def test_one_that_goes_at_that_moment(
    api: APIClient, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile_id = stored(project)
    monkeypatch.setattr(ProfileLives, "keep", lambda *_arguments, **_options: False)
    response = api.put(address(profile_id))
    assert (response.status_code, response.json()["code"]) == (404, 20007)


def test_a_database_that_is_away(api: APIClient, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails half-way leaves no profile that is called kept without its recording."""
    profile_id = stored(project)

    def away(*_arguments: Any, **_options: Any) -> None:
        raise AutoReconnect

    monkeypatch.setattr(ProfileLives, "keep", away)
    response = api.put(address(profile_id))
    assert (response.status_code, response.json()["code"]) == (503, 10005)
    assert not found(profile_id).is_kept


def test_only_editors_keep(project: Project) -> None:
    profile_id = stored(project)
    for client, status, code in (
        (APIClient(), 401, 10002),
        (factories.api_client(factories.user()), 404, 20007),
        (factories.api_client(factories.member(project, "viewer")), 403, 10003),
        (factories.bearer(factories.project_key(project)), 403, 10003),
    ):
        for response in (client.put(address(profile_id)), client.delete(address(profile_id))):
            assert (response.status_code, response.json()["code"]) == (status, code)
    assert days(profile_id) == (14, 14)
    assert (
        factories.api_client(factories.member(project, "editor")).put(address(profile_id)).status_code == 200
    )


# The page


def test_the_page_keeps_and_lets_go(owner_client: Client, project: Project) -> None:
    profile_id = stored(project)
    page, button = (reverse(f"profiles:{name}", args=[profile_id]) for name in ("detail", "keep"))
    assert "Stop keeping" not in owner_client.get(page).content.decode()
    shown = owner_client.post(button, follow=True).content.decode()
    assert "The profile is kept." in shown
    assert "Stop keeping" in shown
    assert days(profile_id) == (730, 730)
    shown = owner_client.post(button, {"release": "1"}, follow=True).content.decode()
    assert "kept like any other again" in shown
    assert days(profile_id) == (14, 14)
    assert owner_client.get(button).status_code == 405


def test_the_page_says_when_there_are_too_many(
    owner_client: Client, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "MOST_KEPT", 1)
    keeping.keep(found(stored(project)))
    response = owner_client.post(reverse("profiles:keep", args=[stored(project)]), follow=True)
    assert "Let one go first" in response.content.decode()


def test_viewers_see_no_button(project: Project) -> None:
    profile_id = stored(project)
    viewer = Client()
    viewer.force_login(factories.member(project, "viewer"))
    assert (
        reverse("profiles:keep", args=[profile_id])
        not in viewer.get(f"/profiles/{profile_id}/").content.decode()
    )
    assert viewer.post(reverse("profiles:keep", args=[profile_id])).status_code == 403
