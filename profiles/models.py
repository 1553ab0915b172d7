"""What is kept of target apps: profiles, their recordings, and ledger documents as they came.

Only the managers here touch MongoDB past the ORM: inserts, lists and counts are many times faster so
(docs/decisions.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from bson import ObjectId
from django.db import models
from django.utils.translation import gettext_lazy as _
from pymongo import ReplaceOne
from pymongo.collection import Collection
from pymongo.errors import BulkWriteError

from perfplatform import mongo
from perfplatform.mongo import Document
from profiles import blob
from profiles.queries import MOST_COUNTED, Cursor, FilterChoices, ProfileFilters, ProfilePage
from profiles.session_table import session_from_table
from projects.models import Project, Version

DUPLICATE_KEY = 11000
NEWEST_FIRST = [("started_at", -1), ("_id", 1)]
MOST_CHOICES = 2_000
# What lists do not show.
HEAVY_FIELDS = ("tags", "counters")


class ProfileManager(models.Manager["Profile"]):
    """Reads that an index serves, and the insert that may be repeated."""

    def store(self, documents: Sequence[Document]) -> set[str]:
        """Insert durably what is new. Returns the ids that belong to profiles of other projects."""
        return _insert_new(mongo.collection(self.model, durable=True), documents)

    def page(
        self,
        project_id: ObjectId,
        filters: ProfileFilters,
        *,
        cursor: str | None = None,
        offset: int = 0,
        limit: int = 25,
    ) -> ProfilePage:
        """A page of a project's profiles, newest first. Raises InvalidCursor."""
        rows = mongo.collection(self.model)
        query = {"project_id": project_id, **filters.query()}
        wanted = {"$and": [query, Cursor.read(cursor).query()]} if cursor else query
        shown = dict.fromkeys(HEAVY_FIELDS, False)
        found = rows.find(wanted, shown, sort=NEWEST_FIRST, skip=offset, limit=limit + 1)
        items = [self.from_document(document) for document in found]
        more, items = len(items) > limit, items[:limit]
        counted = rows.count_documents(query, limit=MOST_COUNTED + 1)
        return ProfilePage(
            items,
            str(Cursor.after(items[-1])) if more else None,
            min(counted, MOST_COUNTED),
            counted > MOST_COUNTED,
        )

    def choices(self, project_id: ObjectId) -> FilterChoices:
        """What a project's profiles can be filtered by, at most 2,000 of each."""
        return FilterChoices(
            *(self._distinct(project_id, column) for column in ("endpoint", "version_name", "environment"))
        )

    def newest_at(self, project_ids: Iterable[ObjectId]) -> dict[ObjectId, datetime]:
        """When the newest profile of each project started; projects without one are missing."""
        stages: list[Document] = [
            {"$match": {"project_id": {"$in": list(project_ids)}}},
            {"$sort": {"project_id": 1, "started_at": -1}},
            {"$group": {"_id": "$project_id", "at": {"$first": "$started_at"}}},
        ]
        found = mongo.collection(self.model).aggregate(stages)
        return {row["_id"]: row["at"].replace(tzinfo=UTC) for row in found}

    def any_for(self, project_id: ObjectId) -> Profile | None:
        """The newest profile of a project."""
        found = mongo.collection(self.model).find_one({"project_id": project_id}, sort=NEWEST_FIRST)
        return self.from_document(found) if found else None

    def find(self, profile_id: str) -> Profile | None:
        """The profile of this id, with everything."""
        found = mongo.collection(self.model).find_one({"_id": profile_id})
        return self.from_document(found) if found else None

    def from_document(self, document: Mapping[str, Any]) -> Profile:
        """A profile as the ORM would have loaded it; what the document leaves out is empty."""
        aware = {
            name: value.replace(tzinfo=UTC) if isinstance(value, datetime) else value
            for name, value in document.items()
        }
        return mongo.from_document(self.model, {"tags": {}, "counters": [], **aware})

    def _distinct(self, project_id: ObjectId, column: str) -> list[str]:
        found = mongo.collection(self.model).aggregate(distinct_stages(project_id, column))
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
    instance = models.CharField(_("instance"), max_length=32)
    hostname = models.CharField(_("host"), max_length=255)
    pid = models.PositiveBigIntegerField(_("process"))
    python = models.CharField(_("Python"), max_length=32)
    framework = models.CharField(_("framework"), max_length=64, blank=True)
    sample_count = models.PositiveIntegerField(_("samples"))
    received_at = models.DateTimeField(_("received at"))
    expires_at = models.DateTimeField(_("kept until"))

    objects: ClassVar[ProfileManager] = ProfileManager()

    class Meta:
        verbose_name = _("profile")
        verbose_name_plural = _("profiles")
        indexes: ClassVar = [
            # The last two let filters be answered before documents are fetched.
            models.Index(
                fields=["project", "-started_at", "id", "is_error", "duration_us"], name="profile_newest"
            ),
            models.Index(fields=["project", "endpoint", "-started_at", "id"], name="profile_of_endpoint"),
            models.Index(fields=["project", "version_name", "-started_at", "id"], name="profile_of_version"),
            models.Index(fields=["project", "environment"], name="profile_environments"),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.endpoint}".strip()


