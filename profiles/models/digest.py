"""The functions that took most of each profile of the random share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from bson import ObjectId
from django.db import models
from django.utils.translation import gettext_lazy as _
from pymongo import ReplaceOne, UpdateOne

from perfplatform import mongo
from perfplatform.mongo import Document
from profiles import function_times, shared_digest
from profiles.calltree import Function
from profiles.function_times import FunctionTime
from profiles.merged import Key, greater, key_of
from profiles.models.profile import Profile
from profiles.models.shared_frames import SharedFrames
from profiles.rollup import EndpointKey
from projects.models import Project, Version

# So many of the newest are read, about 10 ms.
MOST_DIGESTS = 500


@dataclass
class FunctionDistribution:
    """A function in those profiles among whose largest it was, the newest profile first.

    In the others it took less than what these lists hold of any of their functions.
    """

    function: Function
    self_us: list[int] = field(default_factory=list)
    total_us: list[int] = field(default_factory=list)


@dataclass
class FunctionDistributions:
    """`profiles` is how many were read, `duration_us` how long each took; functions by their whole total."""

    profiles: int
    duration_us: list[int]
    functions: list[FunctionDistribution]


class DigestManager(models.Manager["Digest"]):
    """Made by the fold, under the profile's id."""

    def store(self, digests: Iterable[tuple[Profile, bytes]]) -> None:
        """Durably insert or replace."""
        documents = [_document(profile, data) for profile, data in digests]
        if documents:
            rows = mongo.collection(self.model, durable=True)
            replaced = [ReplaceOne({"_id": document["_id"]}, document, upsert=True) for document in documents]
            rows.bulk_write(replaced, ordered=False)

    def whole(self, profile_ids: Sequence[str]) -> dict[str, bytes]:
        """The digests of profiles that stand for themselves yet."""
        found = mongo.collection(self.model).find({"_id": {"$in": profile_ids}}, {"data": 1})
        return {row["_id"]: row["data"] for row in found if row["data"][:1] == function_times.WHOLE}

    def share(self, changes: Mapping[str, tuple[bytes, bytes]]) -> None:
        """Replace digests by shared ones, where they still are what was read: (before, after) by profile."""
        rows = mongo.collection(self.model, durable=True)
        if changes:
            rows.bulk_write(
                [
                    UpdateOne({"_id": key, "data": before}, {"$set": {"data": after}})
                    for key, (before, after) in changes.items()
                ],
                ordered=False,
            )

    def functions(
        self,
        project_id: ObjectId,
        endpoint: EndpointKey,
        *,
        version_id: ObjectId,
        environment: str | None = None,
        engine: str | None = None,
        since: datetime | None = None,
    ) -> FunctionDistributions:
        """Times of the functions of an endpoint in the newest 500 profiles of the random share."""
        query = functions_query(
            project_id, endpoint, version_id=version_id, environment=environment, engine=engine, since=since
        )
        rows = mongo.for_pages(self.model).find(
            query, {"data": 1, "duration_us": 1}, sort=[("started_at", -1)], limit=MOST_DIGESTS
        )
        durations: list[int] = []
        found: dict[Key, FunctionDistribution] = {}
        for row in rows:
            durations.append(row["duration_us"])
            for time in unpack_digest(row["data"]):
                known = found.setdefault(key_of(time.function), FunctionDistribution(time.function))
                known.function = greater(known.function, time.function)
                known.self_us.append(time.self_us)
                known.total_us.append(time.total_us)
        ranked = sorted(found.values(), key=lambda known: (-sum(known.total_us), known.function))
        return FunctionDistributions(len(durations), durations, ranked)


class Digest(models.Model):
    """The largest functions of a sampled profile, packed. Slow, failed and asked-for ones have none."""

    id = models.CharField(max_length=32, primary_key=True, db_column="_id")
    project = models.ForeignKey(
        Project, verbose_name=_("project"), on_delete=models.DO_NOTHING, related_name="+", db_index=False
    )
    version = models.ForeignKey(Version, on_delete=models.DO_NOTHING, related_name="+", db_index=False)
    environment = models.CharField(_("environment"), max_length=64)
    kind = models.CharField(_("kind"), max_length=10)
    method = models.CharField(_("method"), max_length=16, blank=True)
    route = models.CharField(_("endpoint"), max_length=512)
    engine = models.CharField(_("recorded by"), max_length=20)
    started_at = models.DateTimeField(_("started at"))
    duration_us = models.PositiveBigIntegerField(_("duration (µs)"))
    data = models.BinaryField()
    expires_at = models.DateTimeField(_("kept until"))

    objects: ClassVar[DigestManager] = DigestManager()

    class Meta:
        verbose_name = _("digest")
        verbose_name_plural = _("digests")
        indexes: ClassVar = [
            models.Index(
                fields=[
                    "project",
                    "version",
                    "route",
                    "kind",
                    "method",
                    "-started_at",
                    "environment",
                    "engine",
                ],
                name="digest_newest",
            )
        ]

    def __str__(self) -> str:
        return self.id


def unpack_digest(data: bytes) -> list[FunctionTime]:
    """The functions of a stored digest in either form. Raises Corrupt, or CorruptRecording."""
    if data[:1] == shared_digest.FORMAT:
        return shared_digest.unpack(data, SharedFrames.objects.whole_book)
    return function_times.unpack_digest(data)


def functions_query(
    project_id: ObjectId,
    endpoint: EndpointKey,
    *,
    version_id: ObjectId,
    environment: str | None = None,
    engine: str | None = None,
    since: datetime | None = None,
) -> Document:
    """Which digests `functions` reads."""
    query: Document = {"project_id": project_id, "version_id": version_id, **endpoint._asdict()}
    query |= {
        name: value for name, value in (("environment", environment), ("engine", engine)) if value is not None
    }
    return query if since is None else {**query, "started_at": {"$gte": since}}


def _document(profile: Profile, data: bytes) -> Document:
    return {
        "_id": profile.pk,
        "project_id": profile.project_id,
        "version_id": profile.version_id,
        "environment": profile.environment,
        "kind": profile.kind,
        "method": profile.method,
        "route": profile.endpoint,
        "engine": profile.engine,
        "started_at": profile.started_at,
        "duration_us": profile.duration_us,
        "data": data,
        "expires_at": profile.expires_at,
    }
