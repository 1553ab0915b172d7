"""Which endpoints a version has."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from bson import ObjectId
from django.db import models
from django.utils.translation import gettext_lazy as _
from pymongo.errors import BulkWriteError

from perfplatform import mongo
from perfplatform.mongo import Document
from profiles.grain import LIFETIMES, Grain
from profiles.models.bulk import duplicates
from profiles.rollup import OTHER, EndpointKey
from profiles.scope import Scope
from projects import search
from projects.models import Project, Version

MOST_ENDPOINTS = 2_000
SEEN_PRECISION = timedelta(hours=1)
# Among so many are the best looked for.
MOST_NAMED = 200
OF_VERSION = "endpoint_of_version"


class EndpointNameManager(models.Manager["EndpointName"]):
    """A list for each version that only grows at its end: the id has the place in it.

    Who appends has read all places before, so that no name comes in twice however many append at once.
    """

    def admit(
        self, scope: Scope, keys: Collection[EndpointKey], *, minute: datetime
    ) -> dict[EndpointKey, EndpointKey]:
        """Under which name each endpoint is kept: its own, or beyond the cap `(other)` of its kind.

        First come, first served; what comes in the same minute is in alphabetical order. Once admitted, an
        endpoint stays so. Costs one read of the version's names.
        """
        known = self._known(scope.version_id)
        while (free := MOST_ENDPOINTS - _next_place(known)) > 0:
            fresh = sorted(key for key in keys if key not in known)[:free]
            if not fresh or self._append(scope, fresh, place=_next_place(known), minute=minute):
                break
            known = self._known(scope.version_id)
        known = known if all(key in known for key in keys) else self._known(scope.version_id)
        self._note_seen([known[key] for key in keys if key in known], minute)
        return {key: key if key in known else EndpointKey(key.kind, "", OTHER) for key in keys}

    def of_version(self, version_id: ObjectId) -> list[EndpointKey]:
        """The endpoints of a version in the order of first sight."""
        return list(self._known(version_id))

    def named(
        self, version_ids: Collection[ObjectId], wanted: Sequence[str]
    ) -> list[tuple[EndpointKey, datetime]]:
        """Endpoints of some versions with all words in method or route, and when each was last seen.

        The last one first, at most 200. Reads the names of these versions: 2,000 each at most.
        """
        found = mongo.for_pages(self.model).aggregate(
            named_stages(version_ids, wanted), hint=OF_VERSION, maxTimeMS=search.SEARCH_TIME_MS
        )
        return [(EndpointKey(**row["_id"]), row["last_seen"].replace(tzinfo=UTC)) for row in found]

    def _known(self, version_id: ObjectId) -> dict[EndpointKey, Document]:
        rows = mongo.collection(self.model).find({"version_id": version_id}, sort=[("place", 1)])
        return {EndpointKey(row["kind"], row["method"], row["route"]): row for row in rows}

    def _append(self, scope: Scope, keys: Iterable[EndpointKey], *, place: int, minute: datetime) -> bool:
        """Whether all found their place free. One by one, so that no place is left out."""
        documents = [
            {
                "_id": f"{scope.version_id}:{number:04d}",
                "project_id": scope.project_id,
                "version_id": scope.version_id,
                "place": number,
                **key._asdict(),
                "first_seen": minute,
                "last_seen": minute,
                "expires_at": minute + LIFETIMES[Grain.DAY],
            }
            for number, key in enumerate(keys, place)
        ]
        try:
            mongo.collection(self.model, durable=True).insert_many(documents, ordered=True)
        except BulkWriteError as error:
            duplicates(error)
            return False
        return True

    def _note_seen(self, rows: Iterable[Document], minute: datetime) -> None:
        """To the hour: one write an hour and endpoint, not one a minute."""
        instant = minute.astimezone(UTC).replace(tzinfo=None)
        known = mongo.collection(self.model)
        late = [row["_id"] for row in rows if instant - row["last_seen"] >= SEEN_PRECISION]
        if late:
            expires_at = minute + LIFETIMES[Grain.DAY]
            change: dict[str, Any] = {"$max": {"last_seen": minute, "expires_at": expires_at}}
            known.update_many({"_id": {"$in": late}}, change)


class EndpointName(models.Model):
    """An endpoint of a version. Its id is `version:place`."""

    id = models.CharField(max_length=40, primary_key=True, db_column="_id")
    project = models.ForeignKey(
        Project, verbose_name=_("project"), on_delete=models.DO_NOTHING, related_name="+", db_index=False
    )
    version = models.ForeignKey(Version, on_delete=models.DO_NOTHING, related_name="+", db_index=False)
    place = models.PositiveIntegerField()
    kind = models.CharField(_("kind"), max_length=10)
    method = models.CharField(_("method"), max_length=16, blank=True)
    route = models.CharField(_("endpoint"), max_length=512)
    first_seen = models.DateTimeField(_("first seen at"))
    last_seen = models.DateTimeField(_("last seen at"))
    expires_at = models.DateTimeField(_("kept until"))

    objects: ClassVar[EndpointNameManager] = EndpointNameManager()

    class Meta:
        verbose_name = _("endpoint")
        verbose_name_plural = _("endpoints")
        indexes: ClassVar = [
            models.Index(fields=["version", "place"], name=OF_VERSION),
            models.Index(fields=["project"], name="endpoint_of_project"),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.route}".strip()


def named_stages(version_ids: Collection[ObjectId], wanted: Sequence[str]) -> list[Document]:
    """How `named` reads."""
    every_word = [
        {"$or": [{"method": pattern}, {"route": pattern}]} for pattern in map(search.pattern, wanted)
    ]
    return [
        {"$match": {"version_id": {"$in": list(version_ids)}, "$and": every_word}},
        {
            "$group": {
                "_id": {name: f"${name}" for name in EndpointKey._fields},
                "last_seen": {"$max": "$last_seen"},
            }
        },
        {"$sort": {"last_seen": -1, "_id": 1}},
        {"$limit": MOST_NAMED},
    ]


def _next_place(known: dict[EndpointKey, Document]) -> int:
    return max((row["place"] for row in known.values()), default=-1) + 1
