"""Deleting a project removes everything of it, in steps that may be cut short and repeated anywhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from bson import ObjectId
from django.conf import settings
from django.utils import timezone
from pymongo.collection import Collection
from rest_framework.test import APIClient

from analysis import tasks as analysis_tasks
from perfplatform import mongo
from profiles import tasks as profiles_tasks
from projects import removal
from projects import tasks as projects_tasks
from projects.deletion import Deletion
from projects.models import Member, Project, User
from projects.tests import factories

pytestmark = pytest.mark.django_db
WRITES = ("insert_one", "update_one", "update_many", "delete_one", "delete_many", "bulk_write")


class Killed(BaseException):
    """Stands for the end of the worker: nothing catches it."""


def fill(project: Project, count: int = 3) -> None:
    """Some documents of everything that can belong to a project, whoever defines it."""
    for model in removal.parts():
        rows = mongo.collection(model)
        column = removal.column_of(model)
        # Unique indexes let no two be alike.
        columns = {str(field.column) for field in model._meta.concrete_fields}
        unlike = columns - {"_id", column}
        names = [f"{project.pk}:{number}" for number in range(count)]
        documents = [{"_id": name, column: project.pk, **dict.fromkeys(unlike, name)} for name in names]
        rows.insert_many(documents)


def found_anywhere(project: Project) -> dict[str, int]:
    """Documents of any collection, a model's or not, that name the project in `_id` or `project_id`."""
    found = {}
    for name in mongo.database().list_collection_names():
        rows = mongo.database()[name]
        ids = [project.pk, str(project.pk)]
        count = rows.count_documents({"$or": [{"project_id": {"$in": ids}}, {"_id": {"$in": ids}}]})
        if count:
            found[name] = count
    return found


def mark(project: Project, *, ago: timedelta = timedelta(minutes=10)) -> None:
    project.mark_for_deletion(by=User.objects.get(username="owner"))
    Deletion.objects.filter(pk=str(project.pk)).update(started_at=timezone.now() - ago)


def turn() -> None:
    """One turn of what beat sends."""
    analysis_tasks.remove_deleted_projects()
    profiles_tasks.remove_deleted_projects()
    projects_tasks.finish_deletions()


GONE = {"projects_deletion": 1}


def test_everything_goes_and_nothing_of_others(project: Project) -> None:
    other = factories.project("Other")
    for each in (project, other):
        fill(each)
    before = found_anywhere(other)
    mark(project)
    turn()
    assert found_anywhere(project) == GONE
    assert found_anywhere(other) == before
    assert not Member.objects.filter(project_id=project.pk).exists()
    deletion = Deletion.objects.get(pk=str(project.pk))
    assert deletion.finished_at is not None
    assert deletion.expires_at is not None
    assert deletion.left_in_all == 0
    assert deletion.name == "Shop"


def test_every_app_that_stores_for_projects_removes_it() -> None:
    """A model that is new, in an app that removes nothing yet, fails here and above."""
    apps = {model._meta.app_label for model in removal.parts()} - {"projects"}
    sent = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert {f"{app}.tasks.remove_deleted_projects" for app in apps} <= sent
    assert "projects.tasks.finish_deletions" in sent


def test_every_part_is_found_by_an_index() -> None:
    for model in removal.parts():
        indexes = mongo.collection(model).index_information().values()
        firsts = {index["key"][0][0] for index in indexes if "partialFilterExpression" not in index}
        assert removal.column_of(model) in firsts, model


def test_a_project_with_data_left_stays(project: Project) -> None:
    fill(project)
    mark(project)
    projects_tasks.finish_deletions()
    assert Project.objects.filter(pk=project.pk).exists()
    assert Member.objects.filter(project=project).exists()


def test_a_project_stays_while_what_began_before_may_still_write(project: Project) -> None:
    mark(project, ago=timedelta(seconds=100))
    turn()
    assert Project.objects.filter(pk=project.pk).exists()
    mark(project, ago=timedelta(seconds=130))
    turn()
    assert not Project.objects.filter(pk=project.pk).exists()


