"""Which versions reached which environments, and when."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from bson import ObjectId
from django.apps import apps
from django.db import models

from perfplatform import mongo

if TYPE_CHECKING:
    from projects.models import Deploy  # noqa: F401 - named as a text below.

# So many are looked at: a pipeline may deploy each commit to an environment of its own.
MOST_LOOKED_AT = 1_000


class DeployMark(NamedTuple):
    """A version's name, where it went, and when."""

    version: str
    environment: str
    at: datetime


class Arrival(NamedTuple):
    """A version that reached an environment, by its id."""

    version_id: ObjectId
    environment: str


class DeployManager(models.Manager["Deploy"]):
    """Reads that the index of a project's newest deploys serves."""

    def between(
        self,
        project_id: ObjectId,
        start: datetime,
        end: datetime,
        *,
        version_id: ObjectId | None = None,
        environment: str | None = None,
        most: int = 30,
    ) -> list[DeployMark]:
        """The newest deploys of a period, the oldest first. Two reads, of at most 1,000 and `most` rows."""
        found = mongo.collection(self.model).find(
            {"project_id": project_id, "at": {"$gte": start, "$lt": end}},
            {"_id": 0, "version_id": 1, "environment": 1, "at": 1},
            sort=[("at", -1)],
            limit=MOST_LOOKED_AT,
        )
        wanted = [
            row
            for row in found
            if version_id in (None, row["version_id"]) and environment in (None, row["environment"])
        ][:most]
        names = self._names([row["version_id"] for row in wanted])
        return [
            DeployMark(names[row["version_id"]], row["environment"], row["at"].replace(tzinfo=UTC))
            for row in reversed(wanted)
            if row["version_id"] in names
        ]

    def arrivals(self, project_id: ObjectId) -> list[Arrival]:
        """The newest 1,000 deploys, the newest first. One read."""
        found = mongo.collection(self.model).find(
            {"project_id": project_id},
            {"_id": 0, "version_id": 1, "environment": 1},
            sort=[("at", -1)],
            limit=MOST_LOOKED_AT,
        )
        return [Arrival(row["version_id"], row["environment"]) for row in found]

    def environments(self, project_id: ObjectId) -> set[str]:
        """Where the newest 1,000 deploys went."""
        newest: list[dict[str, Any]] = [
            {"$match": {"project_id": project_id}},
            {"$sort": {"at": -1}},
            {"$limit": MOST_LOOKED_AT},
            {"$group": {"_id": "$environment"}},
        ]
        return {row["_id"] for row in mongo.collection(self.model).aggregate(newest)}

    def _names(self, version_ids: list[ObjectId]) -> dict[ObjectId, str]:
        # By name, since models.py imports this module.
        versions = mongo.collection(apps.get_model("projects", "Version"))
        rows = versions.find({"_id": {"$in": version_ids}}, {"name": 1})
        return {row["_id"]: row["name"] for row in rows}
