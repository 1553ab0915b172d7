"""What each function takes in all endpoints of a version together, by hours and days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from bson import ObjectId
from django.db import models
from django.utils.translation import gettext_lazy as _

from perfplatform import mongo
from perfplatform.mongo import Document
from profiles import function_sums
from profiles.bounds import LARGEST_STORED
from profiles.forest import ENGINES
from profiles.function_sums import Part, Sums, Table
from profiles.grain import LIFETIMES, Grain
from profiles.models.bulk import replace_older
from profiles.scope import Scope, document_id
from profiles.trends import Period
from projects.models import Project, Version

# How long ago a stretch may have begun that is among the newest.
NEWEST = {Grain.DAY: timedelta(days=2), Grain.HOUR: timedelta(hours=3)}


class FunctionSumsManager(models.Manager["FunctionSums"]):
    """All of a stretch are replaced together, with the same `source`; nothing is ever added to one."""

    def replace(
        self, scope: Scope, grain: Grain, start: datetime, *, sums: Mapping[str, Sums], source: int
    ) -> None:
        """Durably replace the sums of a stretch, unless what is stored was computed from more."""
        source = min(source, LARGEST_STORED)
        documents = [
            {
                "_id": document_id(scope, f"{grain}_functions", start, engine),
                **scope.fields(),
                "grain": str(grain),
                "engine": engine,
                "start": start,
                "data": function_sums.pack(found),
                "source": source,
                "expires_at": start + LIFETIMES[grain],
            }
            for engine, found in sums.items()
        ]
        rows = mongo.collection(self.model, durable=True)
        replace_older(rows, documents, {"source": "$lte"})
        rows.delete_many({**_of_scope(scope, grain), "start": start, "source": {"$lt": source}})

    def of_stretches(self, scope: Scope, grain: Grain, *, start: datetime, end: datetime) -> dict[str, Sums]:
        """The sums of each engine class over all stretches of a period."""
        query = {**_of_scope(scope, grain), "start": {"$gte": start, "$lt": end}}
        parts: dict[str, list[Part]] = {}
        for row in mongo.collection(self.model).find(query, {"engine": 1, "data": 1}):
            parts.setdefault(row["engine"], []).append(function_sums.unpack(row["data"]))
        return {engine: Table(found).sums() for engine, found in parts.items()}

    def table(
        self,
        project_id: ObjectId,
        *,
        engine: str,
        period: Period,
        version_id: ObjectId | None = None,
        environment: str | None = None,
    ) -> Table:
        """Functions in a period of hours or days (see `tree_period`). No version or environment: all.

        Reads a document for each stretch, version and environment: 30 of 1,000 functions took
        70 ms on a machine that was busy with other things, half of it for reading them.
        """
        query = table_query(
            project_id, engine=engine, period=period, version_id=version_id, environment=environment
        )
        found = mongo.for_pages(self.model).find(query, {"data": 1})
        return Table(function_sums.unpack(row["data"]) for row in found)

    def newest(
        self, project_id: ObjectId, version_ids: Sequence[ObjectId], *, now: datetime
    ) -> dict[str, Table]:
        """The functions of some versions in the last days by engine class, for looking up names.

        Days are folded late, so the last hours are there too: the times are no sums of anything.
        Reads at most six documents of each version, environment and engine.
        """
        query = newest_query(project_id, version_ids, now=now)
        found = mongo.for_pages(self.model).find(query, {"engine": 1, "data": 1})
        parts: dict[str, list[Part]] = {}
        for row in found:
            parts.setdefault(row["engine"], []).append(function_sums.unpack(row["data"]))
        return {engine: Table(parts[engine]) for engine in ENGINES if engine in parts}


class FunctionSums(models.Model):
    """The functions of a stretch of time, as one engine class saw them in all endpoints."""

    id = models.CharField(max_length=100, primary_key=True, db_column="_id")
    project = models.ForeignKey(
        Project, verbose_name=_("project"), on_delete=models.DO_NOTHING, related_name="+", db_index=False
    )
    version = models.ForeignKey(Version, on_delete=models.DO_NOTHING, related_name="+", db_index=False)
    version_name = models.CharField(_("version"), max_length=128)
    environment = models.CharField(_("environment"), max_length=64)
    grain = models.CharField(max_length=10)
    engine = models.CharField(_("recorded by"), max_length=20)
    start = models.DateTimeField()
    data = models.BinaryField()
    source = models.PositiveBigIntegerField()
    expires_at = models.DateTimeField(_("kept until"))

    objects: ClassVar[FunctionSumsManager] = FunctionSumsManager()

    class Meta:
        verbose_name = _("sums of functions")
        verbose_name_plural = _("sums of functions")
        indexes: ClassVar = [
            models.Index(
                fields=["project", "grain", "engine", "version", "environment", "start"],
                name="function_sums_of_scope",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.version_name} {self.start:%Y-%m-%d %H:%M}"


def table_query(
    project_id: ObjectId,
    *,
    engine: str,
    period: Period,
    version_id: ObjectId | None = None,
    environment: str | None = None,
) -> Document:
    """Which sums `table` reads."""
    chosen = {"version_id": version_id, "environment": environment}
    return {
        "project_id": project_id,
        "grain": str(period.grain),
        "engine": engine,
        **{name: value for name, value in chosen.items() if value is not None},
        "start": {"$gte": period.start, "$lt": period.end},
    }


def newest_query(project_id: ObjectId, version_ids: Sequence[ObjectId], *, now: datetime) -> Document:
    """Which sums `newest` reads: those of two days and a few hours."""
    return {
        "project_id": project_id,
        "engine": {"$in": list(ENGINES)},
        "version_id": {"$in": list(version_ids)},
        "$or": [{"grain": str(grain), "start": {"$gte": now - age}} for grain, age in NEWEST.items()],
    }


def _of_scope(scope: Scope, grain: Grain) -> Document:
    return {
        "project_id": scope.project_id,
        "grain": str(grain),
        "engine": {"$in": list(ENGINES)},
        "version_id": scope.version_id,
        "environment": scope.environment,
    }