class SessionBlobManager(models.Manager["SessionBlob"]):
    """Recordings go in packed and come out in pyinstrument's own form."""

    def store(self, documents: Sequence[Document]) -> set[str]:
        """Insert durably what is new. Returns the ids that belong to profiles of other projects."""
        return _insert_new(mongo.collection(self.model, durable=True), documents)

    def session(self, profile_id: str) -> dict[str, Any]:
        """The recording as `pyinstrument.session.Session.to_json()` gave it. Raises DoesNotExist."""
        found = mongo.collection(self.model).find_one({"_id": profile_id}, {"data": 1})
        if found is None:
            raise self.model.DoesNotExist(profile_id)
        return session_from_table(blob.unpack(found["data"])).as_dict()


class SessionBlob(models.Model):
    """The recording of a profile, under the profile's id, so that lists never carry it."""

    id = models.CharField(max_length=32, primary_key=True, db_column="_id")
    project = models.ForeignKey(Project, on_delete=models.DO_NOTHING, related_name="+", db_index=False)
    data = models.BinaryField()
    expires_at = models.DateTimeField()

    objects: ClassVar[SessionBlobManager] = SessionBlobManager()

    class Meta:
        verbose_name = _("recording")
        verbose_name_plural = _("recordings")

    def __str__(self) -> str:
        return self.id


class LedgerManager(models.Manager["Ledger"]):
    """One document for each process and minute, replaced by later ones of the same."""

    def store(self, documents: Sequence[Document]) -> None:
        """Durably replace what is older by `seq`, and insert what is new."""
        if not documents:
            return
        rows = mongo.collection(self.model, durable=True)
        try:
            rows.bulk_write([_replace_older(document, upsert=True) for document in documents], ordered=False)
        except BulkWriteError as error:
            # There is one already. Unless it came between our look and our insert, it is as new as ours.
            met = [documents[number] for number in _duplicates(error)]
            rows.bulk_write([_replace_older(document, upsert=False) for document in met], ordered=False)


class Ledger(models.Model):
    """What one process says of one minute. Its id is `project:instance:minute`; `data` has the endpoints."""

    id = models.CharField(max_length=80, primary_key=True, db_column="_id")
    project = models.ForeignKey(
        Project, verbose_name=_("project"), on_delete=models.DO_NOTHING, related_name="+", db_index=False
    )
    version = models.ForeignKey(Version, on_delete=models.DO_NOTHING, related_name="+", db_index=False)
    version_name = models.CharField(_("version"), max_length=128)
    environment = models.CharField(_("environment"), max_length=64)
    instance = models.CharField(_("instance"), max_length=32)
    hostname = models.CharField(_("host"), max_length=255)
    pid = models.PositiveBigIntegerField(_("process"))
    python = models.CharField(_("Python"), max_length=32)
    framework = models.CharField(_("framework"), max_length=64, blank=True)
    minute = models.DateTimeField(_("minute"))
    seq = models.PositiveBigIntegerField(_("sequence number"))
    dropped = models.JSONField(_("dropped"), default=dict)
    data = models.BinaryField()
    received_at = models.DateTimeField(_("received at"))
    expires_at = models.DateTimeField(_("kept until"))

    objects: ClassVar[LedgerManager] = LedgerManager()

    class Meta:
        verbose_name = _("ledger document")
        verbose_name_plural = _("ledger documents")
        indexes: ClassVar = [models.Index(fields=["project", "minute"], name="ledger_minute")]

    def __str__(self) -> str:
        return self.id


def distinct_stages(project_id: ObjectId, column: str) -> list[Document]:
    """All values of a column: on one index, MongoDB jumps from value to value instead of reading all."""
    return [
        {"$match": {"project_id": project_id}},
        {"$sort": {"project_id": 1, column: 1}},
        {"$group": {"_id": f"${column}"}},
        {"$limit": MOST_CHOICES},
    ]


def _insert_new(rows: Collection[Document], documents: Sequence[Document]) -> set[str]:
    """Insert in any order; what is there already stays. Returns the ids that other projects own."""
    if not documents:
        return set()
    try:
        rows.insert_many(documents, ordered=False)
    except BulkWriteError as error:
        project_of = {document["_id"]: document["project_id"] for document in documents}
        met = [documents[number]["_id"] for number in _duplicates(error)]
        owners = rows.find({"_id": {"$in": met}}, {"project_id": 1})
        return {row["_id"] for row in owners if row["project_id"] != project_of[row["_id"]]}
    return set()


def _replace_older(document: Document, *, upsert: bool) -> ReplaceOne[Document]:
    return ReplaceOne({"_id": document["_id"], "seq": {"$lt": document["seq"]}}, document, upsert=upsert)


def _duplicates(error: BulkWriteError) -> list[int]:
    """The places in the list where a document of the same id was met; raises again what failed otherwise."""
    failures = error.details["writeErrors"]
    if error.details["writeConcernErrors"] or any(failure["code"] != DUPLICATE_KEY for failure in failures):
        raise error
    return [failure["index"] for failure in failures]
