"""What is to be computed again, because something that it is computed from has changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import ClassVar, NamedTuple

from bson import ObjectId
from django.db import models

from perfplatform import mongo
from perfplatform.mongo import Document
from profiles.scope import Scope, document_id
from profiles.shard import shard_of
from projects.models import Project, Version

MOST_DUE = 50
LIFETIME = timedelta(days=2)


class Step(models.TextChoices):
    """What is computed, each from the one before of its family."""

    HOUR = "hour"
    DAY = "day"
    MINUTE_TREES = "minute_trees"
    HOUR_TREES = "hour_trees"
    DAY_TREES = "day_trees"


class Mark(NamedTuple):
    """The stretch that begins at `start` is due. `stamp` is another one after each change."""

    id: str
    scope: Scope
    start: datetime
    stamp: ObjectId


class FoldMarkManager(models.Manager["FoldMark"]):
    """Made or renewed after each change of a source, and laid down after the computation: in this order.

    A change after the mark was read gives it another stamp, and then it stays due.
    """

    def touch(self, step: Step, scope: Scope, *, start: datetime, now: datetime) -> None:
        """A source of the stretch has changed: it is due, as soon as its pause is over."""
        fields: Document = {
            **{name: {"$literal": value} for name, value in scope.fields().items()},
            "shard": shard_of(scope.project_id),
            "step": str(step),
            "start": start,
            "stamp": ObjectId(),
            "due_at": {"$ifNull": ["$due_at", {"$max": [now, "$ready_at"]}]},
            "expires_at": now + LIFETIME,
        }
        rows = mongo.collection(self.model, durable=True)
        rows.update_one({"_id": document_id(scope, step, start)}, [{"$set": fields}], upsert=True)

    def busy_shards(self, *, now: datetime) -> set[int]:
        """Shards in which something is due; read from the index alone."""
        any_step = {"shard": {"$gte": 0}, "step": {"$in": list(Step.values)}, "due_at": {"$lte": now}}
        return set(mongo.collection(self.model).distinct("shard", any_step))

    def due(self, shard: int, step: Step, *, now: datetime) -> list[Mark]:
        """What has been due for the longest."""
        rows = mongo.collection(self.model).find(
            {"shard": shard, "step": str(step), "due_at": {"$lte": now}}, sort=[("due_at", 1)], limit=MOST_DUE
        )
        return [
            Mark(
                row["_id"],
                Scope(row["project_id"], row["version_id"], row["version_name"], row["environment"]),
                row["start"].replace(tzinfo=UTC),
                row["stamp"],
            )
            for row in rows
        ]

    def done(self, mark: Mark, *, ready_at: datetime) -> None:
        """It is computed, and not again before `ready_at`; due then if something changed in between."""
        still_due = {"$cond": [{"$eq": ["$stamp", mark.stamp]}, "$$REMOVE", ready_at]}
        mongo.collection(self.model).update_one(
            {"_id": mark.id}, [{"$set": {"ready_at": ready_at, "due_at": still_due}}]
        )

    def postpone(self, mark: Mark, *, until: datetime) -> None:
        """It stays due, but lets others go first."""
        mongo.collection(self.model).update_one(
            {"_id": mark.id, "due_at": {"$lt": until}}, {"$set": {"due_at": until}}
        )


class FoldMark(models.Model):
    """A stretch of time that was computed or is to be. Its id is made of step, scope and start."""

    id = models.CharField(max_length=100, primary_key=True, db_column="_id")
    project = models.ForeignKey(Project, on_delete=models.DO_NOTHING, related_name="+", db_index=False)
    version = models.ForeignKey(Version, on_delete=models.DO_NOTHING, related_name="+", db_index=False)
    version_name = models.CharField(max_length=128)
    environment = models.CharField(max_length=64)
    shard = models.PositiveSmallIntegerField()
    step = models.CharField(max_length=20, choices=Step.choices)
    start = models.DateTimeField()
    stamp = models.CharField(max_length=24)
    # Missing while nothing has changed since it was computed.
    due_at = models.DateTimeField(null=True)
    ready_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField()

    objects: ClassVar[FoldMarkManager] = FoldMarkManager()

    class Meta:
        verbose_name = "fold mark"
        indexes: ClassVar = [
            models.Index(fields=["shard", "step", "due_at"], name="fold_mark_due"),
            models.Index(fields=["project"], name="fold_mark_of_project"),
        ]

    def __str__(self) -> str:
        return self.id
