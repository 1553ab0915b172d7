"""The recording of a profile, as it came in or packed."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Final

from django.db import models
from django.utils.translation import gettext_lazy as _
from pymongo import DeleteOne
from pymongo.errors import OperationFailure

from perfplatform import mongo
from perfplatform.mongo import Document
from profiles import blob
from profiles.frame_book import Book
from profiles.models.bulk import insert_new, set_each
from profiles.models.packed_session import PackedSession
from profiles.models.shared_frames import SharedFrames
from profiles.recording import CorruptRecording, Table
from profiles.session_table import session_from_table
from projects.models import Project

LEAST_FREE_BYTES: Final = 8 * 1024 * 1024

logger = logging.getLogger(__name__)


class SessionBlobManager(models.Manager["SessionBlob"]):
    """Recordings go in packed and come out in pyinstrument's own form."""

    def store(self, documents: Sequence[Document]) -> set[str]:
        """Insert durably what is new. Returns the ids that belong to profiles of other projects."""
        ids = [document["_id"] for document in documents]
        packed = PackedSession.objects.ids(ids) if ids else {}
        new = [document for document in documents if document["_id"] not in packed]
        taken = {
            document["_id"]
            for document in documents
            if packed.get(document["_id"], document["project_id"]) != document["project_id"]
        }
        return taken | insert_new(mongo.collection(self.model, durable=True), new)

    def expire(self, times: Mapping[str, datetime]) -> None:
        """Keep recordings until these times, by profile id, packed or not."""
        changes = {key: {"expires_at": at} for key, at in times.items()}
        # In this order: one that is packed meanwhile is met at one of the two places.
        for model in (self.model, PackedSession):
            set_each(mongo.collection(model), changes)

    def remove(self, profile_ids: Sequence[str]) -> None:
        for model in (self.model, PackedSession):
            mongo.collection(model).delete_many({"_id": {"$in": list(profile_ids)}})

    def session(self, profile_id: str) -> dict[str, Any]:
        """The recording as `pyinstrument.session.Session.to_json()` gave it. Raises DoesNotExist."""
        data = self._data(profile_id)
        if data is None:
            raise self.model.DoesNotExist(profile_id)
        try:
            return session_from_table(unpack(data)).as_dict()
        except CorruptRecording as error:
            logger.error("The recording of profile %s can't be read: %s", profile_id, error)
            raise self.model.DoesNotExist(profile_id) from error

    def waiting(self, *, before: datetime, most: int) -> list[Document]:
        """Recordings that wait to be packed since before a time, those that wait longest first."""
        found = mongo.collection(self.model).find(
            {"waiting_since": {"$lte": before}}, sort=[("waiting_since", 1)], limit=most
        )
        return list(found)

    def leave(self, ids: Iterable[str]) -> None:
        """These stay as they are: nobody need look at them again."""
        query = {"_id": {"$in": list(ids)}}
        mongo.collection(self.model).update_many(query, {"$unset": {"waiting_since": ""}})

    def remove_packed(self, documents: Sequence[Document]) -> bool:
        """Delete what is packed now, as far as it still is what was read; tell if all of it was."""
        rows = mongo.collection(self.model, durable=True)
        outcome = rows.bulk_write([DeleteOne(document) for document in documents], ordered=False)
        return outcome.deleted_count == len(documents)

    def give_space_back(self) -> bool:
        """Shrink the file, if most of it is free; tell if it was tried.

        What was packed and deleted stays in it for five minutes, so that it grows to what comes in during the
        busiest ones, and WiredTiger keeps that for later. Nobody waits: reads and writes go on.
        """
        database, table = mongo.database(), self.model._meta.db_table
        stats = database.command("collStats", table)
        free = stats["wiredTiger"]["block-manager"]["file bytes available for reuse"]
        if free < max(LEAST_FREE_BYTES, stats["storageSize"] / 2):
            return False
        try:
            # A primary must be told that it is meant.
            database.command("compact", table, force=True)
        except OperationFailure as error:
            logger.warning("MongoDB gives no space of %s back: %s", table, error)
        return True

    def _data(self, profile_id: str) -> bytes | None:
        # Packed first: another project may just have sent one under the same id, which will be refused.
        packed = PackedSession.objects.data(profile_id)
        if packed is not None:
            return packed
        found = mongo.collection(self.model).find_one({"_id": profile_id}, {"data": 1})
        # It may have been packed between the two looks.
        return found["data"] if found else PackedSession.objects.data(profile_id)


class SessionBlob(models.Model):
    """The recording of a profile, under the profile's id, so that lists never carry it.

    Packed ones move on to PackedSession; what can't be packed, or does not profit, stays here for good.
    """

    id = models.CharField(max_length=32, primary_key=True, db_column="_id")
    project = models.ForeignKey(Project, on_delete=models.DO_NOTHING, related_name="+", db_index=False)
    data = models.BinaryField()
    # Missing once nobody will try to pack it. Its index is sparse: migration 0004.
    waiting_since = models.DateTimeField(null=True)
    expires_at = models.DateTimeField()

    objects: ClassVar[SessionBlobManager] = SessionBlobManager()

    class Meta:
        verbose_name = _("recording")
        verbose_name_plural = _("recordings")
        indexes: ClassVar = [models.Index(fields=["project"], name="recording_of_project")]

    def __str__(self) -> str:
        return self.id


def unpack(data: bytes) -> Table:
    """The recording behind stored bytes, with the frames that it shares. Raises CorruptRecording."""
    return blob.unpack(data, _book_of)


def _book_of(page: bytes) -> Book:
    return SharedFrames.objects.open(page).book
