"""How projects fare: what the list of projects says of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self
from zoneinfo import ZoneInfo

from bson import ObjectId

from profiles import sparkline
from profiles.kinds import NAMES
from profiles.models import Rollup
from profiles.sparkline import Sparkline
from profiles.timeline import Timeline
from profiles.trends import MOST_STRETCHES, Measured, Period, Series
from projects.models import Project, Version

DAY = timedelta(hours=24)


@dataclass(frozen=True)
class ProjectActivity:
    """The last 24 hours of a project, in whole hours. `measured` is of its requests, or else of its tasks or
    functions; None where nothing came in. `trend` draws how many there were.
    """

    project: Project
    latest_version: str
    last_heard_at: datetime | None
    kind: str
    measured: Measured | None
    per_minute: float
    trend: Sparkline | None

    @classmethod
    def of(cls, projects: Sequence[Project], *, now: datetime, zone: ZoneInfo) -> list[Self]:
        """One for each project, in this order. At most six reads for all of them together, each of an index.

        Besides one document a project for version and time, 24 rollups of each version and environment.
        """
        ids = [project.pk for project in projects]
        latest, last_heard = Version.objects.latest_names(ids), Version.objects.last_heard(ids)
        period = Period.of(now - DAY, now, now=now, zone=zone, most=MOST_STRETCHES)
        found = _series(ids, period)
        rows = []
        for project in projects:
            kind, series = found.get(project.pk, ("", None))
            timeline = Timeline.of(series, zone=zone) if series else None
            rows.append(
                cls(
                    project=project,
                    latest_version=latest.get(project.pk, ""),
                    last_heard_at=last_heard.get(project.pk),
                    kind=kind,
                    measured=series.whole if series else None,
                    per_minute=series.whole.count / timeline.minutes if series and timeline else 0.0,
                    trend=_trend(timeline) if timeline else None,
                )
            )
        return rows


def _trend(timeline: Timeline) -> Sparkline:
    return sparkline.draw([stretch.count for stretch in timeline.stretches])


def _series(project_ids: Sequence[ObjectId], period: Period) -> dict[ObjectId, tuple[str, Series]]:
    """Of each project the first kind of which there is anything."""
    # A version is noted to have been seen to the minute, and what came late is of an earlier one.
    version_ids = Version.objects.heard_of(project_ids, period.start)
    found: dict[ObjectId, tuple[str, Series]] = {}
    for kind in NAMES:
        missing = [project_id for project_id in project_ids if project_id not in found]
        if not missing or not version_ids:
            break
        series = Rollup.objects.of_projects(missing, version_ids, kind=kind, period=period)
        found |= {project_id: (kind, of_project) for project_id, of_project in series.items()}
    return found
