"""What other pages show of what has arrived, as fragments."""

from __future__ import annotations

from typing import Final

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from profiles.models import Profile
from profiles.project_activity import ProjectActivity
from projects.access import project_member
from projects.clock import zone_of
from projects.models import Project
from projects.requests import MemberRequest, SignedInRequest

# As many as stand on a page of the list.
MOST_PROJECTS: Final = 50


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
    """For the list of projects: how each of those on the page fared in the last 24 hours."""
    asked = set(request.GET.get("projects", "").split(",")[: MOST_PROJECTS + 1])
    visible = Project.objects.visible_to(request.user)
    found = [project for project in visible if str(project.pk) in asked][:MOST_PROJECTS]
    zone = zone_of(request.user)
    context = {"rows": ProjectActivity.of(found, now=timezone.now(), zone=zone), "zone": zone}
    return render(request, "profiles/activity.html", context)
