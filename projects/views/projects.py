"""The list of projects, a new project, and the first run of its app."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from perfplatform.sdk_index import current_wheel
from projects import snippet
from projects.access import project_member
from projects.forms import ProjectForm, ProjectKeyForm
from projects.models import Key, Member, NameTaken, Project
from projects.requests import MemberRequest, SignedInRequest

PROJECTS_ON_A_PAGE = 50


@login_required
@require_safe
def project_list(request: SignedInRequest) -> HttpResponse:
    """The user's projects by name. When each was last heard of comes from the profiles app as a fragment."""
    search = request.GET.get("search", "").strip()
    visible = Project.objects.visible_to(request.user)
    found = visible.filter(name__icontains=search) if search else visible
    context = {
        "page": Paginator(found, PROJECTS_ON_A_PAGE).get_page(request.GET.get("page")),
        "search": search,
        "is_new_user": not search and not visible.exists(),
    }
    return render(request, "projects/list.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def create(request: SignedInRequest) -> HttpResponse:
    form = ProjectForm(request.POST or None, initial={"language": request.LANGUAGE_CODE, "time_zone": "UTC"})
    if request.method == "POST" and form.is_valid():
        try:
            project = Project.objects.start(owner=request.user, **form.cleaned_data)
        except NameTaken:
            form.add_error("name", _("A project of this name exists already."))
        else:
            messages.success(request, _("The project was created. Now connect your app."))
            return redirect("projects:setup", project.slug)
    return render(request, "projects/create.html", {"form": form})


@project_member("viewer")
@require_http_methods(["GET", "HEAD", "POST"])
def setup(request: MemberRequest, project: Project) -> HttpResponse:
    """How to connect an app. Posting makes a key, because only a new key can be shown."""
    secret = ""
    form = ProjectKeyForm(initial={"name": _("First app")})
    if request.method == "POST":
        if request.role != Member.Role.OWNER:
            raise PermissionDenied
        form = ProjectKeyForm(request.POST)
        if form.is_valid():
            _key, secret = Key.issue(project, kind=Key.Kind.INGEST, by=request.user, **form.cleaned_data)
    wheel = current_wheel()
    context = {
        "project": project,
        "can_edit": request.role == Member.Role.OWNER,
        "form": form,
        "secret": secret,
        "sdk_is_built": wheel is not None,
        "snippet": snippet.for_flask(
            settings.PUBLIC_URL,
            secret or snippet.KEY_PLACEHOLDER,
            wheel=wheel.file_name if wheel else "",
            sha256=wheel.sha256 if wheel else "",
        ),
    }
    response = render(request, "projects/setup.html", context)
    if secret:
        # A secret must not come back with the browser's back button.
        response["Cache-Control"] = "no-store"
    return response
