"""What a project's apps send: what came in, was refused and was dropped, and which processes there are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Self

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from profiles import reasons
from profiles.models import Instance, Intake, Ledger
from profiles.reasons import Reason
from profiles.tally import Tally
from profiles.views import csv_file
from projects.access import project_member
from projects.clock import zone_of
from projects.models import Member, Project
from projects.requests import MemberRequest

INSTANCES_ON_A_PAGE: Final = 50
# From this share of the quota on, the page warns.
NEARLY: Final = 0.8
INSTANCE_HEADER: Final = (
    "instance",
    "host",
    "process",
    "version",
    "environment",
    "python",
    "framework",
    "sdk",
    "first_seen",
    "last_seen",
    "sdk_cpu_us",
    "dropped",
)
HEALTH_HEADER: Final = ("what", "why", "recent_from", "recent", "day_from", "day")


class Row(NamedTuple):
    """One reason, and how many items it met."""

    reason: Reason
    recent: int
    day: int


class Arrived(NamedTuple):
    """What came in since the last full hour began, and since 24 hours ago: it is counted by the hour."""

    recent_from: datetime
    recent: Tally
    day_from: datetime
    day: Tally

    @classmethod
    def of(cls, project: Project, now: datetime) -> Self:
        this_hour = now.replace(minute=0, second=0, microsecond=0)
        recent_from, day_from = this_hour - timedelta(hours=1), this_hour - timedelta(hours=23)
        recent, day = (Intake.objects.between(project.pk, since, now) for since in (recent_from, day_from))
        return cls(recent_from, recent, day_from, day)


class Quota(NamedTuple):
    """How many of its profiles of the day a project has had."""

    used: int
    limit: int
    begins_again_at: datetime

    @property
    def is_used_up(self) -> bool:
        return self.used >= self.limit

    @property
    def is_nearly_used_up(self) -> bool:
        return self.used >= NEARLY * self.limit


@project_member("viewer")
@require_safe
def health(request: MemberRequest, project: Project) -> HttpResponse:
    """What arrived, what became of it, and what to do about that."""
    now = timezone.now()
    arrived = Arrived.of(project, now)
    recent, day = arrived.recent, arrived.day
    context = {
        "project": project,
        "zone": zone_of(request.user, project),
        "is_owner": request.role == Member.Role.OWNER,
        "recent_from": arrived.recent_from,
        "day_from": arrived.day_from,
        "recent": recent,
        "day": day,
        "refused": _rows(reasons.REFUSED, recent.refused, day.refused),
        "dropped": _rows(reasons.DROPPED, recent.dropped, day.dropped),
        "is_silent": day == Tally(),
        "quota": _quota(project, now),
        "lag_us": Ledger.objects.lag(now=now, project_id=project.pk) / timedelta(microseconds=1),
    }
    return render(request, "profiles/health.html", context)


@project_member("viewer")
@require_safe
def instances(request: MemberRequest, project: Project) -> HttpResponse:
    """The processes that were heard of within a week, the last ones first."""
    pages = Instance.objects.pages(project.pk, INSTANCES_ON_A_PAGE)
    page = pages.get_page(request.GET.get("page"))
    context = {
        "project": project,
        "zone": zone_of(request.user, project),
        "page": page,
        "rows": [(found, _dropped_by(found)) for found in page.object_list],
    }
    return render(request, "profiles/instances.html", context)


@project_member("viewer")
@require_safe
def instances_csv(request: MemberRequest, project: Project) -> HttpResponseBase:
    """The same table as a file, all pages of it; a column for each reason for dropping something."""
    header = (*INSTANCE_HEADER, *(f"dropped_{reason}" for reason in reasons.DROPPED))
    return csv_file.answer(project, "instances", header, map(_cells, Instance.objects.each(project.pk)))


@project_member("viewer")
@require_safe
def health_csv(request: MemberRequest, project: Project) -> HttpResponseBase:
    """The tables of what arrived, was refused and was dropped as one file. Times are in UTC."""
    arrived = Arrived.of(project, timezone.now())
    recent, day = arrived.recent, arrived.day
    counts = [
        ("arrived", "profiles", recent.profiles, day.profiles),
        ("arrived", "minutes_of_processes", recent.ledger, day.ledger),
        *(("refused", code, recent.refused.get(code, 0), count) for code, count in day.refused.items()),
        *(("dropped", reason, recent.dropped.get(reason, 0), count) for reason, count in day.dropped.items()),
    ]
    recent_from, day_from = csv_file.instant(arrived.recent_from), csv_file.instant(arrived.day_from)
    rows: list[list[str | float | None]] = [
        [what, why, recent_from, some, day_from, whole] for what, why, some, whole in counts if whole
    ]
    return csv_file.answer(project, "ingest", HEALTH_HEADER, rows)


def _cells(found: Instance) -> list[str | float | None]:
    return [
        found.instance,
        found.hostname,
        found.pid,
        found.version_name,
        found.environment,
        found.python,
        found.framework,
        found.sdk,
        csv_file.instant(found.first_seen),
        csv_file.instant(found.last_seen),
        found.cpu_us if found.statistics else None,
        found.dropped_count,
        *(found.dropped.get(reason, 0) for reason in reasons.DROPPED),
    ]


def _rows(words: Mapping[str, Reason], recent: Mapping[str, int], day: Mapping[str, int]) -> list[Row]:
    """The reasons that occurred, the most frequent first."""
    found = [Row(words.get(code, reasons.UNKNOWN), recent.get(code, 0), count) for code, count in day.items()]
    return sorted((row for row in found if row.day), key=lambda row: -row.day)


def _dropped_by(instance: Instance) -> list[tuple[Reason, int]]:
    counts = sorted(instance.dropped.items(), key=lambda pair: -pair[1])
    return [(reasons.DROPPED.get(reason, reasons.UNKNOWN), count) for reason, count in counts if count]


def _quota(project: Project, now: datetime) -> Quota | None:
    if not project.daily_profiles:
        return None
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return Quota(Intake.objects.profiles_of_day(project.pk, at=now), project.daily_profiles, midnight)
