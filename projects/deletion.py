"""A project on its way out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

from bson import ObjectId
from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from perfplatform import mongo

DELETION_REMEMBERED = timedelta(days=30)


class DeletionManager(models.Manager["Deletion"]):
    def note_left(self, project_id: ObjectId, left: Mapping[str, int]) -> None:
        """Replaces what is left of some kinds; the others stay as they were."""
        changes = {f"left.{kind}": count for kind, count in left.items()}
        mongo.collection(self.model).update_one({"_id": str(project_id)}, {"$set": changes})

    def finish(self, project_id: ObjectId) -> None:
        now = timezone.now()
        self.filter(pk=str(project_id), finished_at=None).update(
            finished_at=now, expires_at=now + DELETION_REMEMBERED
        )


class Deletion(models.Model):
    """A project on its way out: what is left of it, for whoever wanted that. Its id is the project's."""

    started_by_id: ObjectId | None
    id = models.CharField(max_length=24, primary_key=True, db_column="_id")
    name = models.CharField(_("name"), max_length=100)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("started by"),
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    started_at = models.DateTimeField(_("started at"))
    finished_at = models.DateTimeField(_("finished at"), null=True)
    # Documents by kind, which is `app_model`: written by the tasks that remove them.
    left = models.JSONField(default=dict)
    expires_at = models.DateTimeField(null=True)

    objects: ClassVar[DeletionManager] = DeletionManager()

    class Meta:
        verbose_name = _("deletion of a project")
        verbose_name_plural = _("deletions of projects")

    def __str__(self) -> str:
        return self.name

    def is_shown_to(self, user: Any) -> bool:
        return bool(user.is_superuser or (self.started_by_id and self.started_by_id == user.pk))

    @property
    def left_in_all(self) -> int:
        return sum(self.left.values())
