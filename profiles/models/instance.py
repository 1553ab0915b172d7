"""One process of a target app."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final

import pymongo
from bson import ObjectId
from django.core.paginator import Paginator
from django.db import models
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from pymongo import ReturnDocument
from pymongo.errors import PyMongoError

from perfplatform import mongo
from perfplatform.mongo import Document
from profiles import tally
from profiles.models.intake import LONGEST_WRITE_S
from projects.models import Project

logger = logging.getLogger(__name__)

LIFETIME: Final = timedelta(days=7)
SEEN_PRECISION: Final = timedelta(minutes=1)
MOST_REMEMBERED: Final = 10_000
MOST_LISTED: Final = 10_000
MOST_READ: Final = 500
SHORTEST_LIFE_S: Final = 60


class InstanceManager(models.Manager["Instance"]):
    """`seen` costs one upsert a minute of each process, and one more where it has dropped something."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[str, tuple[datetime, int]] = {}

    def seen(
        self,
        project_id: ObjectId,
        said: Mapping[str, Any],
        *,
        dropped: Mapping[str, int],
        statistics: Mapping[str, int],
        at: datetime,
    ) -> Counter[str]:
        """Note what a process says of itself; return by reason what it has dropped since it last did.

        `said` has the fields of the document, `dropped` and `statistics` are cumulative. Never raises: what
        is missed now comes with the next batch. Sent again or out of order, drops count once.
        """
        name = f"{project_id}:{said['instance']}"
        told = sum(dropped.values())
        last = self._seen.get(name)
        if last and last[1] >= told and at - last[0] < SEEN_PRECISION:
            return Counter()
        change: Document = {
            "$set": {**said, "expires_at": at + LIFETIME},
            "$setOnInsert": {"project_id": project_id, "first_seen": at},
            "$max": {
                "last_seen": at,
                **{f"dropped.{reason}": count for reason, count in dropped.items()},
                **{f"statistics.{measure}": count for measure, count in statistics.items()},
            },
        }
        try:
            with pymongo.timeout(LONGEST_WRITE_S):
                before = (
                    mongo.collection(self.model)
                    .with_options(write_concern=mongo.QUICK)
                    .find_one_and_update(
                        {"_id": name},
                        change,
                        projection={"dropped": 1},
                        upsert=True,
                        return_document=ReturnDocument.BEFORE,
                    )
                )
        except PyMongoError as error:
            logger.warning("What a process says of itself was not stored: %s", error)
            return Counter()
        if len(self._seen) >= MOST_REMEMBERED:
            self._seen.clear()
        self._seen[name] = (at, told)
        return tally.increase((before or {}).get("dropped", {}), dropped)

    def pages(self, project_id: ObjectId, size: int) -> Paginator[Instance]:
        """The processes of a project, those heard of last first, at most 10,000."""
        return Paginator(_Newest(self, project_id), size)  # type: ignore[arg-type]

    def pythons(self, project_id: ObjectId, version_name: str, environment: str | None = None) -> set[str]:
        """Which Pythons (`3.11`) ran a version, of the newest 500 processes of the project."""
        newest = mongo.collection(self.model).find(
            {"project_id": project_id},
            {"_id": 0, "python": 1, "version_name": 1, "environment": 1},
            sort=[("last_seen", -1)],
            limit=MOST_READ,
        )
        return {
            ".".join(row["python"].split(".")[:2])
            for row in newest
            if row["version_name"] == version_name and environment in (None, row["environment"])
        }

    def each(self, project_id: ObjectId) -> Iterator[Instance]:
        """The same processes, one at a time."""
        found = mongo.for_pages(self.model).find(
            {"project_id": project_id}, sort=[("last_seen", -1)], limit=MOST_LISTED
        )
        return map(_from_document, found)

    def forget(self) -> None:
        """Empties this process's memory: tests drop the rows behind it."""
        self._seen.clear()


class Instance(models.Model):
    """One process of a target app, from its start or fork to its end. Its id is `project:instance`."""

    # The types' plugin knows no keys of this backend.
    project_id: ObjectId
    id = models.CharField(max_length=64, primary_key=True, db_column="_id")
    project = models.ForeignKey(Project, on_delete=models.DO_NOTHING, related_name="+", db_index=False)
    instance = models.CharField(_("instance"), max_length=32)
    hostname = models.CharField(_("host"), max_length=255)
    pid = models.PositiveBigIntegerField(_("process"))
    python = models.CharField(_("Python"), max_length=32)
    framework = models.CharField(_("framework"), max_length=64, blank=True)
    sdk = models.CharField(_("SDK"), max_length=129)
    version_name = models.CharField(_("version"), max_length=128)
    environment = models.CharField(_("environment"), max_length=64)
    dropped = models.JSONField(_("dropped"), default=dict)
    statistics = models.JSONField(_("statistics of the SDK"), default=dict)
    first_seen = models.DateTimeField(_("first seen at"))
    last_seen = models.DateTimeField(_("last seen at"))
    expires_at = models.DateTimeField(_("kept until"))

    objects: ClassVar[InstanceManager] = InstanceManager()

    class Meta:
        verbose_name = _("instance")
        verbose_name_plural = _("instances")
        indexes: ClassVar = [models.Index(fields=["project", "-last_seen"], name="instance_newest")]

    def __str__(self) -> str:
        return f"{self.hostname} {self.pid}"

    @property
    def dropped_count(self) -> int:
        return sum(self.dropped.values())

    @property
    def cpu_us(self) -> int:
        """CPU time that the SDK used in the process, as it says itself."""
        return int(self.statistics.get("sampling_us", 0) + self.statistics.get("sending_us", 0))

    @property
    def lived_us(self) -> int:
        """How long the process has been heard of; 0 where that is too short to divide by."""
        lived_s = (self.last_seen - self.first_seen).total_seconds()
        return round(lived_s * 1_000_000) if lived_s >= SHORTEST_LIFE_S else 0


class _Newest:
    """What Django's Paginator asks of a list, each time by index."""

    def __init__(self, manager: InstanceManager, project_id: ObjectId) -> None:
        self._rows = mongo.collection(manager.model)
        self._query = {"project_id": project_id}

    @cached_property
    def _length(self) -> int:
        return self._rows.count_documents(self._query, limit=MOST_LISTED)

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, wanted: slice) -> list[Instance]:
        found = self._rows.find(
            self._query,
            sort=[("last_seen", -1)],
            skip=wanted.start,
            limit=max(1, wanted.stop - wanted.start),
        )
        return [_from_document(row) for row in found]


def _from_document(row: Document) -> Instance:
    aware = {
        name: value.replace(tzinfo=UTC) if isinstance(value, datetime) else value
        for name, value in row.items()
    }
    return mongo.from_document(Instance, {"dropped": {}, "statistics": {}, **aware})
