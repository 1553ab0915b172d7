"""How far the platform has come in keeping a project's storage as its settings want it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from bson import ObjectId
from django.db import models
from django.utils.translation import gettext_lazy as _

from profiles.used import Used
from projects.models import Project


class UpkeepManager(models.Manager["Upkeep"]):
    def of(self, project_id: ObjectId) -> Upkeep:
        """What is noted of a project; made when it is first asked for."""
        found, _made = self.get_or_create(pk=str(project_id), defaults={"project_id": project_id})
        return found

    def note(self, project_id: ObjectId, **news: Any) -> None:
        self.filter(pk=str(project_id)).update(**news)


class Upkeep(models.Model):
    """Where tasks go on that work in small steps, and what a project's storage was when it was last measured.

    Its id is the project's. It goes with the project.
    """

    project_id: ObjectId
    id = models.CharField(max_length=24, primary_key=True, db_column="_id")
    project = models.ForeignKey(Project, on_delete=models.DO_NOTHING, related_name="+")
    # The settings that hold for all that is stored, and how far the walk to newer ones has come.
    retention_days = models.PositiveIntegerField(default=0)
    slowest_days = models.PositiveIntegerField(default=0)
    walked_to: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(null=True)
    # The last endpoint whose slowest profiles are known, and when all last were.
    slowest_walked_to = models.CharField(max_length=512, blank=True)
    slowest_done_at: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(null=True)
    # An estimate: profiles.storage.
    profiles = models.PositiveBigIntegerField(default=0)
    profile_bytes = models.PositiveBigIntegerField(default=0)
    other_bytes = models.PositiveBigIntegerField(default=0)
    measured_at: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(null=True)

    objects: ClassVar[UpkeepManager] = UpkeepManager()

    class Meta:
        verbose_name = _("upkeep of a project")
        verbose_name_plural = _("upkeep of projects")

    def __str__(self) -> str:
        return self.id

    def used(self) -> Used:
        """What was measured last."""
        return Used(profiles=self.profiles, profile_bytes=self.profile_bytes, other_bytes=self.other_bytes)
