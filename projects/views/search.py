"""Search: a page of links, and the same as data for the palette (static/palette.js)."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from projects import search as names
from projects.models import Project
from projects.requests import SignedInRequest
from projects.search import Group, Hit


@login_required
@require_safe
def search(request: SignedInRequest) -> HttpResponse:
    """The user's projects by name."""
    wanted = names.words(request.GET.get("q", ""))
    found = Project.objects.named(request.user, wanted) if wanted else []
    hits = [Hit(name, reverse("profiles:project", args=[slug])) for name, slug in found]
    return answer(request, "projects/search.html", [Group("projects", _("Projects"), hits)])


def answer(request: SignedInRequest, template: str, groups: list[Group], **context: Any) -> HttpResponse:
    """A page, or JSON for who asks for that: {told, groups: [{kind, name, hits: [Hit]}]}.

    `told` says in words how much was found. Kinds of which nothing was found are left out.
    """
    text = request.GET.get("q", "")[: names.LONGEST_TEXT]
    found = [group for group in groups if group.hits]
    told = _told(found) if names.words(text) else ""
    response: HttpResponse
    if request.get_preferred_type(["text/html", "application/json"]) == "application/json":
        shown = [
            {"kind": kind, "name": str(name), "hits": [hit._asdict() for hit in hits]}
            for kind, name, hits in found
        ]
        response = JsonResponse({"told": told, "groups": shown})
    else:
        response = render(request, template, {"text": text, "told": told, "groups": found, **context})
    # One address, two kinds of answer: going back must not bring the other one.
    response["Cache-Control"] = "no-store"
    patch_vary_headers(response, ["Accept"])
    return response


def _told(groups: list[Group]) -> str:
    count = sum(len(group.hits) for group in groups)
    if not count:
        return _("Nothing has this in its name.")
    told = ngettext("%(count)s found", "%(count)s found", count)
    return told % {"count": number_format(count, force_grouping=True)}
