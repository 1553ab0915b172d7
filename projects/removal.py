"""Removing what a deleted project left behind: in small steps, each of which may be done again.

Nobody names the collections: whatever has a foreign key to Project is part of it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

from bson import ObjectId
from django.apps import apps
from django.db import models
from django.utils import timezone

from perfplatform import mongo
from projects.deletion import Deletion
from projects.models import Project

BATCH: Final = 1_000
# What began before the project was marked may still be writing.
SETTLED: Final = timedelta(minutes=2)
OWN_APP: Final = "projects"


def parts(app_label: str = "") -> list[type[models.Model]]:
    """The models of an app, or of all, whose documents belong to a project."""
    found = apps.get_app_config(app_label).get_models() if app_label else apps.get_models()
    return [model for model in found if column_of(model)]


def column_of(model: type[models.Model]) -> str:
    """The column in which `model` says to which project a document belongs, or an empty string."""
    fields: Iterable[Any] = model._meta.concrete_fields
    return next((str(field.column) for field in fields if field.related_model is Project), "")


def kind_of(model: type[models.Model]) -> str:
    return str(model._meta.label_lower).replace(".", "_")


def left(project_id: ObjectId, app_label: str = "") -> dict[str, int]:
    """How many documents of each kind are left, counted on the index of the project."""
    counts = {
        kind_of(model): mongo.collection(model).count_documents({column_of(model): project_id})
        for model in parts(app_label)
    }
    return {kind: count for kind, count in counts.items() if count}


def remove_parts(app_label: str, *, until: float) -> None:
    """Removes what an app stores of all projects that are being deleted, until `time.monotonic()` is `until`.

    It may be killed at any moment, run again, and run in two workers at once.
    """
    for project_id in Project.objects.being_deleted():
        for model in parts(app_label):
            _remove(model, project_id, until=until)
        if time.monotonic() >= until:
            return


def _remove(model: type[models.Model], project_id: ObjectId, *, until: float) -> None:
    rows, of_project = mongo.collection(model), {column_of(model): project_id}
    count = rows.count_documents(of_project)
    while True:
        Deletion.objects.note_left(project_id, {kind_of(model): max(count, 0)})
        ids = [row["_id"] for row in rows.find(of_project, {"_id": 1}, limit=BATCH)]
        if not ids or time.monotonic() >= until:
            return
        count -= rows.delete_many({"_id": {"$in": ids}}).deleted_count


def finish() -> None:
    """Removes the projects of which no other app has anything left, with their keys, members and versions."""
    for project_id in Project.objects.being_deleted():
        deletion, _made = Deletion.objects.get_or_create(
            pk=str(project_id), defaults={"started_at": timezone.now()}
        )
        is_settled = timezone.now() - deletion.started_at >= SETTLED
        own = {kind_of(model) for model in parts(OWN_APP)}
        if is_settled and not set(left(project_id)) - own:
            _remove_project(project_id)
    for key in Deletion.objects.filter(finished_at=None).values_list("pk", flat=True):
        # The last step may have been the last of a worker's life.
        if not Project.objects.filter(pk=ObjectId(key)).exists():
            Deletion.objects.finish(ObjectId(key))


def _remove_project(project_id: ObjectId) -> None:
    for model in parts(OWN_APP):
        mongo.collection(model).delete_many({column_of(model): project_id})
    mongo.collection(Project).delete_one({"_id": project_id})
    Deletion.objects.note_left(project_id, {kind_of(model): 0 for model in parts(OWN_APP)})
    Deletion.objects.finish(project_id)
