"""What one process says of one minute."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar, NamedTuple

from bson import ObjectId
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from pymongo import UpdateOne

from perfplatform import mongo
from perfplatform.mongo import Document
from profiles.grain import LEDGER_LIFETIME
from profiles.models.bulk import replace_older
from profiles.shard import SHARDS, shard_of
from projects.models import Project, Version

MOST_UNFOLDED = 1_000
# How often a minute is looked at again that changes while it is read.
MOST_LOOKS = 8
# What decides which rollups a minute goes into.
SCOPE_FIELDS = ("version_id", "version_name", "environment")
# What is about to expire may be gone in part, and what is computed from it would be too small.
SEALED_AFTER = LEDGER_LIFETIME - timedelta(minutes=10)


class LedgerMinute(NamedTuple):
    """All that the processes of one version and environment say of one minute."""

    project_id: ObjectId
    version_id: ObjectId
    environment: str
    minute: datetime


class StoredLedger(NamedTuple):
    """A ledger document as far as the fold needs it; `data` is packed as it was stored."""

    id: str
    seq: int
    version_name: str
    data: bytes


class LedgerManager(models.Manager["Ledger"]):
    """One document for each process and minute, replaced by later ones of the same.

    What is new or was replaced is `unfolded` until what is computed from it is stored.
    """

    def store(self, documents: Sequence[Document]) -> None:
        """Durably replace what is older by `seq`, and insert what is new.

        A process may learn its version or environment within a minute, and the project's versions may become
        too many. The whole minute stays where its first document put it: what was computed of it there would
        not be computed again, and the minute would count twice.
        """
        rows = mongo.collection(self.model, durable=True)
        replace_older(rows, documents, {"seq": "$lt"}, fixed=SCOPE_FIELDS)

    def busy_shards(self) -> set[int]:
        """Shards with something unfolded: one key is read of each."""
        return set(mongo.collection(self.model).distinct("unfolded", {"unfolded": {"$gte": 0}}))

    def unfolded_minutes(self, shard: int, *, now: datetime) -> list[LedgerMinute]:
        """Minutes of which something is unfolded, in the order of arrival; read from the index alone."""
        rows = mongo.collection(self.model).find(
            {"unfolded": shard, "minute": {"$gt": now - SEALED_AFTER}},
            {"_id": 0, **dict.fromkeys(LedgerMinute._fields, True)},
            sort=[("received_at", 1)],
            limit=MOST_UNFOLDED,
        )
        found = (LedgerMinute(**{**row, "minute": row["minute"].replace(tzinfo=UTC)}) for row in rows)
        return list(dict.fromkeys(found))

    def of_minute(self, minute: LedgerMinute) -> list[StoredLedger] | None:
        """All documents of a minute as they stood at one instant; None if they change faster than we read.

        What is returned was read before the last look at the numbers, and that look found the same numbers.
        Since a document's number only grows, all of it was true when that look began.
        """
        rows = mongo.collection(self.model)
        known: dict[str, StoredLedger] = {}
        for _look in range(MOST_LOOKS):
            numbers: dict[str, int] = {}
            for row in rows.find(minute._asdict(), {"seq": 1}):
                numbers[row["_id"]] = max(row["seq"], numbers.get(row["_id"], 0))
            known = {key: document for key, document in known.items() if key in numbers}
            changed = [key for key, seq in numbers.items() if key not in known or known[key].seq != seq]
            if not changed:
                return [known[key] for key in sorted(known)]
            wanted = dict.fromkeys(("seq", "version_name", "data"), True)
            for row in rows.find({"_id": {"$in": changed}}, wanted):
                known[row["_id"]] = StoredLedger(row["_id"], row["seq"], row["version_name"], row["data"])
        return None

    def mark_folded(self, documents: Iterable[StoredLedger]) -> None:
        """They are folded, except those that were replaced since they were read."""
        folded = [
            UpdateOne({"_id": document.id, "seq": document.seq}, {"$unset": {"unfolded": ""}})
            for document in documents
        ]
        if folded:
            mongo.collection(self.model).bulk_write(folded, ordered=False)

    def lag(self, *, now: datetime, project_id: ObjectId | None = None) -> timedelta:
        """How long the oldest unfolded document has waited: one read, of one key for each shard.

        Of a project: in its shard, which is folded in the order of arrival whosever it is.
        """
        shards = list(range(SHARDS)) if project_id is None else [shard_of(project_id)]
        waiting = {"unfolded": {"$in": shards}}
        oldest = mongo.collection(self.model).find_one(
            waiting, {"_id": 0, "unfolded": 1, "received_at": 1}, sort=[("received_at", 1)]
        )
        return now - oldest["received_at"].replace(tzinfo=UTC) if oldest else timedelta(0)


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
    statistics = models.JSONField(_("what the SDK did"), default=dict)
    # The shard that is to fold it; missing once that is done.
    unfolded = models.PositiveSmallIntegerField(null=True, editable=False)
    data = models.BinaryField()
    received_at = models.DateTimeField(_("received at"))
    expires_at = models.DateTimeField(_("kept until"))

    objects: ClassVar[LedgerManager] = LedgerManager()

    class Meta:
        verbose_name = _("ledger document")
        verbose_name_plural = _("ledger documents")
        indexes: ClassVar = [
            models.Index(fields=["project", "minute"], name="ledger_minute"),
            models.Index(
                fields=["project", "version", "environment", "minute", "id", "seq"], name="ledger_of_minute"
            ),
            models.Index(
                fields=["unfolded", "received_at", "minute", "project", "version", "environment"],
                name="ledger_unfolded",
                condition=Q(unfolded__gte=0),
            ),
        ]

    def __str__(self) -> str:
        return self.id
