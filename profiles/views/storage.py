"""What a project uses of the disk, as a fragment of its settings."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from profiles.models import Upkeep
from projects.access import project_member
from projects.clock import zone_of
from projects.models import Project
from projects.requests import MemberRequest


@project_member("viewer")
@require_safe
def storage(request: MemberRequest, project: Project) -> HttpResponse:
    """As it was measured last, by a task; beside the quota."""
    upkeep = Upkeep.objects.filter(pk=str(project.pk)).first()
    context = {
        "measured_at": upkeep.measured_at if upkeep else None,
        "used": upkeep.used() if upkeep else None,
        "quota_bytes": project.storage_quota_bytes,
        "zone": zone_of(request.user, project),
    }
    return render(request, "profiles/storage.html", context)
