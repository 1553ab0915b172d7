"""What people decided about findings. Findings themselves are worked out anew whenever they are shown."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final

from bson import ObjectId
from django.db import models
from django.utils.translation import gettext_lazy as _

from analysis.identity import Identity
from perfplatform import mongo
from projects.models import Project

KEPT: Final = timedelta(days=730)
MOST_OF_PROJECT: Final = 10_000


class TooManyDecisions(Exception):
    """A project has as many as are kept."""


class DecisionManager(models.Manager["Decision"]):
    """By `_id`: project and key of the finding."""

    def about(self, project_id: ObjectId, keys: Iterable[str]) -> dict[str, Decision]:
        """What was decided about these, by key. What nobody has touched is missing."""
        wanted = {"_id": {"$in": [_id_of(project_id, key) for key in keys]}}
        return {row["_id"].partition(":")[2]: _read(row) for row in mongo.collection(self.model).find(wanted)}

    def decide(
        self,
        project_id: ObjectId,
        identity: Identity,
        *,
        status: str,
        fixed_in: str = "",
        by: str,
        now: datetime,
    ) -> Decision:
        """Note a status, over what was decided before. Raises TooManyDecisions where it is a new one."""
        rows = mongo.collection(self.model, durable=True)
        name = _id_of(project_id, identity.key)
        document = {
            "project_id": project_id,
            "detector": identity.detector,
            "kind": identity.kind,
            "method": identity.method,
            "route": identity.route,
            "function": identity.function,
            "file": identity.file,
            "status": status,
            "fixed_in": fixed_in,
            "reopened_in": "",
            "changed_by": by,
            "changed_at": now,
            "expires_at": now + KEPT,
        }
        is_known = rows.find_one({"_id": name}, {"_id": 1}) is not None
        if not is_known and rows.count_documents({"project_id": project_id}) >= MOST_OF_PROJECT:
            raise TooManyDecisions
        rows.update_one({"_id": name}, {"$set": document}, upsert=True)
        return _read({"_id": name, **document})

    def reopen(self, decision: Decision, *, version: str, now: datetime) -> Decision:
        """What was fixed is there again in this version. Somebody who decided anew meanwhile goes first."""
        change = {
            "status": Decision.Status.OPEN.value,
            "reopened_in": version,
            "changed_by": "",
            "changed_at": now,
            "expires_at": now + KEPT,
        }
        rows = mongo.collection(self.model, durable=True)
        is_same = {"_id": decision.pk, "status": decision.status, "fixed_in": decision.fixed_in}
        rows.update_one(is_same, {"$set": change})
        found = rows.find_one({"_id": decision.pk})
        return _read(found) if found else decision


class Decision(models.Model):
    """What a project thinks of a finding, whichever version it is found in. Its id is `project:key`."""

    class Status(models.TextChoices):
        OPEN = "open", _("open")
        ACCEPTED = "accepted", _("accepted")
        FIXED = "fixed", _("fixed")
        IGNORED = "ignored", _("ignored")

    # The types' plugin knows no keys of this backend.
    project_id: ObjectId
    id = models.CharField(max_length=64, primary_key=True, db_column="_id")
    project = models.ForeignKey(
        Project, verbose_name=_("project"), on_delete=models.DO_NOTHING, related_name="+", db_index=False
    )
    detector = models.CharField(max_length=40)
    kind = models.CharField(_("kind"), max_length=10)
    method = models.CharField(_("method"), max_length=16, blank=True)
    route = models.CharField(_("endpoint"), max_length=512)
    function = models.CharField(_("function"), max_length=200)
    file = models.CharField(max_length=200, blank=True)
    status = models.CharField(_("status"), max_length=10, choices=Status.choices)
    # Names of versions, which outlive the versions themselves.
    fixed_in = models.CharField(_("fixed in"), max_length=128, blank=True)
    reopened_in = models.CharField(_("found again in"), max_length=128, blank=True)
    changed_by = models.CharField(_("changed by"), max_length=150, blank=True)
    changed_at = models.DateTimeField(_("changed at"))
    expires_at = models.DateTimeField(_("kept until"))

    objects: ClassVar[DecisionManager] = DecisionManager()

    class Meta:
        verbose_name = _("decision about a finding")
        verbose_name_plural = _("decisions about findings")
        indexes: ClassVar = [models.Index(fields=["project", "status"], name="decision_of_project")]

    def __str__(self) -> str:
        return f"{self.detector} {self.function}: {self.status}"


def _id_of(project_id: ObjectId, key: str) -> str:
    return f"{project_id}:{key}"


def _read(row: dict[str, Any]) -> Decision:
    aware = {
        name: value.replace(tzinfo=UTC) if isinstance(value, datetime) else value
        for name, value in row.items()
    }
    return mongo.from_document(Decision, aware)
