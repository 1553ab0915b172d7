"""Deciding about a finding."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from analysis.forms import DecisionForm
from analysis.models import Decision, TooManyDecisions
from projects.access import project_member
from projects.models import Project
from projects.requests import MemberRequest


@project_member("editor")
@require_POST
def decide(request: MemberRequest, project: Project) -> HttpResponse:
    """Notes it and goes back to `next`."""
    form = DecisionForm(request.POST)
    if not form.is_valid():
        context = {"project": project, "form": form, "next": _next(request, project)}
        return render(request, "analysis/decide.html", context, status=422)
    said = form.cleaned_data
    try:
        Decision.objects.decide(
            project.pk,
            said["id"],
            status=said["status"],
            fixed_in=said["fixed_in"],
            by=request.user.username,
            now=timezone.now(),
        )
    except TooManyDecisions:
        messages.error(request, _("No more decisions are kept in this project: 10,000 are noted."))
    else:
        messages.success(request, _("The status is noted."))
    return redirect(_next(request, project))


def _next(request: MemberRequest, project: Project) -> str:
    """Where it was decided, if that is a page of ours."""
    said = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(said, {request.get_host()}, require_https=request.is_secure()):
        return said
    return reverse("analysis:findings", args=[project.slug])
