"""What was measured of each endpoint, by minutes, hours and days."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from typing import ClassVar

from bson import ObjectId
from django.db import models
from django.utils.translation import gettext_lazy as _

from perfplatform import mongo
from perfplatform.mongo import Document
from profiles import histogram, rollup
from profiles.bounds import LARGEST_STORED
from profiles.grain import LIFETIMES, Grain
from profiles.models.bulk import replace_older
from profiles.rollup import ALL, EVERYTHING, UNBIASED, EndpointKey, Rollups
from profiles.scope import Scope, document_id
from profiles.timed import Part, TimedTable
from profiles.trends import (
    EndpointRow,
    EndpointTable,
    EndpointTotals,
    Group,
    GroupTable,
    Measured,
    Period,
    Series,
)
from projects.models import Project, Version

OF_SCOPE = "rollup_of_scope"
SERIES = "rollup_series"
# What a cursor gives at once, so that thousands of small documents are few round trips.
LARGE_BATCH = 20_000
TOTALS_FIELDS = {
    "_id": False,
    **dict.fromkeys(("kind", "method", "route", "count", "errors"), True),
    **{f"classes.{name}.{field}": True for name in UNBIASED for field in ("count", "sum_us")},
}
TIMED_FIELDS = {
    "_id": False,
    **dict.fromkeys(("kind", "method", "route", "start", "count", "errors"), True),
    **{f"classes.{name}.histogram": True for name in UNBIASED},
}
MEASURED_FIELDS = ("start", "count", "errors", "classes", "counters")


class RollupManager(models.Manager["Rollup"]):
    """All of a stretch are replaced together, with the same `source`; nothing is ever added to one."""

    def replace(self, scope: Scope, grain: Grain, start: datetime, *, rollups: Rollups, source: int) -> None:
        """Durably replace the rollups of a stretch, unless what is stored was computed from more."""
        source = min(source, LARGEST_STORED)
        of_stretch: Document = {**scope.fields(), "grain": str(grain), "start": start}
        documents = [
            {
                "_id": document_id(scope, grain, start, *key),
                **of_stretch,
                **key._asdict(),
                **rollup.to_fields(found),
                "source": source,
                "expires_at": start + LIFETIMES[grain],
            }
            for key, found in rollups.items()
        ]
        rows = mongo.collection(self.model, durable=True)
        replace_older(rows, documents, {"source": "$lte"})
        del of_stretch["version_name"]
        rows.delete_many({**of_stretch, "source": {"$lt": source}})

    def series(
        self,
        project_id: ObjectId,
        endpoint: EndpointKey = EVERYTHING,
        *,
        period: Period,
        version_id: ObjectId | None = None,
        environment: str | None = None,
    ) -> Series:
        """A chart of one endpoint, or of the sum of a kind or of everything (see rollup.EndpointKey).

        No version or environment: all of them.
        """
        query = series_query(
            project_id, endpoint, period=period, version_id=version_id, environment=environment
        )
        rows = mongo.for_pages(self.model).find(query, dict.fromkeys(MEASURED_FIELDS, True))
        parts = map(_part, rows)
        return Series.of(period, parts)

    def whole(
        self,
        project_id: ObjectId,
        endpoint: EndpointKey = EVERYTHING,
        *,
        period: Period,
        version_id: ObjectId | None = None,
        environment: str | None = None,
    ) -> Measured:
        """What `series` adds up to, without the percentiles of each point, which take most of its time."""
        query = series_query(
            project_id, endpoint, period=period, version_id=version_id, environment=environment
        )
        rows = mongo.collection(self.model).find(query, dict.fromkeys(MEASURED_FIELDS, True))
        return Measured.of(rollup.added(map(rollup.from_fields, rows)))

    def groups(
        self,
        project_id: ObjectId,
        endpoint: EndpointKey = EVERYTHING,
        *,
        by: Group,
        period: Period,
        version_id: ObjectId | None = None,
        environment: str | None = None,
    ) -> GroupTable:
        """A table of the versions or environments that a chart of the same adds up.

        Reads what `series` reads, 7 µs for each rollup: `period` should be of few stretches
        (trends.MOST_STRETCHES), with which five versions are 120 rollups.
        """
        query = series_query(
            project_id, endpoint, period=period, version_id=version_id, environment=environment
        )
        shown = dict.fromkeys((*MEASURED_FIELDS, by.column), True)
        rows = mongo.for_pages(self.model).find(query, shown)
        return GroupTable.of(period, ((row[by.column], rollup.from_fields(row)) for row in rows))

    def endpoints(
        self,
        project_id: ObjectId,
        *,
        period: Period,
        version_id: ObjectId | None = None,
        environment: str | None = None,
        among: Collection[EndpointKey] | None = None,
    ) -> EndpointTable:
        """A table of all endpoints, or of those `among` these. No version or environment: all of them.

        Costs about 25 µs a rollup: of each endpoint one for every stretch, version and environment.
        """
        stages = endpoints_stages(
            project_id, period=period, version_id=version_id, environment=environment, among=among
        )
        # Of all endpoints, the other index costs a look for each version and environment there ever was.
        found = mongo.for_pages(self.model).aggregate(stages, hint=OF_SCOPE if among is None else SERIES)
        rows = [EndpointRow.of(EndpointKey(**row["_id"]), map(_part, row["parts"])) for row in found]
        return EndpointTable(period, sorted(rows, key=lambda row: (-row.measured.sum_us, row.endpoint)))

    def totals(
        self,
        project_id: ObjectId,
        *,
        period: Period,
        version_id: ObjectId | None = None,
        environment: str | None = None,
    ) -> list[EndpointTotals]:
        """All endpoints; the first is the one that took the most time.

        Reads the same rollups as `endpoints` and leaves out their histograms, which are most of the cost.
        """
        query = endpoints_query(project_id, period=period, version_id=version_id, environment=environment)
        found: dict[EndpointKey, EndpointTotals] = {}
        rows = mongo.for_pages(self.model).find(query, TOTALS_FIELDS, hint=OF_SCOPE)
        for row in rows.batch_size(LARGE_BATCH):
            key = EndpointKey(row["kind"], row["method"], row["route"])
            totals = found.get(key)
            if totals is None:
                totals = found[key] = EndpointTotals(key)
            totals.count += row["count"]
            totals.errors += row["errors"]
            for of_class in row["classes"].values():
                totals.timed += of_class["count"]
                totals.sum_us += of_class["sum_us"]
        return sorted(found.values(), key=lambda totals: (-totals.sum_us, totals.endpoint))

    def timed(
        self,
        project_id: ObjectId,
        *,
        period: Period,
        version_id: ObjectId,
        environment: str | None = None,
    ) -> TimedTable:
        """All endpoints of a version, for a comparison. No environment: all of them.

        Reads what `endpoints` reads, and makes less of it: 10 µs for each endpoint, stretch and environment.
        """
        query = endpoints_query(project_id, period=period, version_id=version_id, environment=environment)
        rows = mongo.for_pages(self.model).find(query, TIMED_FIELDS, hint=OF_SCOPE)
        table = TimedTable(period)
        for row in rows.batch_size(LARGE_BATCH):
            endpoint = EndpointKey(row["kind"], row["method"], row["route"])
            start = row["start"].replace(tzinfo=UTC)
            table.add(endpoint, Part(start, row["count"], row["errors"], _latency(row)))
        return table

    def newest_minutes(
        self,
        project_id: ObjectId,
        endpoint: EndpointKey,
        *,
        version_id: ObjectId,
        period: Period,
        environment: str | None = None,
        most: int = 120,
    ) -> list[int]:
        """Histograms of an endpoint's newest minutes in a period, as far as minutes are kept. 10 µs each."""
        minutes = Period(Grain.MINUTE, period.start, period.end)
        query = series_query(
            project_id, endpoint, period=minutes, version_id=version_id, environment=environment
        )
        rows = mongo.for_pages(self.model).find(
            query, TIMED_FIELDS, sort=[("start", -1)], limit=most, hint=SERIES
        )
        return [_latency(row) for row in rows]

    def of_projects(
        self, project_ids: Sequence[ObjectId], version_ids: Sequence[ObjectId], *, kind: str, period: Period
    ) -> dict[ObjectId, Series]:
        """Charts of all of a kind, of many projects at once; those in which nothing was measured are missing.

        Only of these versions: without them every version that there ever was costs a look. A project and
        day costs 24 documents for each version and environment, about 0.3 ms.
        """
        query = of_projects_query(project_ids, version_ids, kind=kind, period=period)
        shown = dict.fromkeys((*MEASURED_FIELDS, "project_id"), True)
        parts: dict[ObjectId, list[tuple[datetime, rollup.Rollup]]] = {}
        for row in mongo.for_pages(self.model).find(query, shown, hint=SERIES):
            parts.setdefault(row["project_id"], []).append(_part(row))
        return {project_id: Series.of(period, found) for project_id, found in parts.items()}

    def source(self, scope: Scope, grain: Grain, *, start: datetime, end: datetime) -> int:
        """What the rollups of a period were computed from, at least. Read it before them."""
        stages: list[Document] = [
            {"$match": _of_period(scope, grain, start, end)},
            {"$group": {"_id": "$start", "source": {"$min": "$source"}}},
            {"$group": {"_id": None, "source": {"$sum": "$source"}}},
        ]
        return sum(int(row["source"]) for row in mongo.collection(self.model).aggregate(stages))

    def parts(
        self, scope: Scope, grain: Grain, *, start: datetime, end: datetime
    ) -> Iterator[tuple[EndpointKey, rollup.Rollup]]:
        """The rollups of a period, one at a time."""
        unread = dict.fromkeys(("p50_us", "p95_us", "p99_us", "version_name", "expires_at"), False)
        for row in mongo.collection(self.model).find(_of_period(scope, grain, start, end), unread):
            yield EndpointKey(row["kind"], row["method"], row["route"]), rollup.from_fields(row)


