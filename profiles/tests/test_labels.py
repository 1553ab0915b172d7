"""What is unusual about a profile: as ingest stores it, and for what was stored before there were labels."""

from __future__ import annotations

import importlib
from types import SimpleNamespace
from typing import Any

import pytest

from perfplatform import mongo
from profiles.models import Profile
from profiles.queries import ProfileFilters
from profiles.tests import batches, recorded
from projects.models import Project

pytestmark = pytest.mark.django_db
FAILED = {
    "status": 500,
    "error_type": "a.B",
    "trigger": "error",
    "trace_id": "t",
    "tags": {"b": "1", "a": "2"},
}
LABELS = ["failed", "status:500", "exception:a.B", "trigger:error", "trace:t", "tag:a=2", "tag:b=1"]


def stored(project: Project, **changes: Any) -> dict[str, Any]:
    item = recorded.profile(**changes)
    assert batches.store(project, recorded.batch([item])).rejected == []
    found = mongo.collection(Profile).find_one({"_id": item["id"]})
    assert found
    return found


def test_usual_profiles_have_none(project: Project) -> None:
    # Not even an empty list: the index must not hold them.
    assert "labels" not in stored(project)


def test_unusual_ones_have_one_for_each_thing(project: Project) -> None:
    assert stored(project, **FAILED)["labels"] == LABELS
    task = stored(project, kind="task", method="", status=None, trigger="slow")
    assert task["labels"] == ["kind:task", "trigger:slow"]


def test_migration_adds_them_to_what_is_stored(project: Project) -> None:
    usual, unusual = stored(project)["_id"], stored(project, **FAILED)["_id"]
    rows = mongo.collection(Profile)
    rows.update_many({}, {"$unset": {"labels": ""}})
    assert Profile.objects.page(project.pk, ProfileFilters(trace_id="t")).items == []
    migration = importlib.import_module("profiles.migrations.0006_retention")
    editor = SimpleNamespace(connection=SimpleNamespace(database=mongo.database()))
    for _ in range(2):
        migration.add_labels(None, editor)
    assert [p.pk for p in Profile.objects.page(project.pk, ProfileFilters(trace_id="t")).items] == [unusual]
    assert rows.find_one({"_id": usual, "labels": {"$exists": True}}) is None
