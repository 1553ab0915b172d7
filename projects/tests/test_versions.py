from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from projects.models import Deploy, Project, Version

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
    from projects.tests import factories

    other = factories.project()
    assert see(project) != see(other)


@pytest.mark.django_db(transaction=True)
def test_many_processes_at_once_make_one_version(project: Project) -> None:
    def look(_number: int) -> object:
        Version.objects.forget()
        return see(project)

    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(look, range(40)))
    assert len(ids) == Version.objects.count() == Deploy.objects.count() == 1
