"""One profile with its call tree."""

from __future__ import annotations

from typing import NamedTuple

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from profiles import calltree, tree_columns, tree_rows
from profiles.calltree import CallTree, Timeline
from profiles.models import Profile, SessionBlob
from profiles.sources import Sources
from profiles.views import ticket
from projects.access import project_by_id
from projects.clock import zone_of
from projects.models import Member
from projects.requests import MemberRequest

TOP_FUNCTIONS = 12


class Download(NamedTuple):
    """A file that a profile can be had as."""

    name: str
    use: str
    url: str


@login_required
@require_safe
def detail(request: MemberRequest, profile_id: str) -> HttpResponse:
    profile = Profile.objects.find(profile_id)
    if profile is None:
        raise Http404
    project = project_by_id(request, profile.project_id, "viewer")
    try:
        tree, timeline = calltree.in_time_order(SessionBlob.objects.session(profile_id))
    except SessionBlob.DoesNotExist:
        raise Http404 from None
    zone, sources = zone_of(request.user, project), Sources.of(project, profile.version_id)
    context = {
        "project": project,
        "profile": profile,
        "can_keep": request.role != Member.Role.VIEWER,
        "zone": zone,
        "tags": profile.tags.items(),
        "counters": profile.counters,
        "downloads": _downloads(profile),
        "ticket": ticket.of_profile(
            project,
            profile,
            zone=zone,
            path=tree_rows.own_path(tree),
            suspect=tree_rows.suspect(tree),
            whole_us=sum(tree.self_us),
        ),
        "sources": sources,
        **_tree_context(tree, timeline, label=str(profile), sources=sources),
    }
    return render(request, "profiles/detail.html", context)


def _tree_context(
    tree: CallTree, timeline: Timeline, *, label: str, sources: Sources | None
) -> dict[str, object]:
    if not tree.parent:
        return {"tree": None}
    suspect = tree_rows.suspect(tree)
    return {
        "tree": tree_columns.columns(
            tree,
            label=label,
            suspect=suspect.function if suspect else -1,
            rest=_("(many small calls)"),
            timeline=timeline,
            link_of=sources.link if sources else None,
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
            ("pstats", _("for pstats, snakeviz and gprof2dot"), "api-profile-pstats", ""),
            (_("Folded stacks"), _("for flamegraph.pl and its kin"), "api-profile-folded", ""),
            ("pprof", _("for go tool pprof"), "api-profile-pprof", ""),
            (_("Recording"), _("complete, for pyinstrument itself"), "api-session", "?download=1"),
        )
    ]
