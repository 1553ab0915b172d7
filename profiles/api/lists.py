"""REST API: a project's profiles, and one of them."""

from __future__ import annotations

import math
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from perfplatform.errors import ApiError, ErrorCode
from profiles.models import Profile
from profiles.queries import MOST_COUNTED, InvalidCursor, Order, ProfilePage, TooManyToSearch
from profiles.serializers import ProfileDetailSerializer, ProfileListSerializer, ProfileQuerySerializer
from projects import access
from projects.api import ROLE_TOO_LOW, project_of

TOO_MANY_TO_SEARCH = _(
    "It takes too long to find what these filters describe. Add a version or an endpoint, or a period."
)


class ProfileListView(APIView):
    @extend_schema(parameters=[ProfileQuerySerializer], responses=ProfileListSerializer)
    def get(self, request: Request, project_id: str) -> Response:
        """List a project's profiles, newest or slowest first, by pages or by cursor."""
        project = project_of(request, project_id, "viewer")
        query = ProfileQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        asked = query.validated_data
        cursor, size = asked.get("cursor"), asked["page_size"]
        offset = 0 if cursor else (asked["page"] - 1) * size
        if offset >= MOST_COUNTED:
            raise ApiError(ErrorCode.PARAMETER_ERROR, _("page: use the cursor to go beyond 10,000 profiles."))
        number = None if cursor else asked["page"]
        try:
            page = Profile.objects.page(
                project.pk,
                query.filters(),
                order=Order(asked["order"]),
                cursor=cursor,
                offset=offset,
                limit=size,
            )
        except InvalidCursor:
            raise ApiError(
                ErrorCode.PARAMETER_ERROR, _("cursor: it must come from an earlier page.")
            ) from None
        except TooManyToSearch:
            raise ApiError(ErrorCode.PARAMETER_ERROR, TOO_MANY_TO_SEARCH) from None
        if number and number > 1 and not page.items:
            raise ApiError(ErrorCode.PARAMETER_ERROR, _("page: there are fewer pages."), status=404)
        pagination = _describe(page, number=number, size=size)
        return Response(ProfileListSerializer({"items": page.items, "pagination": pagination}).data)


class ProfileView(APIView):
    @extend_schema(responses=ProfileDetailSerializer)
    def get(self, request: Request, profile_id: str) -> Response:
        """One profile, without its recording."""
        return Response(ProfileDetailSerializer(visible_profile(request, profile_id)).data)


def visible_profile(request: Request, profile_id: str, least: str = "viewer") -> Profile:
    """The profile, if the caller has role `least` in its project; raises ApiError with 20007 or 10003."""
    profile = Profile.objects.find(profile_id)
    if profile is None:
        raise ApiError(ErrorCode.PROFILE_NOT_FOUND)
    try:
        access.project_by_id(request, profile.project_id, least)
    except Http404:
        raise ApiError(ErrorCode.PROFILE_NOT_FOUND) from None
    except PermissionDenied:
        raise ApiError(ErrorCode.PERMISSION_ERROR, ROLE_TOO_LOW) from None
    return profile


def _pages(page: ProfilePage, size: int) -> int:
    return max(1, math.ceil(page.total / size))


def _describe(page: ProfilePage, *, number: int | None, size: int) -> dict[str, Any]:
    return {
        "page": number,
        "page_size": size,
        "total": page.total,
        "total_is_capped": page.total_is_capped,
        "total_pages": _pages(page, size),
        "has_next": page.next_cursor is not None,
        "has_prev": number is None or number > 1,
        "next_cursor": page.next_cursor,
    }
