"""What a project's apps send: what came in, was refused and was dropped, and which processes there are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from profiles import reasons
from profiles.models import Instance, Intake, Ledger
from profiles.reasons import Reason
from profiles.tally import Tally
from projects.access import project_member
from projects.clock import zone_of
from projects.models import Member, Project
from projects.requests import MemberRequest

INSTANCES_ON_A_PAGE: Final = 50
# From this share of the quota on, the page warns.
NEARLY: Final = 0.8


class Row(NamedTuple):
    """One reason, and how many items it met."""

    reason: Reason
    recent: int
    day: int


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
    """What came in since the last full hour began, and since 24 hours ago: it is counted by the hour."""
    now = timezone.now()
    this_hour = now.replace(minute=0, second=0, microsecond=0)
    recent_from, day_from = this_hour - timedelta(hours=1), this_hour - timedelta(hours=23)
    recent = Intake.objects.between(project.pk, recent_from, now)
    day = Intake.objects.between(project.pk, day_from, now)
    context = {
        "project": project,
        "zone": zone_of(request.user, project),
        "is_owner": request.role == Member.Role.OWNER,
        "recent_from": recent_from,
        "day_from": day_from,
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
