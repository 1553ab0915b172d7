"""Two versions side by side: what has become slower, and by which function."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from profiles import sides
from profiles.calltree import name_of, place_of
from profiles.compare_form import CompareForm
from profiles.function_changes import FunctionChanges, FunctionRow
from profiles.kinds import NAMES
from profiles.rollup import EndpointKey
from profiles.scope_form import ScopeForm
from profiles.verdict import Verdict
from profiles.versus import Comparison
from profiles.views.scoped import render_scoped
from projects.access import project_member
from projects.models import Project
from projects.requests import MemberRequest

IN_ADDRESS: Final = ("base", "head", "base_environment", "kind", "method", "route")
OF_ENDPOINT: Final = ("kind", "method", "route")
LONGEST_ROUTE: Final = 512
MOST_ROWS: Final = 100
MOST_ONE_SIDED: Final = 20
MOST_FUNCTIONS: Final = 50


@project_member("viewer")
@require_safe
def compare(request: MemberRequest, project: Project) -> HttpResponse:
    """Verdicts on all endpoints; with an endpoint in the address on its functions, too."""
    scope = ScopeForm.of(request, project, kept=IN_ADDRESS)
    form = CompareForm(request.GET, project, scope)
    subjects, endpoint = form.subjects, _endpoint(request)
    context: dict[str, Any] = {"form": form, "subjects": subjects, "endpoint": endpoint}
    if subjects:
        base, head = subjects
        found = sides.compare(project.pk, base, head, zone=scope.zone)
        context |= _comparison(project, scope, form, found)
        if endpoint:
            changes = sides.compare_functions(project, endpoint, base, head)
            context |= {
                "row": next((row for row in found.rows if row.endpoint == endpoint), None),
                **_functions(changes),
            }
    return render_scoped(request, "profiles/compare.html", project, scope=scope, tab="compare", **context)


@project_member("viewer")
@require_safe
def latest_verdict(request: MemberRequest, project: Project) -> HttpResponse:
    """A line on the newest version against the one before it, for the project's page."""
    scope = ScopeForm.of(request, project)
    form = CompareForm(request.GET, project, scope)
    context: dict[str, Any] = {"project": project, "form": form, "scope": scope}
    if form.subjects:
        found = sides.compare(project.pk, *form.subjects, zone=scope.zone)
        context |= _comparison(project, scope, form, found)
    return render(request, "profiles/compare.html#latest", context)


def _endpoint(request: MemberRequest) -> EndpointKey | None:
    said = request.GET
    kind, route = said.get("kind", ""), said.get("route", "")[:LONGEST_ROUTE]
    return EndpointKey(kind, said.get("method", "")[:16], route) if kind in NAMES and route else None


def _comparison(project: Project, scope: ScopeForm, form: CompareForm, found: Comparison) -> dict[str, Any]:
    return {
        "comparison": found,
        "tally": [(verdict, count) for verdict, count in found.tally.items() if count],
        "first": next(
            (row for row in found.rows if row.judged.verdict in (Verdict.REGRESSED, Verdict.IMPROVED)), None
        ),
        "rows": [(row, _address(project, scope, form, row.endpoint)) for row in found.rows[:MOST_ROWS]],
        "left_out": max(0, len(found.rows) - MOST_ROWS),
        "new": found.new[:MOST_ONE_SIDED],
        "new_left_out": max(0, len(found.new) - MOST_ONE_SIDED),
        "vanished": found.vanished[:MOST_ONE_SIDED],
        "vanished_left_out": max(0, len(found.vanished) - MOST_ONE_SIDED),
        "all_address": _address(project, scope, form, None),
    }


def _address(project: Project, scope: ScopeForm, form: CompareForm, endpoint: EndpointKey | None) -> str:
    """The comparison of an endpoint's functions, or of all endpoints, with the same versions and period."""
    said = {name: value for name, value in scope.api if name not in ("version", "environment")}
    said |= form.chosen | (
        {name: value for name, value in endpoint._asdict().items() if value} if endpoint else {}
    )
    return f"{reverse('profiles:compare', args=[project.slug])}?{urlencode(said)}"


def _functions(changes: FunctionChanges) -> dict[str, Any]:
    there = [row for row in changes.rows if not row.is_new and not row.is_vanished]
    return {
        "changes": changes,
        "suspect": _named(changes.suspect) if changes.suspect else None,
        "functions": [_named(row) for row in there[:MOST_FUNCTIONS]],
        "new_functions": [_named(row) for row in changes.rows if row.is_new][:MOST_ONE_SIDED],
        "vanished_functions": [_named(row) for row in changes.rows if row.is_vanished][:MOST_ONE_SIDED],
    }


def _named(row: FunctionRow) -> dict[str, Any]:
    function = row.function
    self_us, total_us = row.head_self_us - row.base_self_us, row.head_total_us - row.base_total_us
    return {
        "row": row,
        "name": name_of(function),
        "place": place_of(function),
        "self_moved_us": self_us,
        "total_moved_us": total_us,
    }
