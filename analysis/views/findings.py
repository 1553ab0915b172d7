"""The findings of a project: those of its slowest endpoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from analysis.chosen import ALL, CURRENT, chosen, slowest
from analysis.detectors import BY_NAME
from analysis.explanations import title_of
from analysis.models import Decision
from analysis.subjects import project_subjects
from analysis.told import Scope, tell
from analysis.views.shown import context_of
from profiles.models.tree_blob import tree_period
from profiles.scope_form import ScopeForm
from profiles.trends import MOST_STRETCHES
from profiles.views.scoped import render_scoped
from projects.access import project_member
from projects.models import Project
from projects.requests import MemberRequest

STATUSES: Final = ((CURRENT, _("Open and accepted")), (ALL, _("All statuses")), *Decision.Status.choices)


@dataclass(frozen=True)
class Choice:
    """An option of a filter."""

    value: str
    name: Any
    is_chosen: bool


@project_member("viewer")
@require_safe
def findings(request: MemberRequest, project: Project) -> HttpResponse:
    """Of the ten endpoints that took the most time: for each the trees of the period and five profiles."""
    scope = ScopeForm.of(request, project, kept=("status", "detector"))
    status, detector = request.GET.get("status", CURRENT), request.GET.get("detector", "")
    period = tree_period(scope.span.start, scope.span.end, now=scope.now, zone=scope.zone)
    endpoints = slowest(project.pk, scope.asked_period(MOST_STRETCHES), scope.chosen)
    subjects = project_subjects(
        project.pk, endpoints, period=period, chosen=scope.chosen, version_name=scope.version_name
    )
    told = tell(Scope(project, scope.version_name, scope.environment_name, period), subjects)
    shown = chosen(told, status=status, detector=detector)
    return render_scoped(
        request,
        "analysis/findings.html",
        project,
        scope=scope,
        tab="findings",
        statuses_offered=_choices(STATUSES, status),
        detectors_offered=_choices([(name, title_of(name)) for name in BY_NAME], detector),
        detector=detector,
        all_count=len(told),
        endpoints_count=len(endpoints),
        sampled_count=len(subjects),
        hidden=[
            (name, value) for name, value in scope.hidden_of_search if name not in ("status", "detector")
        ],
        **context_of(request, project, shown, here=request.get_full_path(), shows_endpoint=True),
    )


def _choices(offered: Sequence[tuple[Any, Any]], current: str) -> list[Choice]:
    return [Choice(value, name, value == current) for value, name in offered]
