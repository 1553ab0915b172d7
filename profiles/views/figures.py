"""The figures behind a page's charts as a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlencode

from django.http import HttpResponseBase
from django.urls import reverse
from django.views.decorators.http import require_safe

from profiles.kinds import NAMES
from profiles.models import Rollup
from profiles.rollup import ALL, EVERYTHING, EndpointKey
from profiles.scope_form import ScopeForm
from profiles.timeline import Timeline
from profiles.views import csv_file
from projects.access import project_member
from projects.models import Project
from projects.requests import MemberRequest

LONGEST_ROUTE: Final = 512
HEADER: Final = (
    "start",
    "end",
    "count",
    "per_minute",
    "errors",
    "error_rate",
    "timed",
    "p50_us",
    "p95_us",
    "p99_us",
    "total_us",
)


@project_member("viewer")
@require_safe
def figures_csv(request: MemberRequest, project: Project) -> HttpResponseBase:
    """Of an endpoint, of all of a kind where the address names no route, or of everything.

    Stretch by stretch; those in which nothing came in are left out. One read besides those of the pickers.
    """
    said = request.GET
    scope = ScopeForm.of(request, project)
    kind, route = said.get("kind", ""), said.get("route", "")[:LONGEST_ROUTE] or ALL
    endpoint = EndpointKey(kind, said.get("method", "")[:16], route) if kind in NAMES else EVERYTHING
    series = Rollup.objects.series(project.pk, endpoint, period=scope.asked_period(), **scope.chosen)
    return csv_file.answer(project, "figures", HEADER, _rows(Timeline.of(series, zone=scope.zone)))


def figures_url(project: Project, endpoint: EndpointKey, scope: ScopeForm) -> str:
    """The file of what a page shows."""
    asked = [(name, value) for name, value in endpoint._asdict().items() if value not in ("", ALL)]
    return f"{reverse('profiles:figures_csv', args=[project.slug])}?{urlencode([*asked, *scope.api])}"


def _rows(timeline: Timeline) -> Iterator[list[str | float | None]]:
    for stretch in timeline.stretches:
        if not stretch.measured or not stretch.count:
            continue
        measured = stretch.measured
        yield [
            csv_file.instant(stretch.start),
            csv_file.instant(stretch.end),
            measured.count,
            round(stretch.per_minute, 4),
            measured.errors,
            round(measured.error_rate, 6),
            measured.timed,
            *(
                None if us is None else round(us)
                for us in (measured.p50_us, measured.p95_us, measured.p99_us)
            ),
            measured.sum_us,
        ]
