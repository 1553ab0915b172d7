"""One recorded request, task or call."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from bson import ObjectId
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from pymongo.errors import ExecutionTimeout

from perfplatform import mongo
from perfplatform.mongo import Document
from profiles.models.bulk import insert_new
from profiles.models.distinct import distinct_stages
from profiles.models.profile_lives import ProfileLives
from profiles.queries import (
    MOST_COUNTED,
    Cursor,
    FilterChoices,
    Order,
    ProfileFilters,
    ProfilePage,
    TooManyToSearch,
)
from projects.models import Project, Version

NEWEST_FIRST = [("started_at", -1)]
MOST_UNDIGESTED = 100
# What lists do not show.
HEAVY_FIELDS = ("tags", "counters", "labels")
COLUMN_OF = {"project": "project_id", "id": "_id"}
# For how long filters that no index answers are tried, and how long their total is counted.
LIST_TIME_MS = 2_000
COUNT_TIME_MS = 200
# Of a whole list as a file: so many documents are asked for at once, and found within so long in all.
ROWS_AT_ONCE = 1_000
EACH_TIME_MS = 20_000


class ProfileManager(models.Manager["Profile"]):
    """Reads that an index serves, and the insert that may be repeated."""

    def store(self, documents: Sequence[Document]) -> set[str]:
        """Insert durably what is new. Returns the ids that belong to profiles of other projects."""
        return insert_new(mongo.collection(self.model, durable=True), documents)

    def page(
        self,
        project_id: ObjectId,
        filters: ProfileFilters,
        *,
        order: Order = Order.NEWEST,
        cursor: str | None = None,
        offset: int = 0,
        limit: int = 25,
    ) -> ProfilePage:
        """A page of a project's profiles. Raises InvalidCursor and TooManyToSearch."""
        query = {"project_id": project_id, **filters.query()}
        after = Cursor.read(cursor, order) if cursor else None
        wanted = {"$and": [query, after.query()]} if after else query
        skip = after.shown if after else offset
        found = self._rows(wanted, order, skip=skip, limit=limit + 1)
        items = [self.from_document(document) for document in found]
        more, items = len(items) > limit, items[:limit]
        next_cursor = str(self._cursor(items, query, order, after=after, offset=offset)) if more else None
        total, is_capped = self._total(query, least=offset + len(items) + more)
        return ProfilePage(items, next_cursor, total, is_capped)

    def foremost(
        self, project_id: ObjectId, filters: ProfileFilters, *, order: Order, limit: int
    ) -> list[Profile]:
        """The first few of a list, without counting it. Raises TooManyToSearch."""
        wanted = {"project_id": project_id, **filters.query()}
        return [self.from_document(row) for row in self._rows(wanted, order, skip=0, limit=limit)]

    def each(
        self, project_id: ObjectId, filters: ProfileFilters, *, order: Order, limit: int
    ) -> Iterator[Profile]:
        """The first so many of a list, one at a time. Raises TooManyToSearch where the first takes too long.

        Where a later one does, ExecutionTimeout comes up on the way: a file that breaks off is no whole one.
        """
        found = mongo.for_pages(self.model).find(
            {"project_id": project_id, **filters.query()},
            dict.fromkeys(HEAVY_FIELDS, False),
            sort=[(order.column, -1)],
            limit=limit,
            batch_size=ROWS_AT_ONCE,
            max_time_ms=EACH_TIME_MS,
        )
        try:
            first = list(itertools.islice(found, 1))
        except ExecutionTimeout as error:
            raise TooManyToSearch from error
        return (self.from_document(row) for row in itertools.chain(first, found))

    def _rows(self, wanted: Document, order: Order, *, skip: int, limit: int) -> list[Document]:
        found = mongo.for_pages(self.model).find(
            wanted,
            dict.fromkeys(HEAVY_FIELDS, False),
            sort=[(order.column, -1)],
            skip=skip,
            limit=limit,
            max_time_ms=LIST_TIME_MS,
        )
        try:
            return list(found)
        except ExecutionTimeout as error:
            raise TooManyToSearch from error

    def _cursor(
        self,
        items: Sequence[Profile],
        query: Document,
        order: Order,
        *,
        after: Cursor | None,
        offset: int,
    ) -> Cursor:
        """Where this page ended."""
        values = [_value_of(profile, order) for profile in items]
        shown = values.count(values[-1])
        cursor = Cursor(order, values[-1], shown)
        if shown < len(items):
            return cursor
        # The whole page is of one value: how many of it stood before?
        if after and after.value == cursor.value:
            return Cursor(order, cursor.value, after.shown + shown)
        if offset:
            greater = {"$and": [query, {order.column: {"$gt": cursor.query()[order.column]["$lte"]}}]}
            before = mongo.collection(self.model).count_documents(greater, limit=offset)
            return Cursor(order, cursor.value, offset - before + shown)
        return cursor

    def _total(self, query: Document, *, least: int) -> tuple[int, bool]:
        """How many there are, and whether that is only the least that there are."""
        try:
            counted = mongo.for_pages(self.model).count_documents(
                query, limit=MOST_COUNTED + 1, maxTimeMS=COUNT_TIME_MS, **self.counted_by(query)
            )
        except ExecutionTimeout:
            return min(least, MOST_COUNTED), True
        return min(counted, MOST_COUNTED), counted > MOST_COUNTED

    def counted_by(self, query: Document) -> Document:
        """The index that holds every column of `query`, so that no document is fetched to count."""
        covering = {}
        for index in self.model._meta.indexes:
            columns = [COLUMN_OF.get(name, name) for name, _way in index.fields_orders]
            if set(query) <= set(columns):
                covering[index.name] = columns[1] in query
        best = max(covering, key=lambda name: covering[name], default="")
        return {"hint": best} if best else {}

    def choices(self, project_id: ObjectId) -> FilterChoices:
        """What a project's profiles can be filtered by, at most 2,000 of each."""
        columns = ("endpoint", "version_name", "environment", "hostname")
        return FilterChoices(*(self._distinct(project_id, column) for column in columns))

    def environments(self, project_id: ObjectId) -> list[str]:
        """Where a project's profiles come from. One jump on an index for each."""
        return self._distinct(project_id, "environment")

    def newest_at(self, project_ids: Iterable[ObjectId]) -> dict[ObjectId, datetime]:
        """When the newest profile of each project started; projects without one are missing."""
        stages: list[Document] = [
            {"$match": {"project_id": {"$in": list(project_ids)}}},
            {"$sort": {"project_id": 1, "started_at": -1}},
            {"$group": {"_id": "$project_id", "at": {"$first": "$started_at"}}},
        ]
        found = mongo.collection(self.model).aggregate(stages)
        return {row["_id"]: row["at"].replace(tzinfo=UTC) for row in found}

    def stored(self, project_id: ObjectId, profile_ids: Iterable[str]) -> set[str]:
        """Those of the ids that profiles of the project have."""
        wanted = {"_id": {"$in": list(profile_ids)}}
        rows = mongo.collection(self.model).find(wanted, {"project_id": 1})
        return {row["_id"] for row in rows if row["project_id"] == project_id}

    def any_for(self, project_id: ObjectId) -> Profile | None:
        """The newest profile of a project."""
        found = mongo.collection(self.model).find_one({"project_id": project_id}, sort=NEWEST_FIRST)
        return self.from_document(found) if found else None

    def find(self, profile_id: str) -> Profile | None:
        """The profile of this id, with everything."""
        found = mongo.collection(self.model).find_one({"_id": profile_id})
        return self.from_document(found) if found else None

    def endpoints(self, profile_ids: Sequence[str]) -> dict[str, tuple[ObjectId, str]]:
        """Project and endpoint (kind, method and route) of profiles; those that are gone are missing."""
        shown = {"project_id": 1, "kind": 1, "method": 1, "endpoint": 1}
        found = mongo.collection(self.model).find({"_id": {"$in": profile_ids}}, shown)
        return {
            row["_id"]: (row["project_id"], f"{row['kind']} {row['method']} {row['endpoint']}")
            for row in found
        }

    def without_digest(self, profile_ids: Sequence[str]) -> set[str]:
        """Which of these are still to get a digest."""
        query = {"_id": {"$in": profile_ids}, "undigested": {"$exists": True}}
        return {row["_id"] for row in mongo.collection(self.model).find(query, {"_id": 1})}

    def from_document(self, document: Mapping[str, Any]) -> Profile:
        """A profile as the ORM would have loaded it; what the document leaves out is empty."""
        aware = {
            name: value.replace(tzinfo=UTC) if isinstance(value, datetime) else value
            for name, value in document.items()
        }
        return mongo.from_document(
            self.model,
            {"tags": {}, "counters": [], "labels": [], "is_slowest": False, "is_kept": False, **aware},
        )

    def busy_shards(self) -> set[int]:
        """Shards with a profile that is to get a digest: one key is read of each."""
        return set(mongo.collection(self.model).distinct("undigested", {"undigested": {"$gte": 0}}))

    def undigested(self, shard: int) -> list[Profile]:
        """Profiles of the random share without a digest, in the order of arrival."""
        rows = mongo.collection(self.model).find(
            {"undigested": shard},
            dict.fromkeys(HEAVY_FIELDS, False),
            sort=[("received_at", 1)],
            limit=MOST_UNDIGESTED,
        )
        return [self.from_document(row) for row in rows]

    def mark_digested(self, profile_ids: list[str], *, unreadable: list[str]) -> None:
        """These have a digest, or will never have one."""
        rows = mongo.collection(self.model)
        done = {"$unset": {"undigested": ""}}
        if profile_ids:
            rows.update_many({"_id": {"$in": profile_ids}}, done)
        if unreadable:
            rows.update_many({"_id": {"$in": unreadable}}, {**done, "$set": {"is_unreadable": True}})

    def _distinct(self, project_id: ObjectId, column: str) -> list[str]:
        found = mongo.for_pages(self.model).aggregate(distinct_stages(project_id, column))
        return sorted(row["_id"] for row in found)


