"""Search in a project: its endpoints, functions and versions by name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from bson import ObjectId
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from profiles import function_rows
from profiles.calltree import name_of, place_of
from profiles.kinds import SINGULAR
from profiles.models import EndpointName, FunctionSums
from profiles.scope_form import DEFAULT_PERIOD, PERIODS
from projects import search as names
from projects.access import project_member
from projects.models import Project, Version
from projects.requests import MemberRequest
from projects.search import Group, Hit
from projects.views.search import answer

# Whose endpoints and functions are searched: those that something came of last.
MOST_VERSIONS: Final = 5
# Where functions lead to; their sums are searched of the last days.
FUNCTION_PERIOD: Final = "7d"
LONGEST_SEARCH: Final = 512


@project_member("viewer")
@require_safe
def search(request: MemberRequest, project: Project) -> HttpResponse:
    """Four reads, each of one index."""
    wanted = names.words(request.GET.get("q", ""))
    now = timezone.now()
    version_ids = list(Version.objects.newest(project.pk, most=MOST_VERSIONS).values()) if wanted else []
    groups = (
        [
            Group("endpoints", _("Endpoints"), _endpoints(project, version_ids, wanted, now=now)),
            Group("functions", _("Functions"), _functions(project, version_ids, wanted, now=now)),
            Group("versions", _("Versions"), _versions(project, wanted, now)),
        ]
        if wanted
        else []
    )
    return answer(request, "profiles/search.html", groups, project=project)


def _endpoints(
    project: Project, version_ids: list[ObjectId], wanted: list[str], *, now: datetime
) -> list[Hit]:
    found = EndpointName.objects.named(version_ids, wanted)
    return [
        Hit(
            name=endpoint.route,
            url=_url("profiles:endpoint", project, **endpoint._asdict(), period=_period(last_seen, now)),
            prefix=endpoint.method or str(SINGULAR.get(endpoint.kind, "")),
        )
        for endpoint, last_seen in names.best(found, wanted, lambda row: row[0].route)
    ]


def _functions(
    project: Project, version_ids: list[ObjectId], wanted: list[str], *, now: datetime
) -> list[Hit]:
    tables = FunctionSums.objects.newest(project.pk, version_ids, now=now)
    found = function_rows.named(tables, lambda text: names.is_in(wanted, text))
    return [
        Hit(
            name=name_of(function),
            url=_url(
                "profiles:functions",
                project,
                search=f"{name_of(function)} {function.short_file}"[:LONGEST_SEARCH],
                engine="" if engine == function_rows.USUAL_ENGINE else engine,
                period=FUNCTION_PERIOD,
            ),
            detail=place_of(function),
        )
        for function, engine in names.best(found, wanted, lambda row: row[0].name)
    ]


def _versions(project: Project, wanted: list[str], now: datetime) -> list[Hit]:
    return [
        Hit(name=name, url=_url("profiles:project", project, version=name, period=_period(last_seen, now)))
        for name, last_seen in Version.objects.named(project.pk, wanted)
    ]


def _period(last_seen: datetime, now: datetime) -> str:
    """The shortest period in which there is something to be seen; empty is the usual one."""
    ago = now - last_seen.replace(tzinfo=UTC) + timedelta(hours=1)
    usual = PERIODS[DEFAULT_PERIOD][0]
    fitting = (code for code, (length, *_names) in PERIODS.items() if length > usual and ago <= length)
    return "" if ago <= usual else next(fitting, list(PERIODS)[-1])


def _url(name: str, project: Project, **asked: str) -> str:
    query = urlencode({key: value for key, value in asked.items() if value})
    address = reverse(name, args=[project.slug])
    return f"{address}?{query}" if query else address
