from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from projects.models import Deploy, Project, Version
from projects.tests import factories
from projects.versions import MOST_LIVE

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)


def see(
    project: Project, name: str = "1.0", *, environment: str = "production", at: datetime = NOW
) -> object:
    return Version.objects.seen(project.pk, name=name, environment=environment, at=at)


@pytest.mark.django_db
def test_first_traffic_makes_the_version_and_its_deploy(project: Project) -> None:
    version_id = Version.objects.seen(
        project.pk, name="1.0", environment="production", at=NOW, commit="abc", branch="main"
    )
    version = Version.objects.get(pk=version_id)
    assert (version.name, version.commit, version.branch, version.status) == ("1.0", "abc", "main", "live")
    assert version.first_seen_at == version.last_seen_at == NOW
    deploy = Deploy.objects.get(version=version)
    assert (deploy.environment, deploy.source, deploy.at) == ("production", "traffic", NOW)


@pytest.mark.django_db
def test_seeing_it_again_changes_only_when_it_was_last_seen(project: Project) -> None:
    first = see(project)
    later = NOW + timedelta(minutes=5)
    assert see(project, at=later) == first
    version = Version.objects.get()
    assert (version.first_seen_at, version.last_seen_at) == (NOW, later)
    assert Deploy.objects.count() == 1


@pytest.mark.django_db
def test_a_new_environment_is_a_new_deploy(project: Project) -> None:
    assert see(project) == see(project, environment="staging")
    assert sorted(Deploy.objects.values_list("environment", flat=True)) == ["production", "staging"]


@pytest.mark.django_db
def test_the_cache_is_of_one_project(project: Project, owner: object) -> None:
    other = factories.project()
    assert see(project) != see(other)


def fill(project: Project, *, last_seen_at: datetime) -> None:
    Version.objects.bulk_create(
        Version(
            project=project, name=f"build-{number}", last_seen_at=last_seen_at + timedelta(seconds=number)
        )
        for number in range(MOST_LIVE)
    )


@pytest.mark.django_db
def test_versions_without_end_are_filed_together(project: Project) -> None:
    fill(project, last_seen_at=NOW - timedelta(hours=1))
    assert Version.objects.filed_as(project.pk, "build-7", at=NOW) == "build-7"
    assert Version.objects.filed_as(project.pk, "new", at=NOW) == "(other)"
    assert Version.objects.filter(status="live").count() == MOST_LIVE
    # It asks again after a minute.
    Version.objects.filter(name="build-3").update(status="archived")
    assert Version.objects.filed_as(project.pk, "new", at=NOW + timedelta(seconds=30)) == "(other)"
    assert Version.objects.filed_as(project.pk, "new", at=NOW + timedelta(seconds=61)) == "new"


@pytest.mark.django_db
def test_new_version_archives_the_one_that_was_silent_for_longest(project: Project) -> None:
    fill(project, last_seen_at=NOW - timedelta(days=2))
    assert Version.objects.filed_as(project.pk, "new", at=NOW) == "new"
    assert [version.name for version in Version.objects.filter(status="archived")] == ["build-0"]


@pytest.mark.django_db
def test_versions_of_other_projects_take_no_room(project: Project) -> None:
    from projects.tests import factories

    fill(factories.project(), last_seen_at=NOW)
    assert Version.objects.filed_as(project.pk, "new", at=NOW) == "new"


@pytest.mark.django_db(transaction=True)
def test_many_processes_at_once_make_one_version(project: Project) -> None:
    def look(_number: int) -> object:
        Version.objects.forget()
        return see(project)

    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(look, range(40)))
    assert len(ids) == Version.objects.count() == Deploy.objects.count() == 1


@pytest.mark.django_db
def test_pickers_offer_the_live_versions_that_were_heard_of_last(project: Project) -> None:
    ids = {name: see(project, name, at=NOW + timedelta(minutes=n)) for n, name in enumerate("abcd")}
    Version.objects.filter(name="d").update(status="archived")
    see(factories.project(), "e")
    assert list(Version.objects.newest(project.pk).items()) == [(name, ids[name]) for name in "cba"]
    assert list(Version.objects.newest(project.pk, most=1)) == ["c"]
    assert Version.objects.id_of(project.pk, "d") == ids["d"]
    assert Version.objects.id_of(project.pk, "e") is None


@pytest.mark.django_db
def test_many_projects_are_asked_about_at_once(project: Project) -> None:
    other, silent = factories.project(), factories.project()
    see(project, "1.0", at=NOW)
    second = see(project, "1.1", at=NOW + timedelta(hours=1))
    # The older one is heard of again, which makes it no newer.
    first = see(project, "1.0", at=NOW + timedelta(hours=2))
    third = see(other, "9", at=NOW + timedelta(hours=3))
    ids = [project.pk, other.pk, silent.pk]
    assert Version.objects.latest_names(ids) == {project.pk: "1.1", other.pk: "9"}
    heard = {project.pk: NOW + timedelta(hours=2), other.pk: NOW + timedelta(hours=3)}
    assert Version.objects.last_heard(ids) == heard
    assert set(Version.objects.heard_of(ids, NOW)) == {first, second, third}
    assert Version.objects.heard_of(ids, NOW + timedelta(hours=2, minutes=1)) == [third]
    assert Version.objects.heard_of([], NOW) == []
