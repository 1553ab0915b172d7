"""What one process says of one minute."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _
from pymongo import ReplaceOne
from pymongo.errors import BulkWriteError

from perfplatform import mongo
from perfplatform.mongo import Document
from profiles.models.bulk import duplicates
from projects.models import Project, Version


class LedgerManager(models.Manager["Ledger"]):
    """One document for each process and minute, replaced by later ones of the same."""

    def store(self, documents: Sequence[Document]) -> None:
        """Durably replace what is older by `seq`, and insert what is new."""
        if not documents:
            return
        rows = mongo.collection(self.model, durable=True)
        try:
            rows.bulk_write([_replace_older(document, upsert=True) for document in documents], ordered=False)
        except BulkWriteError as error:
            # There is one already. Unless it came between our look and our insert, it is as new as ours.
            met = [documents[number] for number in duplicates(error)]
            rows.bulk_write([_replace_older(document, upsert=False) for document in met], ordered=False)


class Ledger(models.Model):
    """What one process says of one minute. Its id is `project:instance:minute`; `data` has the endpoints."""

    id = models.CharField(max_length=80, primary_key=True, db_column="_id")
    project = models.ForeignKey(
        Project, verbose_name=_("project"), on_delete=models.DO_NOTHING, related_name="+", db_index=False
    )
    version = models.ForeignKey(Version, on_delete=models.DO_NOTHING, related_name="+", db_index=False)
    version_name = models.CharField(_("version"), max_length=128)
    environment = models.CharField(_("environment"), max_length=64)
    instance = models.CharField(_("instance"), max_length=32)
    hostname = models.CharField(_("host"), max_length=255)
    pid = models.PositiveBigIntegerField(_("process"))
    python = models.CharField(_("Python"), max_length=32)
    framework = models.CharField(_("framework"), max_length=64, blank=True)
    minute = models.DateTimeField(_("minute"))
    seq = models.PositiveBigIntegerField(_("sequence number"))
    dropped = models.JSONField(_("dropped"), default=dict)
    data = models.BinaryField()
    received_at = models.DateTimeField(_("received at"))
    expires_at = models.DateTimeField(_("kept until"))

    objects: ClassVar[LedgerManager] = LedgerManager()

    class Meta:
        verbose_name = _("ledger document")
        verbose_name_plural = _("ledger documents")
        indexes: ClassVar = [models.Index(fields=["project", "minute"], name="ledger_minute")]

    def __str__(self) -> str:
        return self.id


def _replace_older(document: Document, *, upsert: bool) -> ReplaceOne[Document]:
    return ReplaceOne({"_id": document["_id"], "seq": {"$lt": document["seq"]}}, document, upsert=upsert)
