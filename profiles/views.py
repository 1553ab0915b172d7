"""Pages of recorded requests: a project's newest profiles, one profile, and fragments for other pages."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe
from django_htmx.http import push_url

from profiles import calltree, tree_columns, tree_rows
from profiles.calltree import CallTree
from profiles.forms import ProfileFilterForm
from profiles.models import Profile, SessionBlob
from profiles.queries import InvalidCursor, ProfilePage
from projects.access import project_by_id, project_member
from projects.clock import zone_of
from projects.models import Project
from projects.requests import MemberRequest, SignedInRequest

PROFILES_ON_A_PAGE = 25
TOP_FUNCTIONS = 12


class Download(NamedTuple):
    """A file that a profile can be had as."""

    name: str
    use: str
    url: str


@project_member("viewer")
@require_safe
def project(request: MemberRequest, project: Project) -> HttpResponse:
    """The newest profiles. All that is chosen stands in the address; htmx asks for the table alone."""
    address = reverse("profiles:project", args=[project.slug])
    choices = Profile.objects.choices(project.pk)
    form = ProfileFilterForm(request.GET, choices)
    cursor = request.GET.get("cursor", "")
    try:
        page = Profile.objects.page(
            project.pk, form.filters(), cursor=cursor or None, limit=PROFILES_ON_A_PAGE
        )
    except InvalidCursor:
        return redirect(_with_query(address, form))
    context = {
        "project": project,
        "zone": zone_of(request.user, project),
        "form": form,
        "page": page,
        "has_profiles": bool(choices.endpoints),
        "longest_us": max((profile.duration_us for profile in page.items), default=0),
        "found": _told(page),
        "newest_url": _with_query(address, form) if cursor else "",
        "older_url": _with_query(address, form, cursor=page.next_cursor) if page.next_cursor else "",
    }
    if not request.htmx:
        return render(request, "profiles/project.html", context)
    response = render(request, "profiles/project.html#profiles", context)
    return push_url(response, _with_query(address, form, cursor=cursor))


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


@login_required
@require_safe
def detail(request: MemberRequest, profile_id: str) -> HttpResponse:
    profile = Profile.objects.find(profile_id)
    if profile is None:
        raise Http404
    project = project_by_id(request, profile.project_id, "viewer")
    try:
        tree = calltree.from_session(SessionBlob.objects.session(profile_id))
    except SessionBlob.DoesNotExist:
        raise Http404 from None
    context = {
        "project": project,
        "profile": profile,
        "zone": zone_of(request.user, project),
        "tags": profile.tags.items(),
        "counters": profile.counters,
        "downloads": _downloads(profile),
        **_tree_context(tree, label=str(profile)),
    }
    return render(request, "profiles/detail.html", context)


def _tree_context(tree: CallTree, *, label: str) -> dict[str, object]:
    if not tree.parent:
        return {"tree": None}
    suspect = tree_rows.suspect(tree)
    return {
        "tree": tree_columns.columns(
            tree, label=label, suspect=suspect.function if suspect else -1, rest=_("(many small calls)")
        ),
        "whole_us": tree.total_us[0],
        "suspect": suspect,
        "hot_path": tree_rows.hot_path(tree),
        "top_functions": tree_rows.top_functions(tree, TOP_FUNCTIONS),
    }


def _downloads(profile: Profile) -> list[Download]:
    return [
        Download(name, use, reverse(url_name, args=[profile.pk]) + query)
        for name, use, url_name, query in (
            ("pyinstrument HTML", _("opens in any browser"), "api-profile-html", ""),
            ("speedscope", _("for the flame graph viewer speedscope"), "api-profile-speedscope", ""),
            (_("Text"), _("pyinstrument’s console output"), "api-profile-text", ""),
            (_("Recording"), _("complete, for pyinstrument itself"), "api-session", "?download=1"),
        )
    ]


def _told(page: ProfilePage) -> str:
    count = {"count": number_format(page.total, force_grouping=True)}
    if page.total_is_capped:
        return _("over %(count)s profiles") % count
    return ngettext("%(count)s profile", "%(count)s profiles", page.total) % count


def _with_query(address: str, form: ProfileFilterForm, *, cursor: str = "") -> str:
    """The address with what the form asks for, and nothing that is empty."""
    chosen = {name: form.data.get(name, "") for name in form.fields} | {"cursor": cursor}
    query = urlencode({name: value for name, value in chosen.items() if value})
    return f"{address}?{query}" if query else address
