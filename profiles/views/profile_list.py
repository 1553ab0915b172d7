"""A project's profiles, the newest or the slowest first."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe
from django_htmx.http import push_url

from profiles.forms import ProfileFilterForm
from profiles.models import Profile
from profiles.queries import InvalidCursor, Order, ProfilePage, TooManyToSearch
from profiles.views import csv_file
from projects.access import project_member
from projects.clock import zone_of
from projects.models import Member, Project
from projects.requests import MemberRequest

PROFILES_ON_A_PAGE = 25
MOST_IN_A_FILE: Final = 10_000
HEADER: Final = (
    "id",
    "started_at",
    "kind",
    "method",
    "endpoint",
    "status",
    "exception",
    "duration_us",
    "cpu_us",
    "samples",
    "engine",
    "trigger",
    "version",
    "environment",
    "host",
    "process",
    "trace",
)


@project_member("viewer")
@require_safe
def profiles(request: MemberRequest, project: Project) -> HttpResponse:
    """A page of the list. All that is chosen stands in the address; htmx asks for the table alone."""
    address = reverse("profiles:profiles", args=[project.slug])
    choices = Profile.objects.choices(project.pk)
    zone = zone_of(request.user, project)
    form = ProfileFilterForm(request.GET, choices, zone=zone)
    order, cursor = form.asked_order(), request.GET.get("cursor", "")
    gave_up = False
    try:
        page = Profile.objects.page(
            project.pk, form.filters(), order=order, cursor=cursor or None, limit=PROFILES_ON_A_PAGE
        )
    except InvalidCursor:
        return redirect(_with_query(address, form))
    except TooManyToSearch:
        page, gave_up = ProfilePage([], None, 0, total_is_capped=True), True
    context = {
        "project": project,
        "zone": zone,
        "form": form,
        "page": page,
        "can_upload": request.role != Member.Role.VIEWER,
        "gave_up": gave_up,
        "by_duration": order is Order.SLOWEST,
        "has_profiles": bool(choices.endpoints),
        "longest_us": max((profile.duration_us for profile in page.items), default=0),
        "found": _told(page),
        "csv_url": _with_query(reverse("profiles:profiles_csv", args=[project.slug]), form),
        "first_url": _with_query(address, form) if cursor else "",
        "next_url": _with_query(address, form, cursor=page.next_cursor) if page.next_cursor else "",
    }
    if not request.htmx:
        return render(request, "profiles/profiles.html", context)
    response = render(request, "profiles/profiles.html#profiles", context)
    return push_url(response, _with_query(address, form, cursor=cursor))


@project_member("viewer")
@require_safe
def profiles_csv(request: MemberRequest, project: Project) -> HttpResponseBase:
    """The list as filtered, at most 10,000 of it, as a file: times in microseconds."""
    choices = Profile.objects.choices(project.pk)
    form = ProfileFilterForm(request.GET, choices, zone=zone_of(request.user, project))
    order = form.asked_order()
    try:
        found = Profile.objects.each(project.pk, form.filters(), order=order, limit=MOST_IN_A_FILE)
    except TooManyToSearch:
        # The page says what to do.
        return redirect(_with_query(reverse("profiles:profiles", args=[project.slug]), form))
    return csv_file.answer(project, "profiles", HEADER, map(_cells, found))


def _cells(profile: Profile) -> list[str | float | None]:
    return [
        profile.pk,
        csv_file.instant(profile.started_at),
        profile.kind,
        profile.method,
        profile.endpoint,
        profile.status,
        profile.error_type,
        profile.duration_us,
        profile.cpu_us,
        profile.sample_count,
        profile.engine,
        profile.trigger,
        profile.version_name,
        profile.environment,
        profile.hostname,
        profile.pid,
        profile.trace_id,
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
