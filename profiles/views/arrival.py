"""What other pages show of what has arrived, as fragments."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from profiles.models import Profile
from projects.access import project_member
from projects.clock import zone_of
from projects.models import Project
from projects.requests import MemberRequest, SignedInRequest


@project_member("viewer")
@require_safe
def first_profile(request: MemberRequest, project: Project) -> HttpResponse:
    """Whether anything has arrived: asked again and again by the setup page until it has."""
    context = {
        "project": project,
        "zone": zone_of(request.user, project),
        "profile": Profile.objects.any_for(project.pk),
    }
    return render(request, "profiles/first_profile.html", context)


@login_required
@require_safe
def activity(request: SignedInRequest) -> HttpResponse:
    """For the list of projects: when the newest profile of each that is on the page started."""
    asked = set(request.GET.get("projects", "").split(","))
    visible = Project.objects.visible_to(request.user).values_list("pk", flat=True)
    ids = [project_id for project_id in visible if str(project_id) in asked]
    newest_at = Profile.objects.newest_at(ids)
    newest = [(project_id, newest_at.get(project_id)) for project_id in ids]
    return render(request, "profiles/activity.html", {"newest": newest, "zone": zone_of(request.user)})
