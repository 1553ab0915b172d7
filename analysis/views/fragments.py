"""Findings beside a call tree, and the question about it that can be put to an AI by hand.

The pages of profiles ask for them by htmx; without a script each is a page of its own.
"""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from analysis import prompt
from analysis.prompt import Question
from analysis.subjects import Subject
from analysis.told import Scope, tell
from analysis.views.shown import context_of
from profiles.models import Profile
from profiles.views.endpoint import Asked
from projects.access import project_by_id, project_member
from projects.models import Project
from projects.requests import MemberRequest


@login_required
@require_safe
def profile_findings(request: MemberRequest, profile_id: str) -> HttpResponse:
    """Of one recording."""
    profile, project = _profile(request, profile_id)
    subject = Subject.of_profile(profile)
    if subject is None:
        raise Http404
    scope = Scope(project, version_name=profile.version_name)
    context = context_of(
        request,
        project,
        tell(scope, [subject]),
        here=reverse("profiles:detail", args=[profile_id]),
        page_url=reverse("profiles:detail", args=[profile_id]),
        prompt_url=reverse("analysis:profile_prompt", args=[profile_id]),
        heading=str(profile),
        is_counted=bool(subject.counters.items),
    )
    return _render(request, "analysis/findings_of.html", project, context)


@project_member("viewer")
@require_safe
def endpoint_findings(request: MemberRequest, project: Project) -> HttpResponse:
    """Of an endpoint's merged call tree in a scope."""
    asked = Asked.of(request, project)
    if asked is None:
        return redirect("profiles:endpoints", project.slug)
    subject = _subject_of(asked)
    period = asked.tree_period
    scope = Scope(project, asked.scope.version_name, asked.scope.environment_name, period)
    query = asked.scope.address
    page_url = reverse("profiles:endpoint", args=[project.slug]) + query
    context = context_of(
        request,
        project,
        tell(scope, [subject] if subject else []),
        here=page_url,
        page_url=page_url,
        prompt_url=reverse("analysis:endpoint_prompt", args=[project.slug]) + query,
        heading=f"{asked.endpoint.method} {asked.endpoint.route}".strip(),
        is_counted=bool(subject and subject.counters.items),
        is_merged=True,
        requests=subject.counters.requests if subject else 0,
    )
    return _render(request, "analysis/findings_of.html", project, context)


@login_required
@require_safe
def profile_prompt(request: MemberRequest, profile_id: str) -> HttpResponse:
    """The question about a recording."""
    profile, project = _profile(request, profile_id)
    subject = Subject.of_profile(profile)
    if subject is None or not subject.tree.parent:
        raise Http404
    return _prompt(request, project, subject, page_url=reverse("profiles:detail", args=[profile_id]))


@project_member("viewer")
@require_safe
def endpoint_prompt(request: MemberRequest, project: Project) -> HttpResponse:
    """The question about an endpoint."""
    asked = Asked.of(request, project)
    if asked is None:
        return redirect("profiles:endpoints", project.slug)
    subject = _subject_of(asked)
    if subject is None:
        raise Http404
    page_url = reverse("profiles:endpoint", args=[project.slug]) + asked.scope.address
    return _prompt(request, project, subject, page_url=page_url)


def _profile(request: MemberRequest, profile_id: str) -> tuple[Profile, Project]:
    profile = Profile.objects.find(profile_id)
    if profile is None:
        raise Http404
    return profile, project_by_id(request, profile.project_id, "viewer")


def _subject_of(asked: Asked) -> Subject | None:
    return Subject.of_endpoint(
        asked.project.pk,
        asked.endpoint,
        period=asked.tree_period,
        chosen=asked.scope.chosen,
        engine=asked.engine,
        version_name=asked.scope.version_name,
    )


def _prompt(request: MemberRequest, project: Project, subject: Subject, *, page_url: str) -> HttpResponse:
    title = f"{subject.endpoint.kind} {subject.endpoint.method} {subject.endpoint.route}"
    question = Question(
        title=title,
        tree=subject.tree,
        counters=subject.counters,
        findings=subject.findings,
        framework=subject.framework,
        python=subject.python,
    )
    text = prompt.build(question)
    context = {
        "text": text,
        "tokens": prompt.tokens(text),
        "page_url": page_url,
        "heading": f"{subject.endpoint.method} {subject.endpoint.route}".strip(),
    }
    return _render(request, "analysis/prompt.html", project, context)


def _render(
    request: MemberRequest, template: str, project: Project, context: dict[str, object]
) -> HttpResponse:
    """The page, or for htmx what is on it."""
    part = f"{template}#fragment" if request.htmx else template
    return render(request, part, {**context, "project": project})
