"""How long profiles are kept: which are the slowest, which the oldest, and until when each stays."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bson import ObjectId
from django.db import models

from perfplatform import mongo
from perfplatform.mongo import Document
from profiles.bounds import ACCEPT_EARLY
from profiles.lifetime import Lifetime
from profiles.models.bulk import set_each
from profiles.models.distinct import distinct_stages

if TYPE_CHECKING:
    from profiles.models.profile import Profile  # noqa: F401 - in a string below

LIFETIME_FIELDS = ("_id", "started_at", "received_at", "is_slowest", "is_kept")
NOT_KEPT: Document = {"is_kept": {"$ne": True}}
SAMPLED_TIMES, SAMPLED_AT_ONCE = 30, 10


class ProfileLives(models.Manager["Profile"]):
    """Reads that an index serves, and changes that may be made twice."""

    def arrived_after(self, project_id: ObjectId, started_at: datetime, limit: int) -> list[Lifetime]:
        """About `limit` profiles from `started_at` on, the oldest first, and all that start with the last."""
        rows, shown = mongo.collection(self.model), dict.fromkeys(LIFETIME_FIELDS, True)
        query: Document = {"project_id": project_id, "started_at": {"$gte": started_at}}
        found = list(rows.find(query, shown, sort=[("started_at", 1)], limit=limit))
        if len(found) == limit:
            last = found[-1]["started_at"]
            at_once = rows.find({"project_id": project_id, "started_at": last}, shown)
            found = [*(row for row in found if row["started_at"] < last), *at_once]
        return [_lifetime(row) for row in found]

    def slowest_of(self, project_id: ObjectId, endpoint: str, count: int) -> list[Lifetime]:
        """The `count` slowest profiles of each version and method of an endpoint.

        What must be looked at to know is read from the index alone.
        """
        rows, of_endpoint = mongo.collection(self.model), {"project_id": project_id, "endpoint": endpoint}
        slowest = {"$maxN": {"n": count, "input": "$duration_us"}}
        groups = rows.aggregate(
            [
                {"$match": of_endpoint},
                {"$group": {"_id": {"v": "$version_name", "m": "$method"}, "slowest": slowest}},
            ],
            hint="profile_endpoint_slowest",
        )
        found: list[Lifetime] = []
        for group in list(groups):
            least = {"duration_us": {"$gte": group["slowest"][-1]}}
            of_group = {"version_name": group["_id"]["v"], "method": group["_id"]["m"], **least}
            found += map(
                _lifetime,
                rows.find(
                    {**of_endpoint, **of_group},
                    dict.fromkeys(LIFETIME_FIELDS, True),
                    sort=[("duration_us", -1)],
                    limit=count,
                    hint="profile_endpoint_slowest",
                ),
            )
        return found

    def marked_slowest(self, project_id: ObjectId, endpoint: str) -> list[Lifetime]:
        """Those that are kept for being slow."""
        query = {"project_id": project_id, "is_slowest": True, "endpoint": endpoint}
        rows = mongo.collection(self.model).find(query, dict.fromkeys(LIFETIME_FIELDS, True))
        return [_lifetime(row) for row in rows]

    def endpoints_after(self, project_id: ObjectId, endpoint: str, limit: int) -> list[str]:
        """The next endpoints of a project in alphabetical order."""
        beyond = {"project_id": project_id, "endpoint": {"$gt": endpoint}}
        stages = [{"$match": beyond}, *distinct_stages(project_id, "endpoint")[1:-1]]
        found = mongo.collection(self.model).aggregate([*stages, {"$sort": {"_id": 1}}, {"$limit": limit}])
        return [row["_id"] for row in found]

    def expire(self, times: Mapping[str, datetime], *, slowest: Container[str]) -> None:
        """Keep profiles until these times, by id, and note which are kept for being slow.

        Those that somebody has chosen to keep by now stay as they are.
        """
        rows = mongo.collection(self.model)
        marks = {key: key in slowest for key in times}
        slow = {key: {"expires_at": times[key], "is_slowest": True} for key in times if marks[key]}
        set_each(rows, slow, where=NOT_KEPT)
        plain = [key for key in times if not marks[key]]
        set_each(rows, {key: {"expires_at": times[key]} for key in plain}, where=NOT_KEPT)
        slow_before = {"_id": {"$in": plain}, "is_slowest": True, **NOT_KEPT}
        rows.update_many(slow_before, {"$unset": {"is_slowest": ""}})

    def keep(self, profile_id: str, *, until: datetime) -> bool:
        """Somebody chose to keep it. Whether it is there."""
        change = {"$set": {"is_kept": True, "expires_at": until}}
        rows = mongo.collection(self.model, durable=True)
        return rows.update_one({"_id": profile_id}, change).matched_count > 0

    def release(self, profile_id: str, *, until: datetime) -> None:
        """It is kept like any other again, if it was kept longer."""
        change = {"$unset": {"is_kept": ""}, "$set": {"expires_at": until}}
        rows = mongo.collection(self.model, durable=True)
        rows.update_one({"_id": profile_id, "is_kept": True}, change)

    def count_kept(self, project_id: ObjectId, most: int) -> int:
        """How many profiles of a project somebody chose to keep, counted up to `most`."""
        chosen = {"project_id": project_id, "is_kept": True}
        return mongo.collection(self.model).count_documents(chosen, limit=most, hint="profile_kept")

    def kept_until(self, profile_ids: Sequence[str]) -> dict[str, datetime]:
        """Until when those of these are kept that somebody chose to keep."""
        query = {"_id": {"$in": list(profile_ids)}, "is_kept": True}
        rows = mongo.collection(self.model).find(query, {"expires_at": 1})
        return {row["_id"]: row["expires_at"].replace(tzinfo=UTC) for row in rows}

    def oldest(
        self, project_id: ObjectId, *, received_before: datetime, spared: Sequence[str], limit: int
    ) -> list[str]:
        """The ids of a project's oldest profiles, without those marked by a field of `spared`."""
        # What came before had started by then, so the rest need not be looked at.
        query: Document = {
            "project_id": project_id,
            "started_at": {"$lt": received_before + ACCEPT_EARLY},
            "received_at": {"$lt": received_before},
        }
        query |= {mark: {"$ne": True} for mark in spared}
        rows = mongo.collection(self.model)
        return [row["_id"] for row in rows.find(query, {"_id": 1}, sort=[("started_at", 1)], limit=limit)]

    def count_of(self, project_id: ObjectId) -> int:
        """How many profiles a project has, counted on an index: about 0.3 s for a million."""
        return mongo.collection(self.model).count_documents({"project_id": project_id}, hint="profile_newest")

    def sample(self, project_id: ObjectId) -> list[str]:
        """The ids of some hundred profiles, spread evenly over the time from the oldest to the newest."""
        rows, of_project = mongo.collection(self.model), {"project_id": project_id}
        ends = [rows.find_one(of_project, {"started_at": 1}, sort=[("started_at", way)]) for way in (1, -1)]
        if ends[0] is None or ends[1] is None:
            return []
        first, last = ends[0]["started_at"], ends[1]["started_at"]
        found: dict[str, None] = {}
        for step in range(SAMPLED_TIMES):
            since = first + (last - first) * step / SAMPLED_TIMES
            query = {**of_project, "started_at": {"$gte": since}}
            near = rows.find(query, {"_id": 1}, sort=[("started_at", 1)], limit=SAMPLED_AT_ONCE)
            found |= dict.fromkeys(row["_id"] for row in near)
        return list(found)

    def remove(self, profile_ids: Sequence[str]) -> int:
        return mongo.collection(self.model).delete_many({"_id": {"$in": list(profile_ids)}}).deleted_count


def _lifetime(row: Mapping[str, Any]) -> Lifetime:
    return Lifetime(
        profile_id=row["_id"],
        started_at=row["started_at"].replace(tzinfo=UTC),
        received_at=row["received_at"].replace(tzinfo=UTC),
        is_slowest=bool(row.get("is_slowest")),
        is_kept=bool(row.get("is_kept")),
    )
