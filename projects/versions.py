"""Versions are made by the first traffic that names them."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from bson import ObjectId
from django.apps import apps
from django.db import models
from django.utils import timezone
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from perfplatform import mongo
from projects import search

if TYPE_CHECKING:
    from projects.models import Project, Version

SEEN_PRECISION = timedelta(minutes=1)
MOST_LIVE = 500
# A live version makes room for a new one once nothing has come of it for so long.
IDLE_AFTER = timedelta(days=1)
# So many stand in a picker, which still is one page of a list.
MOST_OFFERED = 200
OTHER = "(other)"
CACHE_SIZE = 10_000
BY_NAME = "version_read"


class VersionManager(models.Manager["Version"]):
    """A batch costs two dictionary look-ups, and a read and two upserts a minute, version and process."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[tuple[ObjectId, str, str], tuple[ObjectId, datetime]] = {}
        self._filed: dict[tuple[ObjectId, str], tuple[str, datetime]] = {}

    def filed_as(self, project_id: ObjectId, name: str, *, at: datetime) -> str:
        """The version's own name, or `(other)` where a project has 500 live ones and none can make room.

        An app that names a version at each start would otherwise make them without end. A new version
        archives the live one that was silent for longest, if for a day at least.
        """
        cached = self._filed.get((project_id, name))
        if cached and at - cached[1] < SEEN_PRECISION:
            return cached[0]
        rows = mongo.collection(self.model)
        known = rows.find_one({"project_id": project_id, "name": name}, {"_id": 1})
        found = name if known or self._make_room(project_id, at=at) else OTHER
        if len(self._filed) >= CACHE_SIZE:
            self._filed.clear()
        self._filed[project_id, name] = (found, at)
        return found

    def _make_room(self, project_id: ObjectId, *, at: datetime) -> bool:
        """Whether one more version may live; archives the one that was silent for longest if need be."""
        rows = mongo.collection(self.model, durable=True)
        live = {"project_id": project_id, "status": "live"}
        if rows.count_documents(live, limit=MOST_LIVE) < MOST_LIVE:
            return True
        idle = {**live, "last_seen_at": {"$lt": at - IDLE_AFTER}}
        archived = rows.find_one_and_update(
            idle, {"$set": {"status": "archived"}}, projection={"_id": 1}, sort=[("last_seen_at", 1)]
        )
        return archived is not None

    def seen(
        self,
        project_id: ObjectId,
        *,
        name: str,
        environment: str,
        at: datetime,
        commit: str = "",
        branch: str = "",
    ) -> ObjectId:
        """The version's id. Makes the version and the deploy that first traffic shows; twice is as once."""
        cached = self._seen.get((project_id, name, environment))
        if cached and at - cached[1] < SEEN_PRECISION:
            return cached[0]
        version_id = self._upsert_version(project_id, name=name, commit=commit, branch=branch, at=at)
        self._upsert_deploy(project_id, version_id, environment=environment, at=at)
        if len(self._seen) >= CACHE_SIZE:
            self._seen.clear()
        self._seen[project_id, name, environment] = (version_id, at)
        return version_id

    def announce(self, project: Project, *, name: str, commit: str = "", branch: str = "") -> Version:
        """The version of this name, made if it is new: somebody deploys it."""
        version_id = self._upsert_version(
            project.pk, name=name, commit=commit, branch=branch, at=timezone.now()
        )
        return self.get(pk=version_id)

    def newest(self, project_id: ObjectId, *, most: int = MOST_OFFERED) -> dict[str, ObjectId]:
        """Ids of the live versions that were heard of last, by name, the last one first. One indexed read."""
        live = mongo.collection(self.model).find(
            {"project_id": project_id, "status": "live"},
            {"name": 1, "last_seen_at": 1},
            sort=[("last_seen_at", -1)],
            limit=most,
        )
        return {row["name"]: row["_id"] for row in live}

    def heard_of(self, project_ids: Sequence[ObjectId], since: datetime) -> list[ObjectId]:
        """Ids of the live versions of many projects that something came of since then. One indexed read."""
        query = {
            "project_id": {"$in": list(project_ids)},
            "status": "live",
            "last_seen_at": {"$gte": since},
        }
        return [row["_id"] for row in mongo.collection(self.model).find(query, {"_id": 1})]

    def latest_names(self, project_ids: Sequence[ObjectId]) -> dict[ObjectId, str]:
        """The name of the version of each project that was first seen last. One document of each is read."""
        found = self._first(project_ids, {}, {"project_id": 1, "first_seen_at": -1}, "name")
        return {project_id: str(name) for project_id, name in found.items()}

    def last_heard(self, project_ids: Sequence[ObjectId]) -> dict[ObjectId, datetime]:
        """When something last came of each project, to the minute. One document of each is read."""
        order = {"project_id": -1, "status": -1, "last_seen_at": -1}
        found = self._first(project_ids, {"status": "live"}, order, "last_seen_at")
        return {project_id: at.replace(tzinfo=UTC) for project_id, at in found.items()}

    def _first(
        self, project_ids: Sequence[ObjectId], query: dict[str, Any], order: dict[str, int], field: str
    ) -> dict[ObjectId, Any]:
        """A field of the first version of each project in an order, which an index has."""
        stages: list[dict[str, Any]] = [
            {"$match": {"project_id": {"$in": list(project_ids)}, **query}},
            {"$sort": order},
            {"$group": {"_id": "$project_id", "found": {"$first": f"${field}"}}},
        ]
        return {row["_id"]: row["found"] for row in mongo.collection(self.model).aggregate(stages)}

    def named(
        self, project_id: ObjectId, wanted: Sequence[str], *, most: int = search.MOST_FOUND
    ) -> list[tuple[str, datetime]]:
        """Versions with all words in their name, and when each was last heard of; the last one first.

        Reads the names of a project's versions in their index.
        """
        found = mongo.collection(self.model).find(
            named_query(project_id, wanted),
            {"name": 1, "last_seen_at": 1},
            sort=[("last_seen_at", -1)],
            limit=most,
            hint=BY_NAME,
            max_time_ms=search.SEARCH_TIME_MS,
        )
        return [(row["name"], row["last_seen_at"].replace(tzinfo=UTC)) for row in found]

    def id_of(self, project_id: ObjectId, name: str) -> ObjectId | None:
        """The id of a version, archived ones included. One indexed read."""
        found = mongo.collection(self.model).find_one({"project_id": project_id, "name": name}, {"_id": 1})
        return found["_id"] if found else None

    def told(self, version_id: ObjectId) -> tuple[str, str]:
        """Name and commit of a version; empty where it is gone. One read by id."""
        found = mongo.collection(self.model).find_one({"_id": version_id}, {"name": 1, "commit": 1}) or {}
        return found.get("name", ""), found.get("commit", "")

    def forget(self) -> None:
        """Empties this process's cache: tests drop the rows behind it."""
        self._seen.clear()
        self._filed.clear()

    def _upsert_version(
        self, project_id: ObjectId, *, name: str, commit: str, branch: str, at: datetime
    ) -> ObjectId:
        first = {"author": "", "notes": "", "status": "live", "first_seen_at": at}
        told = {field: text for field, text in (("commit", commit), ("branch", branch)) if text}
        missing = {field: "" for field in ("commit", "branch") if field not in told}
        change = {"$setOnInsert": {**first, **missing}, "$max": {"last_seen_at": at}}
        if told:
            change["$set"] = told
        return self._upsert(self.model, {"project_id": project_id, "name": name}, change)

    def _upsert_deploy(
        self, project_id: ObjectId, version_id: ObjectId, *, environment: str, at: datetime
    ) -> None:
        key = {"version_id": version_id, "environment": environment, "source": "traffic"}
        # By name, since models.py imports this module.
        self._upsert(
            apps.get_model("projects", "Deploy"), key, {"$setOnInsert": {"project_id": project_id, "at": at}}
        )

    @staticmethod
    def _upsert(model: type[models.Model], key: dict[str, object], change: dict[str, object]) -> ObjectId:
        update = functools.partial(
            mongo.collection(model, durable=True).find_one_and_update,
            key,
            change,
            projection={"_id": 1},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        try:
            row: Any = update()
        except DuplicateKeyError:
            # Another process inserted it between our look and our insert: now it is there.
            row = update()
        found: ObjectId = row["_id"]
        return found


def named_query(project_id: ObjectId, wanted: Sequence[str]) -> dict[str, Any]:
    """Which versions `named` finds."""
    return {"project_id": project_id, "$and": [{"name": search.pattern(word)} for word in wanted]}