def test_what_was_written_meanwhile_goes_at_the_next_turn(project: Project) -> None:
    mark(project)
    profiles_tasks.remove_deleted_projects()
    fill(project, count=1)
    projects_tasks.finish_deletions()
    assert Project.objects.filter(pk=project.pk).exists()
    turn()
    assert found_anywhere(project) == GONE


def test_time_that_is_up_ends_between_two_batches(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removal, "BATCH", 2)
    fill(project, count=5)
    mark(project)
    removal.remove_parts("profiles", until=time.monotonic() - 1)
    assert Deletion.objects.get(pk=str(project.pk)).left["profiles_profile"] == 5
    assert removal.left(project.pk, "profiles")["profiles_profile"] == 5


@contextmanager
def killed_at(write: int, monkeypatch: pytest.MonkeyPatch, *, after: bool) -> Iterator[list[int]]:
    """The worker dies before or after its write of this number; the list holds how many there were."""
    writes = [0]

    def counted(name: str) -> Callable[..., Any]:
        plain = getattr(Collection, name)

        def call(rows: Collection[Any], *arguments: Any, **options: Any) -> Any:
            writes[0] += 1
            if writes[0] == write and not after:
                raise Killed
            result = plain(rows, *arguments, **options)
            if writes[0] == write and after:
                raise Killed
            return result

        return call

    with monkeypatch.context() as patch:
        for name in WRITES:
            patch.setattr(Collection, name, counted(name))
        yield writes


@pytest.mark.parametrize("after", [False, True])
def test_killed_at_any_step_it_ends_the_same(
    project: Project, monkeypatch: pytest.MonkeyPatch, *, after: bool
) -> None:
    """One kill after another, each one write further on, until a turn gets through."""
    monkeypatch.setattr(removal, "BATCH", 2)
    other = factories.project("Other")
    for each in (project, other):
        fill(each, count=5)
    before = found_anywhere(other)
    mark(project)
    for write in range(1, 500):
        with killed_at(write, monkeypatch, after=after) as writes:
            try:
                turn()
            except Killed:
                continue
        assert writes[0] < write
        break
    assert found_anywhere(project) == GONE
    assert found_anywhere(other) == before
    assert Deletion.objects.get(pk=str(project.pk)).finished_at is not None


def test_two_workers_at_once(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removal, "BATCH", 3)
    other = factories.project("Other")
    for each in (project, other):
        fill(each, count=60)
    before = found_anywhere(other)
    mark(project)
    failures: list[BaseException] = []

    def work() -> None:
        try:
            turn()
        except BaseException as error:
            failures.append(error)

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert failures == []
    assert found_anywhere(project) == GONE
    assert found_anywhere(other) == before


def test_a_project_that_is_being_deleted_takes_nothing_in(api: APIClient, project: Project) -> None:
    sender = factories.bearer(factories.project_key(project))
    assert sender.post("/api/v1/ingest/", {}, format="json").status_code == 400
    mark(project)
    response = sender.post("/api/v1/ingest/", {}, format="json")
    assert (response.status_code, response.json()["code"]) == (401, 20003)
    turn()
    response = sender.post("/api/v1/ingest/", {}, format="json")
    assert (response.status_code, response.json()["code"]) == (401, 20003)


def test_a_deletion_begun_before_there_were_notes_of_it(project: Project) -> None:
    fill(project)
    mark(project)
    Deletion.objects.all().delete()
    turn()
    Deletion.objects.update(started_at=timezone.now() - timedelta(hours=1))
    turn()
    assert found_anywhere(project) == GONE


def test_a_note_without_its_project_is_finished() -> None:
    key = str(ObjectId())
    Deletion.objects.create(pk=key, name="Shop", started_at=timezone.now())
    projects_tasks.finish_deletions()
    assert Deletion.objects.get(pk=key).finished_at is not None
