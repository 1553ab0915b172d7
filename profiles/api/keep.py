"""REST API: profiles that somebody chooses to keep."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from perfplatform.errors import ApiError, ErrorCode
from profiles import keeping
from profiles.api.lists import visible_profile
from profiles.models import Profile
from profiles.serializers import ProfileDetailSerializer
from projects.api import project_of


class KeepView(APIView):
    """For editors. Either may be asked for again: it changes nothing more."""

    @extend_schema(request=None, responses=ProfileDetailSerializer)
    def put(self, request: Request, profile_id: str) -> Response:
        """Keep a profile until 730 days after it came. A project keeps 1,000 so at most (409, 10001)."""
        profile = visible_profile(request, profile_id, "editor")
        try:
            keeping.keep(profile)
        except keeping.TooManyKept:
            raise ApiError(ErrorCode.PARAMETER_ERROR, keeping.TOO_MANY, status=409) from None
        except Profile.DoesNotExist:
            raise ApiError(ErrorCode.PROFILE_NOT_FOUND) from None
        return _answer(profile_id)

    @extend_schema(responses=ProfileDetailSerializer)
    def delete(self, request: Request, profile_id: str) -> Response:
        """Keep it no longer than the project's settings say, but for another day at least."""
        profile = visible_profile(request, profile_id, "editor")
        project = project_of(request, str(profile.project_id), "editor")
        keeping.release(profile, project, now=timezone.now())
        return _answer(profile_id)


def _answer(profile_id: str) -> Response:
    profile = Profile.objects.find(profile_id)
    if profile is None:
        raise ApiError(ErrorCode.PROFILE_NOT_FOUND)
    return Response(ProfileDetailSerializer(profile).data)