class Rollup(models.Model):
    """All requests of an endpoint in a stretch of time. Its id is made of its fields up to `route`."""

    id = models.CharField(max_length=100, primary_key=True, db_column="_id")
    project = models.ForeignKey(
        Project, verbose_name=_("project"), on_delete=models.DO_NOTHING, related_name="+", db_index=False
    )
    version = models.ForeignKey(Version, on_delete=models.DO_NOTHING, related_name="+", db_index=False)
    version_name = models.CharField(_("version"), max_length=128)
    environment = models.CharField(_("environment"), max_length=64)
    grain = models.CharField(max_length=10)
    start = models.DateTimeField()
    kind = models.CharField(_("kind"), max_length=10)
    method = models.CharField(_("method"), max_length=16, blank=True)
    route = models.CharField(_("endpoint"), max_length=512)
    count = models.PositiveBigIntegerField()
    errors = models.PositiveBigIntegerField()
    # By engine class: count, sum_us, and the histogram as bytes.
    classes = models.JSONField(default=dict)
    p50_us = models.FloatField(null=True)
    p95_us = models.FloatField(null=True)
    p99_us = models.FloatField(null=True)
    # By type (db, http): count and total_us.
    counters = models.JSONField(default=dict)
    source = models.PositiveBigIntegerField()
    expires_at = models.DateTimeField(_("kept until"))

    objects: ClassVar[RollupManager] = RollupManager()

    class Meta:
        verbose_name = _("rollup")
        verbose_name_plural = _("rollups")
        indexes: ClassVar = [
            models.Index(fields=["project", "grain", "version", "environment", "start"], name=OF_SCOPE),
            models.Index(
                fields=["project", "grain", "route", "kind", "method", "version", "environment", "start"],
                name=SERIES,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.route} {self.start:%Y-%m-%d %H:%M}".strip()


def series_query(
    project_id: ObjectId,
    endpoint: EndpointKey,
    *,
    period: Period,
    version_id: ObjectId | None = None,
    environment: str | None = None,
) -> Document:
    """Which rollups `series` reads."""
    return {
        "project_id": project_id,
        "grain": str(period.grain),
        **endpoint._asdict(),
        **_chosen(version_id, environment),
        "start": {"$gte": period.start, "$lt": period.end},
    }


def of_projects_query(
    project_ids: Sequence[ObjectId], version_ids: Sequence[ObjectId], *, kind: str, period: Period
) -> Document:
    """Which rollups `of_projects` reads."""
    return {
        "project_id": {"$in": list(project_ids)},
        "grain": str(period.grain),
        **EndpointKey(kind, "", ALL)._asdict(),
        "version_id": {"$in": list(version_ids)},
        "start": {"$gte": period.start, "$lt": period.end},
    }


def endpoints_query(
    project_id: ObjectId,
    *,
    period: Period,
    version_id: ObjectId | None = None,
    environment: str | None = None,
) -> Document:
    """Which rollups `totals` reads, and `endpoints` of all."""
    return {
        "project_id": project_id,
        "grain": str(period.grain),
        **_chosen(version_id, environment),
        "start": {"$gte": period.start, "$lt": period.end},
        "route": {"$ne": ALL},
    }


def endpoints_stages(
    project_id: ObjectId,
    *,
    period: Period,
    version_id: ObjectId | None = None,
    environment: str | None = None,
    among: Collection[EndpointKey] | None = None,
) -> list[Document]:
    """How `endpoints` reads and groups rollups."""
    wanted = endpoints_query(project_id, period=period, version_id=version_id, environment=environment)
    if among is not None:
        # The routes lead the index to them; which method goes with which is left to a look at the document.
        wanted["route"] = {"$in": sorted({key.route for key in among})}
        wanted["$or"] = [key._asdict() for key in among] or [{"route": ALL}]
    # Adding up here is cheaper than in MongoDB, whose sums over nested fields take most of such a query.
    part = {name: f"${name}" for name in MEASURED_FIELDS}
    named = {name: f"${name}" for name in EndpointKey._fields}
    return [{"$match": wanted}, {"$group": {"_id": named, "parts": {"$push": part}}}]


def _latency(row: Document) -> int:
    """The histogram of what no precise profiler slowed, of a row with TIMED_FIELDS."""
    return sum(histogram.unpack(of_class["histogram"]) for of_class in row["classes"].values())


def _part(row: Document) -> tuple[datetime, rollup.Rollup]:
    return row["start"].replace(tzinfo=UTC), rollup.from_fields(row)


def _chosen(version_id: ObjectId | None, environment: str | None) -> Document:
    chosen = {"version_id": version_id, "environment": environment}
    return {name: value for name, value in chosen.items() if value is not None}


def _of_period(scope: Scope, grain: Grain, start: datetime, end: datetime) -> Document:
    return {
        "project_id": scope.project_id,
        "version_id": scope.version_id,
        "environment": scope.environment,
        "grain": str(grain),
        "start": {"$gte": start.astimezone(UTC), "$lt": end.astimezone(UTC)},
    }
