"""Pages whose figures are of a version, an environment and a period."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django.http import HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django_htmx.http import push_url

from profiles.models import Ledger
from profiles.scope_form import ScopeForm
from projects.models import Project
from projects.requests import MemberRequest

# From here on a page says that its figures lag behind.
TOLD_LAG: Final = timedelta(minutes=1)


def render_scoped(
    request: MemberRequest, template: str, project: Project, *, scope: ScopeForm, tab: str, **context: Any
) -> HttpResponse:
    """The page, or what htmx asks for of it: `#scoped` with the pickers, or its `#figures` alone.

    Picking puts the scope into the address and into the project's tabs, of which `tab` is the page's own;
    looking again, as a page does by itself, leaves both alone.
    """
    lag = Ledger.objects.lag(now=scope.now, project_id=project.pk)
    context |= {
        "project": project,
        "zone": scope.zone,
        "scope": scope,
        "tab": tab,
        "lag_us": lag / timedelta(microseconds=1) if lag > TOLD_LAG else 0,
    }
    target = request.htmx.target if request.htmx else None
    if target == "figures":
        return render(request, f"{template}#figures", context)
    if target == "scoped":
        response = render(request, f"{template}#scoped", context)
        response.write(render_to_string("_project_tabs.html", context, request))
        return push_url(response, request.path + scope.address)
    return render(request, template, context)
