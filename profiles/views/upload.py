"""The page that takes a file of pyinstrument."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from profiles import upload as uploads
from profiles.models import Profile
from profiles.pyisession import LARGEST_FILE_BYTES, UnusableFile
from profiles.upload import QuotaUsedUp, Target
from profiles.upload_form import UploadForm
from projects import throttling
from projects.access import project_member
from projects.models import Project
from projects.requests import MemberRequest


@project_member("editor")
@require_http_methods(["GET", "HEAD", "POST"])
def upload(request: MemberRequest, project: Project) -> HttpResponse:
    """Afterwards the person stands on the profile's page."""
    choices = Profile.objects.choices(project.pk)
    if request.method != "POST":
        return _page(request, project, UploadForm(choices=choices))
    wait_s = throttling.upload(request)
    if wait_s:
        form = UploadForm(choices=choices)
        told = _("Too many files were uploaded. Wait a minute and try again.")
        response = _page(request, project, form, problem=told, status=429)
        response["Retry-After"] = str(wait_s)
        return response
    form = UploadForm(request.POST, request.FILES, choices=choices)
    if project.status == Project.Status.PAUSED:
        form.add_error(None, _("This project is paused and accepts no data."))
    if not form.is_valid():
        return _page(request, project, form, status=422)
    said: dict[str, Any] = dict(form.cleaned_data)
    file = said.pop("file")
    try:
        stored = uploads.store(
            project,
            file.read(LARGEST_FILE_BYTES + 1),
            Target(**said),
            file_name=file.name or "",
            now=timezone.now(),
        )
    except UnusableFile as error:
        form.add_error("file", uploads.sentence(error))
        return _page(request, project, form, status=422)
    except QuotaUsedUp:
        form.add_error(None, uploads.quota_sentence(project))
        return _page(request, project, form, status=429)
    if stored.is_new:
        messages.success(request, _("The file was uploaded."))
    else:
        messages.info(request, _("This file had been uploaded before: nothing has changed."))
    return redirect("profiles:detail", stored.profile_id)


def _page(
    request: MemberRequest, project: Project, form: UploadForm, *, problem: str = "", status: int = 200
) -> HttpResponse:
    context = {"project": project, "form": form, "problem": problem}
    return render(request, "profiles/upload.html", context, status=status)
