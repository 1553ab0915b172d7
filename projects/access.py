"""Who may do what in a project: decided here, for pages and API alike."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from bson import ObjectId
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase

from projects.models import Member, Project

RANK = {Member.Role.VIEWER: 1, Member.Role.EDITOR: 2, Member.Role.OWNER: 3}


def role_of(user: Any, project: Project) -> Member.Role | None:
    """The user's role, None for strangers. A superuser owns every project."""
    if not user.is_authenticated or not user.is_active:
        return None
    if user.is_superuser:
        return Member.Role.OWNER
    role = Member.objects.filter(project=project, user=user).values_list("role", flat=True).first()
    return Member.Role(role) if role else None


def require_role(request: Any, project: Project, least: str) -> Member.Role:
    """The role that the request's user has, if it is `least` or more.

    Raises Http404 for strangers, who must not learn that the project exists, and PermissionDenied for members
    of a lower role.
    """
    role = role_of(request.user, project)
    if role is None or project.status == Project.Status.DELETING:
        raise Http404
    if RANK[role] < RANK[Member.Role(least)]:
        raise PermissionDenied
    request.role = role
    return role


def project_by_id(request: Any, project_id: ObjectId, least: str) -> Project:
    """The project of this id, if the request's user has role `least` in it; else as `require_role`."""
    project = Project.objects.filter(pk=project_id).first()
    if project is None:
        raise Http404
    require_role(request, project, least)
    return project


def project_member(
    least: str,
) -> Callable[[Callable[..., HttpResponseBase]], Callable[..., HttpResponseBase]]:
    """For page views of a URL with `<slug:slug>`: signs in, decides, and hands the project over."""

    def decorate(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        @login_required
        @functools.wraps(view)
        def guarded(request: HttpRequest, slug: str, **arguments: Any) -> HttpResponseBase:
            project = Project.objects.filter(slug=slug).first()
            if project is None:
                raise Http404
            require_role(request, project, least)
            return view(request, project, **arguments)

        return guarded

    return decorate
