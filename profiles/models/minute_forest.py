"""The merged stacks of one minute, from which call trees are made."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import ClassVar, NamedTuple

from django.db import models
from django.utils.translation import gettext_lazy as _

from perfplatform import mongo
from profiles import tree_blob
from profiles.bounds import LARGEST_STORED
from profiles.calltree import CallTree
from profiles.grain import LEDGER_LIFETIME
from profiles.models.bulk import replace_older
from profiles.scope import Scope, document_id
from projects.models import Project, Version


class SourcedTree(NamedTuple):
    """A stored tree, and the number that says what it was computed from."""

    tree: CallTree
    source: int


class MinuteForestManager(models.Manager["MinuteForest"]):
    """One document for all endpoints of a minute, version and environment (see profiles/forest.py)."""

    def replace(self, scope: Scope, minute: datetime, *, packed: bytes, source: int) -> None:
        """Durably replace the forest of a minute, unless what is stored was computed from more."""
        document = {
            "_id": document_id(scope, "forest", minute),
            **scope.fields(),
            "minute": minute,
            "data": packed,
            "source": min(source, LARGEST_STORED),
            "expires_at": minute + LEDGER_LIFETIME,
        }
        replace_older(mongo.collection(self.model, durable=True), [document], {"source": "$lte"})

    def parts(self, scope: Scope, *, start: datetime, end: datetime) -> Iterator[SourcedTree]:
        """The forests of a period, one at a time."""
        wanted = {
            "project_id": scope.project_id,
            "version_id": scope.version_id,
            "environment": scope.environment,
            "minute": {"$gte": start, "$lt": end},
        }
        for row in mongo.collection(self.model).find(wanted, {"data": 1, "source": 1}, batch_size=10):
            yield SourcedTree(tree_blob.unpack(row["data"]), row["source"])


class MinuteForest(models.Model):
    """What all processes sampled in one minute."""

    id = models.CharField(max_length=100, primary_key=True, db_column="_id")
    project = models.ForeignKey(
        Project, verbose_name=_("project"), on_delete=models.DO_NOTHING, related_name="+", db_index=False
    )
    version = models.ForeignKey(Version, on_delete=models.DO_NOTHING, related_name="+", db_index=False)
    version_name = models.CharField(_("version"), max_length=128)
    environment = models.CharField(_("environment"), max_length=64)
    minute = models.DateTimeField(_("minute"))
    data = models.BinaryField()
    source = models.PositiveBigIntegerField()
    expires_at = models.DateTimeField(_("kept until"))

    objects: ClassVar[MinuteForestManager] = MinuteForestManager()

    class Meta:
        verbose_name = _("stacks of a minute")
        verbose_name_plural = _("stacks of minutes")
        indexes: ClassVar = [
            models.Index(fields=["project", "version", "environment", "minute"], name="forest_of_scope")
        ]

    def __str__(self) -> str:
        return self.id
