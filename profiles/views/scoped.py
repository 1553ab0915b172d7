"""Pages whose figures are of a version, an environment and a period."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django.http import HttpResponse
from django.shortcuts import render
from django_htmx.http import push_url

from profiles.models import Ledger
from profiles.scope_form import ScopeForm
from projects.models import Project
from projects.requests import MemberRequest

# From here on a page says that its figures lag behind.
TOLD_LAG: Final = timedelta(minutes=1)


def render_scoped(
    request: MemberRequest, template: str, project: Project, *, scope: ScopeForm, **context: Any
) -> HttpResponse:
    """The page, or what htmx asks for of it: `#scoped` with the pickers, or its `#figures` alone.

    Picking puts the scope into the address; looking again, as a page does by itself, leaves it alone.
    """
    lag = Ledger.objects.lag(now=scope.now, project_id=project.pk)
    context |= {
        "project": project,
        "zone": scope.zone,
        "scope": scope,
        "lag_us": lag / timedelta(microseconds=1) if lag > TOLD_LAG else 0,
    }
    target = request.htmx.target if request.htmx else None
    if target == "figures":
        return render(request, f"{template}#figures", context)
    if target == "scoped":
        return push_url(render(request, f"{template}#scoped", context), request.path + scope.address)
    return render(request, template, context)
