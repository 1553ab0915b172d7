"""What came in of a project in one hour, in numbers."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

import pymongo
from bson import ObjectId
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from pymongo.errors import PyMongoError

from perfplatform import mongo
from profiles import tally
from profiles.tally import Tally
from projects.models import Project

logger = logging.getLogger(__name__)

LIFETIME: Final = timedelta(days=90)
# How long a process trusts what it knows of the others' share of a day's quota.
QUOTA_PRECISION_S: Final = 5.0
MOST_REMEMBERED: Final = 10_000
# The batch is stored by then: its sender must not wait for its statistics.
LONGEST_WRITE_S: Final = 2.0


class IntakeManager(models.Manager["Intake"]):
    """Counting costs a batch one small write, which may fail without harm.

    These documents are added to, unlike all that is derived: they count what was answered, which can't be
    computed again from what is stored. A batch that was sent twice is counted twice.
    """

    def __init__(self) -> None:
        super().__init__()
        self._of_day: dict[ObjectId, tuple[str, int, float]] = {}

    def add(self, project_id: ObjectId, counted: Tally, *, at: datetime) -> None:
        """Count what became of a batch, after it was stored. Never raises: losing a count loses no data."""
        increments = counted.increments()
        if not increments:
            return
        self._remember(project_id, counted.profiles, at)
        hour = at.replace(minute=0, second=0, microsecond=0)
        first = {"project_id": project_id, "hour": hour, "expires_at": hour + LIFETIME}
        try:
            with pymongo.timeout(LONGEST_WRITE_S):
                mongo.collection(self.model).with_options(write_concern=mongo.QUICK).update_one(
                    {"_id": _name(project_id, hour)}, {"$inc": increments, "$setOnInsert": first}, upsert=True
                )
        except PyMongoError as error:
            logger.warning("A batch was stored and not counted: %s", error)

    def left_of_quota(self, project: Project, *, at: datetime) -> int | None:
        """How many profiles the project may still send on this day in UTC; None where it has no quota.

        Other web processes may have taken in more within the last 5 s: by so much the quota can be passed.
        """
        if not project.daily_profiles:
            return None
        day, used, known_at = self._of_day.get(project.pk, ("", 0, 0.0))
        if day != _day(at) or time.monotonic() - known_at > QUOTA_PRECISION_S:
            used = self.profiles_of_day(project.pk, at=at)
            if len(self._of_day) >= MOST_REMEMBERED:
                self._of_day.clear()
            self._of_day[project.pk] = (_day(at), used, time.monotonic())
        return max(0, project.daily_profiles - used)

    def profiles_of_day(self, project_id: ObjectId, *, at: datetime) -> int:
        """How many profiles were accepted on the day in UTC that `at` lies in."""
        midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
        return self.between(project_id, midnight, at).profiles

    def between(self, project_id: ObjectId, first: datetime, last: datetime) -> Tally:
        """What came in from the hour of `first` to that of `last`, both included."""
        wanted = {"$gte": _name(project_id, first), "$lte": _name(project_id, last)}
        return tally.total(mongo.collection(self.model).find({"_id": wanted}))

    def since_midnight(self) -> Mapping[ObjectId, Tally]:
        """By project what came in on the present day in UTC."""
        midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
        # `expires_at` is the hour and LIFETIME, and it is what has an index.
        rows = mongo.collection(self.model).find({"expires_at": {"$gte": midnight + LIFETIME}})
        of_project: dict[ObjectId, list[dict[str, Any]]] = {}
        for row in rows:
            of_project.setdefault(row["project_id"], []).append(row)
        return {project_id: tally.total(found) for project_id, found in of_project.items()}

    def forget(self) -> None:
        """Empties this process's memory: tests drop the rows behind it."""
        self._of_day.clear()

    def _remember(self, project_id: ObjectId, profiles: int, at: datetime) -> None:
        day, used, known_at = self._of_day.get(project_id, ("", 0, 0.0))
        if day == _day(at):
            self._of_day[project_id] = (day, used + profiles, known_at)


class Intake(models.Model):
    """What came in of a project in one hour. Its id is `project:hour`, so a stretch of time is a range."""

    # The types' plugin knows no keys of this backend.
    project_id: ObjectId
    id = models.CharField(max_length=40, primary_key=True, db_column="_id")
    project = models.ForeignKey(Project, on_delete=models.DO_NOTHING, related_name="+", db_index=False)
    hour = models.DateTimeField(_("hour"))
    accepted = models.JSONField(_("accepted"), default=dict)
    refused = models.JSONField(_("refused"), default=dict)
    dropped = models.JSONField(_("dropped"), default=dict)
    expires_at = models.DateTimeField(_("kept until"))

    objects: ClassVar[IntakeManager] = IntakeManager()

    class Meta:
        verbose_name = _("hour of ingest")
        verbose_name_plural = _("hours of ingest")
        indexes: ClassVar = [models.Index(fields=["project"], name="intake_of_project")]

    def __str__(self) -> str:
        return self.id


def _name(project_id: ObjectId, at: datetime) -> str:
    return f"{project_id}:{at:%Y-%m-%dT%H}"


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d}"