class Profile(models.Model):
    """One recorded request, task or call. Its id was made by the SDK."""

    class Kind(models.TextChoices):
        REQUEST = "request", _("request")
        TASK = "task", _("task")
        CALL = "call", _("function call")

    class Trigger(models.TextChoices):
        SAMPLED = "sampled", _("random sample")
        SLOW = "slow", _("slow")
        ERROR = "error", _("failed")
        MANUAL = "manual", _("asked for")

    # The types' plugin knows no keys of this backend.
    project_id: ObjectId
    version_id: ObjectId
    id = models.CharField(max_length=32, primary_key=True, db_column="_id")
    # Millions of rows may hang on a project: none is loaded to delete it, and all of them expire.
    project = models.ForeignKey(
        Project, verbose_name=_("project"), on_delete=models.DO_NOTHING, related_name="+", db_index=False
    )
    version = models.ForeignKey(
        Version, verbose_name=_("version"), on_delete=models.DO_NOTHING, related_name="+", db_index=False
    )
    version_name = models.CharField(_("version"), max_length=128)
    environment = models.CharField(_("environment"), max_length=64)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    endpoint = models.CharField(_("endpoint"), max_length=512)
    method = models.CharField(_("method"), max_length=16, blank=True)
    status = models.PositiveIntegerField(_("status"), null=True)
    error_type = models.CharField(_("exception"), max_length=256, blank=True)
    is_error = models.BooleanField(_("failed"))
    started_at = models.DateTimeField(_("started at"))
    duration_us = models.PositiveBigIntegerField(_("duration (µs)"))
    cpu_us = models.PositiveBigIntegerField(_("CPU time (µs)"))
    engine = models.CharField(_("recorded by"), max_length=20)
    interval_us = models.PositiveIntegerField(_("sampling interval (µs)"))
    trigger = models.CharField(_("kept because"), max_length=10, choices=Trigger.choices)
    streaming = models.BooleanField(_("streamed"))
    trace_id = models.CharField(_("trace"), max_length=64, blank=True)
    tags = models.JSONField(_("tags"), default=dict)
    counters = models.JSONField(_("counters"), default=list)
    # profiles.labels; absent where there are none, so that their index holds the rare profiles alone.
    labels = models.JSONField(default=list, editable=False)
    instance = models.CharField(_("instance"), max_length=32)
    hostname = models.CharField(_("host"), max_length=255)
    pid = models.PositiveBigIntegerField(_("process"))
    python = models.CharField(_("Python"), max_length=32)
    framework = models.CharField(_("framework"), max_length=64, blank=True)
    sample_count = models.PositiveIntegerField(_("samples"))
    # The shard that is to make its digest; missing once that is done, and where there is none to make.
    undigested = models.PositiveSmallIntegerField(null=True, editable=False)
    is_unreadable = models.BooleanField(null=True, editable=False)
    received_at = models.DateTimeField(_("received at"))
    expires_at = models.DateTimeField(_("kept until"))
    # One of the slowest of its endpoint and version, which are kept longer; absent where it is not.
    is_slowest = models.BooleanField(_("one of the slowest"), default=False, editable=False)
    # Somebody chose to keep it; absent where nobody did.
    is_kept = models.BooleanField(_("kept by choice"), default=False, editable=False)

    objects: ClassVar[ProfileManager] = ProfileManager()
    lives: ClassVar[ProfileLives] = ProfileLives()

    class Meta:
        verbose_name = _("profile")
        verbose_name_plural = _("profiles")
        # profiles.queries.SERVED says what each is for. The columns behind the order's own answer filters
        # before a document is fetched. Those of rare profiles alone are in migrations 0006 and 0008.
        indexes: ClassVar = [
            models.Index(
                fields=["project", "-started_at", "duration_us", "is_error", "status"], name="profile_newest"
            ),
            models.Index(fields=["project", "-duration_us", "-started_at"], name="profile_slowest"),
            models.Index(
                fields=["project", "endpoint", "-started_at", "version_name"], name="profile_endpoint_newest"
            ),
            models.Index(
                fields=["project", "endpoint", "-duration_us", "version_name", "method"],
                name="profile_endpoint_slowest",
            ),
            models.Index(fields=["project", "version_name", "-started_at"], name="profile_version_newest"),
            models.Index(fields=["project", "version_name", "-duration_us"], name="profile_version_slowest"),
            models.Index(fields=["project", "environment", "-started_at"], name="profile_environment"),
            models.Index(fields=["project", "hostname", "-started_at"], name="profile_host"),
            models.Index(
                fields=["undigested", "received_at"],
                name="profile_undigested",
                condition=Q(undigested__gte=0),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.endpoint}".strip()


def _value_of(profile: Profile, order: Order) -> int:
    return profile.duration_us if order is Order.SLOWEST else round(profile.started_at.timestamp() * 1000)
