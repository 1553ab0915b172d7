from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from projects import deploys
from projects.models import Deploy, Project, Version
from projects.tests import factories

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def deploy(project: Project, version: str, hours: float, environment: str = "production") -> None:
    found = Version.objects.announce(project, name=version)
    Deploy.objects.create(project=project, version=found, environment=environment, at=NOON + hours * HOUR)


def between(project: Project, **choice: object) -> list[tuple[str, str]]:
    marks = Deploy.objects.between(project.pk, NOON, NOON + 3 * HOUR, **choice)  # type: ignore[arg-type]
    assert [mark.at for mark in marks] == sorted(mark.at for mark in marks)
    return [(mark.version, mark.environment) for mark in marks]


@pytest.fixture
def deployed(project: Project) -> Project:
    for version, hours, environment in (
        ("1", -0.1, "production"),
        ("2", 0, "staging"),
        ("2", 1, "production"),
        ("3", 2, "production"),
        ("1", 3, "production"),
    ):
        deploy(project, version, hours, environment)
    deploy(factories.project("Other"), "9", 1)
    return project


def test_deploys_of_a_period_come_in_its_order(deployed: Project) -> None:
    assert between(deployed) == [("2", "staging"), ("2", "production"), ("3", "production")]
    assert between(deployed, environment="staging") == [("2", "staging")]
    second = Version.objects.get(project=deployed, name="2")
    assert between(deployed, version_id=second.pk) == [("2", "staging"), ("2", "production")]


def test_of_many_the_newest_are_taken(deployed: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    assert between(deployed, most=1) == [("3", "production")]
    monkeypatch.setattr(deploys, "MOST_LOOKED_AT", 1)
    assert between(deployed, environment="staging") == []


def test_a_version_that_is_gone_is_left_out(deployed: Project) -> None:
    Version.objects.filter(project=deployed, name="2").delete()
    assert between(deployed) == [("3", "production")]


def test_environments_are_those_of_the_project(deployed: Project) -> None:
    assert Deploy.objects.environments(deployed.pk) == {"production", "staging"}
    assert Deploy.objects.environments(factories.project("New").pk) == set()


def test_arrivals_come_newest_first_each_time_again(deployed: Project) -> None:
    deploy(deployed, "2", 4)
    names = {version.pk: version.name for version in Version.objects.filter(project=deployed)}
    found = [
        (names[arrival.version_id], arrival.environment) for arrival in Deploy.objects.arrivals(deployed.pk)
    ]
    assert found[0] == ("2", "production")
    assert found.count(("2", "production")) == 2
    assert ("2", "staging") in found
