"""Keeping a profile, and letting it go."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from profiles import keeping
from profiles.models import Profile
from projects.access import project_by_id
from projects.requests import MemberRequest


@login_required
@require_POST
def keep(request: MemberRequest, profile_id: str) -> HttpResponse:
    """Keeps a profile, or with `release` in the form lets it go."""
    profile = Profile.objects.find(profile_id)
    if profile is None:
        raise Http404
    project = project_by_id(request, profile.project_id, "editor")
    if "release" in request.POST:
        keeping.release(profile, project, now=timezone.now())
        messages.success(request, _("The profile is kept like any other again."))
        return redirect("profiles:detail", profile_id)
    try:
        keeping.keep(profile)
    except keeping.TooManyKept:
        messages.error(request, str(keeping.TOO_MANY))
    except Profile.DoesNotExist:
        raise Http404 from None
    else:
        messages.success(request, _("The profile is kept."))
    return redirect("profiles:detail", profile_id)
