"""A project at a glance: how fast, how much, how often in vain, and what takes the time."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from profiles import charts
from profiles.kinds import KindTabs
from profiles.models import Profile, Rollup
from profiles.queries import Order, ProfileFilters, TooManyToSearch
from profiles.rollup import ALL, EndpointKey
from profiles.scope_form import ScopeForm
from profiles.timeline import Timeline
from profiles.trends import MOST_STRETCHES
from profiles.views.figures import figures_url
from profiles.views.scoped import render_scoped
from projects.access import project_member
from projects.models import Deploy, Project
from projects.requests import MemberRequest

SLOWEST_ENDPOINTS: Final = 10
PROFILES_OF_EACH: Final = 6


@project_member("viewer")
@require_safe
def project(request: MemberRequest, project: Project) -> HttpResponse:
    """Nine reads besides those of access, each of one index.

    Most of the time goes to the rollups of all endpoints, one for every hour, version and environment.
    """
    scope = ScopeForm.of(request, project, kept=("kind",))
    by_endpoint = scope.asked_period(MOST_STRETCHES)
    tabs = KindTabs.of(
        Rollup.objects.totals(project.pk, period=by_endpoint, **scope.chosen),
        asked=request.GET.get("kind", ""),
    )
    totals = tabs.rows_of_current
    slowest = [row.endpoint for row in totals[:SLOWEST_ENDPOINTS]]
    table = Rollup.objects.endpoints(project.pk, period=by_endpoint, among=slowest, **scope.chosen)
    of_kind = EndpointKey(tabs.current, "", ALL)
    series = Rollup.objects.series(project.pk, of_kind, period=scope.asked_period(), **scope.chosen)
    timeline = Timeline.of(series, zone=scope.zone)
    marks = Deploy.objects.between(project.pk, series.period.start, series.period.end, **scope.chosen)
    return render_scoped(
        request,
        "profiles/project.html",
        project,
        scope=scope,
        tab="overview",
        tabs=tabs,
        whole=series.whole,
        per_minute=series.whole.count / timeline.minutes,
        timeline=timeline,
        charts=charts.over_time(timeline, zone=scope.zone, marks=marks),
        figures_url=figures_url(project, of_kind, scope),
        slowest=table.rows,
        whole_us=sum(row.sum_us for row in totals),
        table_start=by_endpoint.start,
        is_first_run=not scope.version_ids and timeline.is_empty,
    )


@project_member("viewer")
@require_safe
def chosen_profiles(request: MemberRequest, project: Project) -> HttpResponse:
    """The newest and the slowest profiles of a scope, for the project's page."""
    scope = ScopeForm.of(request, project)
    filters = ProfileFilters(
        version=scope.version_name,
        environment=scope.environment_name or "",
        since=scope.span.start,
        until=None if scope.span.is_live else scope.span.end,
    )
    context = {
        "project": project,
        "zone": scope.zone,
        "scope": scope,
        "newest": _first(project, filters, Order.NEWEST),
        "slowest": _first(project, filters, Order.SLOWEST),
        "newest_url": _list_url(project, scope, Order.NEWEST),
        "slowest_url": _list_url(project, scope, Order.SLOWEST),
    }
    return render(request, "profiles/chosen_profiles.html", context)


def _first(project: Project, filters: ProfileFilters, order: Order) -> list[Profile] | None:
    """None where it would take too long to find them."""
    try:
        return Profile.objects.foremost(project.pk, filters, order=order, limit=PROFILES_OF_EACH)
    except TooManyToSearch:
        return None


def _list_url(project: Project, scope: ScopeForm, order: Order) -> str:
    """The list of profiles of a scope; a period that ends now has no end there."""
    asked = {
        "version": scope.version_name,
        "environment": scope.environment_name,
        "since": scope.start_value,
        "until": "" if scope.span.is_live else scope.end_value,
        "order": order if order is Order.SLOWEST else "",
    }
    query = urlencode({name: value for name, value in asked.items() if value})
    return f"{reverse('profiles:profiles', args=[project.slug])}?{query}"
