"""A recording after it was packed against the frames of its endpoint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _
from pymongo import UpdateOne

from perfplatform import mongo
from perfplatform.mongo import Document
from profiles.models.bulk import insert_new
from projects.models import Project


class PackedSessionManager(models.Manager["PackedSession"]):
    """Written once, in the order of packing: its file has no gaps, as replacing larger ones would leave."""

    def store(self, documents: Sequence[Document]) -> None:
        """Durably insert what is new; what is there already lives at least as long as is said now."""
        rows = mongo.collection(self.model, durable=True)
        insert_new(rows, documents)
        if documents:
            rows.bulk_write([_live_on(document) for document in documents], ordered=False)

    def data(self, profile_id: str) -> bytes | None:
        found = mongo.collection(self.model).find_one({"_id": profile_id}, {"data": 1})
        return found["data"] if found else None

    def ids(self, profile_ids: Sequence[str]) -> dict[str, object]:
        """Which of these are here, and of which project."""
        found = mongo.collection(self.model).find({"_id": {"$in": profile_ids}}, {"project_id": 1})
        return {row["_id"]: row["project_id"] for row in found}

    def remove(self, profile_ids: Sequence[str]) -> None:
        mongo.collection(self.model, durable=True).delete_many({"_id": {"$in": profile_ids}})


class PackedSession(models.Model):
    """The recording of a profile, under the profile's id: format 2 of profiles/blob.py."""

    id = models.CharField(max_length=32, primary_key=True, db_column="_id")
    project = models.ForeignKey(Project, on_delete=models.DO_NOTHING, related_name="+", db_index=False)
    data = models.BinaryField()
    expires_at = models.DateTimeField()

    objects: ClassVar[PackedSessionManager] = PackedSessionManager()

    class Meta:
        verbose_name = _("packed recording")
        verbose_name_plural = _("packed recordings")
        indexes: ClassVar = [models.Index(fields=["project"], name="packed_of_project")]

    def __str__(self) -> str:
        return self.id


def _live_on(document: Document) -> UpdateOne:
    of_project = {"_id": document["_id"], "project_id": document["project_id"]}
    return UpdateOne(of_project, {"$max": {"expires_at": document["expires_at"]}})
