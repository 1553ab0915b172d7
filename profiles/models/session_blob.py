"""The recording of a profile, packed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from perfplatform import mongo
from perfplatform.mongo import Document
from profiles import blob
from profiles.models.bulk import insert_new
from profiles.session_table import session_from_table
from projects.models import Project


class SessionBlobManager(models.Manager["SessionBlob"]):
    """Recordings go in packed and come out in pyinstrument's own form."""

    def store(self, documents: Sequence[Document]) -> set[str]:
        """Insert durably what is new. Returns the ids that belong to profiles of other projects."""
        return insert_new(mongo.collection(self.model, durable=True), documents)

    def session(self, profile_id: str) -> dict[str, Any]:
        """The recording as `pyinstrument.session.Session.to_json()` gave it. Raises DoesNotExist."""
        found = mongo.collection(self.model).find_one({"_id": profile_id}, {"data": 1})
        if found is None:
            raise self.model.DoesNotExist(profile_id)
        return session_from_table(blob.unpack(found["data"])).as_dict()


class SessionBlob(models.Model):
    """The recording of a profile, under the profile's id, so that lists never carry it."""

    id = models.CharField(max_length=32, primary_key=True, db_column="_id")
    project = models.ForeignKey(Project, on_delete=models.DO_NOTHING, related_name="+", db_index=False)
    data = models.BinaryField()
    expires_at = models.DateTimeField()

    objects: ClassVar[SessionBlobManager] = SessionBlobManager()

    class Meta:
        verbose_name = _("recording")
        verbose_name_plural = _("recordings")

    def __str__(self) -> str:
        return self.id
