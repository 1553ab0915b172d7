"""Who works on what at the moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from django.db import models
from pymongo.errors import DuplicateKeyError

from perfplatform import mongo

# A worker that died is replaced after so long; one that lives renews in time.
DURATION = timedelta(seconds=30)
KEPT = timedelta(days=1)
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class LeaseManager(models.Manager["Lease"]):
    """By the clock of MongoDB alone, so that workers' clocks may differ.

    A lease keeps two from doing the same work twice. Nothing relies on it for being right.
    """

    def take(self, name: str, owner: str) -> bool:
        """Take what nobody has, or renew what is ours. Whether it is ours now."""
        if self._take(name, owner):
            return True
        try:
            mongo.collection(self.model).insert_one({"_id": name, "owner": "", "until": LONG_AGO})
        except DuplicateKeyError:
            return False
        return self._take(name, owner)

    def release(self, name: str, owner: str) -> None:
        """Give back what is ours."""
        mongo.collection(self.model).update_one({"_id": name, "owner": owner}, {"$set": {"until": LONG_AGO}})

    def _take(self, name: str, owner: str) -> bool:
        free = {"$or": [{"owner": owner}, {"$expr": {"$lt": ["$until", "$$NOW"]}}]}
        until: dict[str, Any] = {
            "owner": owner,
            "until": {"$add": ["$$NOW", DURATION // timedelta(milliseconds=1)]},
            "expires_at": {"$add": ["$$NOW", KEPT // timedelta(milliseconds=1)]},
        }
        rows = mongo.collection(self.model)
        return rows.find_one_and_update({"_id": name, **free}, [{"$set": until}]) is not None


class Lease(models.Model):
    """A piece of work that one worker has for a while."""

    name = models.CharField(max_length=40, primary_key=True, db_column="_id")
    owner = models.CharField(max_length=40)
    until = models.DateTimeField()
    expires_at = models.DateTimeField()

    objects: ClassVar[LeaseManager] = LeaseManager()

    class Meta:
        verbose_name = "lease"

    def __str__(self) -> str:
        return f"{self.name}: {self.owner}"
