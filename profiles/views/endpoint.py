"""One endpoint: how fast it is, since when, and what its requests spend their time on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Self
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from profiles import charts, headline, tree_columns, tree_rows
from profiles.calltree import CallTree
from profiles.distribution import Distribution
from profiles.forest import TreeKey
from profiles.kinds import NAMES
from profiles.models import Profile, Rollup, TreeBlob
from profiles.models.tree_blob import tree_period
from profiles.queries import Order, ProfileFilters, TooManyToSearch
from profiles.rollup import EndpointKey
from profiles.scope_form import ScopeForm
from profiles.sources import Sources
from profiles.timeline import Timeline
from profiles.trends import Measured, Period
from profiles.views import ticket
from profiles.views.engines import ENGINE_NAMES, Engine
from profiles.views.figures import figures_url
from profiles.views.scoped import render_scoped
from projects.access import project_member
from projects.models import Deploy, Project
from projects.requests import MemberRequest

TOP_FUNCTIONS: Final = 12
PROFILES_OF_EACH: Final = 6
IN_ADDRESS: Final = ("kind", "method", "route", "engine")
LONGEST_ROUTE: Final = 512
CALLS: Final = {"db": gettext_lazy("Database"), "http": gettext_lazy("HTTP")}


@dataclass(frozen=True)
class Calls:
    """Calls to another system, and what of them falls on one request."""

    name: Any
    count: int
    total_us: int
    per_request: float
    us_per_request: float


class Download(NamedTuple):
    """A file that the merged tree can be had as."""

    name: str
    use: str
    url: str


@dataclass(frozen=True)
class Asked:
    """The endpoint and scope in an address."""

    project: Project
    scope: ScopeForm
    endpoint: EndpointKey
    engine: str

    @classmethod
    def of(cls, request: MemberRequest, project: Project) -> Self | None:
        """None where the address names no endpoint."""
        said = request.GET
        kind, route = said.get("kind", ""), said.get("route", "")[:LONGEST_ROUTE]
        if kind not in NAMES or not route:
            return None
        endpoint = EndpointKey(kind, said.get("method", "")[:16], route)
        scope = ScopeForm.of(request, project, kept=IN_ADDRESS)
        return cls(project, scope, endpoint, said.get("engine", ""))

    @property
    def tree_period(self) -> Period:
        """Trees are kept by hours and days."""
        span = self.scope.span
        return tree_period(span.start, span.end, now=self.scope.now, zone=self.scope.zone)

    def period_before(self, period: Period) -> Period:
        """As long as `period`, up to its beginning."""
        start = period.start - (period.end - period.start)
        return Period.of(start, period.start, now=self.scope.now, zone=self.scope.zone)


@project_member("viewer")
@require_safe
def endpoint(request: MemberRequest, project: Project) -> HttpResponse:
    """Six reads besides those of the pickers and of access, each of one index.

    Of a chart's rollups twice, one for each stretch and version; and of the trees of at most 36 hours, or of
    days (see TreeBlob.objects.merged), but for a refresh of the figures, which leaves the tree alone.
    """
    asked = Asked.of(request, project)
    if asked is None:
        return redirect("profiles:endpoints", project.slug)
    is_refresh = bool(request.htmx and request.htmx.target == "figures")
    measured = _measured(asked)
    tree = {} if is_refresh else _merged_tree(asked)
    return render_scoped(
        request,
        "profiles/endpoint.html",
        project,
        scope=asked.scope,
        tab="endpoints",
        endpoint=asked.endpoint,
        list_query=urlencode({"endpoint": asked.endpoint.route}),
        ticket="" if is_refresh else _ticket(asked, measured, tree),
        **measured,
        **tree,
    )


@project_member("viewer")
@require_safe
def endpoint_profiles(request: MemberRequest, project: Project) -> HttpResponse:
    """The newest and the slowest profiles of an endpoint in a scope, for its page."""
    asked = Asked.of(request, project)
    if asked is None:
        return redirect("profiles:endpoints", project.slug)
    scope, endpoint = asked.scope, asked.endpoint
    filters = ProfileFilters(
        endpoint=endpoint.route,
        method=endpoint.method,
        kind=endpoint.kind,
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
        "newest_url": _list_url(asked, Order.NEWEST),
        "slowest_url": _list_url(asked, Order.SLOWEST),
    }
    return render(request, "profiles/chosen_profiles.html", context)


def _measured(asked: Asked) -> dict[str, Any]:
    """What was measured of all requests, in the period and in the one before it."""
    scope, project_id = asked.scope, asked.project.pk
    series = Rollup.objects.series(project_id, asked.endpoint, period=scope.asked_period(), **scope.chosen)
    timeline = Timeline.of(series, zone=scope.zone)
    period_before = asked.period_before(series.period)
    known = Rollup.objects.whole(project_id, asked.endpoint, period=period_before, **scope.chosen)
    marks = Deploy.objects.between(project_id, series.period.start, series.period.end, **scope.chosen)
    compared = headline.compare(
        series.whole,
        known,
        minutes=timeline.minutes,
        minutes_before=headline.minutes_of(period_before),
    )
    return {
        "timeline": timeline,
        "headline": compared,
        "is_compared": any(one.before is not None for one in compared),
        "before_start": period_before.start,
        "charts": charts.over_time(timeline, zone=scope.zone, marks=marks),
        "figures_url": figures_url(asked.project, asked.endpoint, scope),
        "distribution": Distribution.of(series.latency),
        "whole": series.whole,
        "calls": _calls(series.whole),
    }


def _ticket(asked: Asked, measured: dict[str, Any], tree: dict[str, Any]) -> str:
    return ticket.of_endpoint(
        asked.project,
        asked.endpoint,
        scope=asked.scope,
        whole=measured["whole"],
        per_minute=measured["whole"].count / measured["timeline"].minutes,
        path=tree.get("own_path", []),
        suspect=tree.get("suspect"),
        whole_us=tree.get("whole_us", 0),
    )


def _calls(whole: Measured) -> list[Calls]:
    return [
        Calls(
            CALLS.get(name, name),
            calls.count,
            calls.total_us,
            calls.count / max(whole.count, 1),
            calls.total_us / max(whole.count, 1),
        )
        for name, calls in sorted(whole.counters.items())
        if calls.count
    ]


def _merged_tree(asked: Asked) -> dict[str, Any]:
    """What `_calltree.html` and its kin show of the merged tree, and what else can be had of it."""
    scope, period = asked.scope, asked.tree_period
    there = TreeBlob.objects.engines(asked.project.pk, asked.endpoint, period=period, **scope.chosen)
    if not there:
        return {"tree": None, "tree_start": period.start}
    engine = asked.engine if asked.engine in there else there[0]
    key = TreeKey(*asked.endpoint, engine)
    tree = TreeBlob.objects.merged(asked.project.pk, key, period=period, **scope.chosen)
    sources = Sources.of(asked.project, scope.source_version_id)
    return {
        "sources": sources,
        "engine": engine,
        "engines": [Engine(ENGINE_NAMES[name], scope.query(engine=name), name == engine) for name in there],
        "tree_start": period.start,
        "tree_samples": sum(tree.samples),
        "downloads": _downloads(asked, engine),
        **_tree_context(tree, label=f"{key.method} {key.route}".strip(), sources=sources),
    }


def _tree_context(tree: CallTree, *, label: str, sources: Sources | None) -> dict[str, Any]:
    # Of many processes, whose paths differ before that.
    tree.functions = [function._replace(file=function.short_file) for function in tree.functions]
    suspect = tree_rows.suspect(tree)
    return {
        "tree": tree_columns.columns(
            tree,
            label=label,
            suspect=suspect.function if suspect else -1,
            rest=_("(many small calls)"),
            link_of=sources.link if sources else None,
        ),
        "whole_us": sum(tree.self_us),
        "suspect": suspect,
        "hot_path": tree_rows.hot_path(tree),
        "own_path": tree_rows.own_path(tree),
        "top_functions": tree_rows.top_functions(tree, TOP_FUNCTIONS),
    }


def _downloads(asked: Asked, engine: str) -> list[Download]:
    said = [*asked.endpoint._asdict().items(), *asked.scope.api, ("engine", engine)]
    query = urlencode(said)
    return [
        Download(name, use, f"{reverse(url_name, args=[asked.project.pk])}?{query}")
        for name, use, url_name in (
            ("speedscope", _("for the flame graph viewer speedscope"), "api-tree-speedscope"),
            (_("Folded stacks"), _("for flamegraph.pl and its kin"), "api-tree-folded"),
            ("pprof", _("for go tool pprof"), "api-tree-pprof"),
        )
    ]


def _first(project: Project, filters: ProfileFilters, order: Order) -> list[Profile] | None:
    """None where it would take too long to find them."""
    try:
        return Profile.objects.foremost(project.pk, filters, order=order, limit=PROFILES_OF_EACH)
    except TooManyToSearch:
        return None


def _list_url(asked: Asked, order: Order) -> str:
    """The list of an endpoint's profiles in a scope; a period that ends now has no end there."""
    scope = asked.scope
    said = {
        "endpoint": asked.endpoint.route,
        "version": scope.version_name,
        "environment": scope.environment_name,
        "since": scope.start_value,
        "until": "" if scope.span.is_live else scope.end_value,
        "order": order if order is Order.SLOWEST else "",
    }
    query = urlencode({name: value for name, value in said.items() if value})
    return f"{reverse('profiles:profiles', args=[asked.project.slug])}?{query}"
