"""POST /api/v1/upload/: a file of pyinstrument, sent by a script."""

from __future__ import annotations

from typing import Any

from bson import ObjectId
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from perfplatform.errors import ApiError, ErrorCode
from profiles import upload as uploads
from profiles.models import Profile
from profiles.pyisession import LARGEST_FILE_BYTES, UnusableFile
from profiles.upload import QuotaUsedUp, Target
from profiles.upload_form import LONGEST
from projects.api import project_of
from projects.authentication import MemberOrProjectKeyAuthentication, refuse_unless_active
from projects.models import Key, Project
from projects.throttling import ADDRESS_UPLOADS, ThrottledView


class UploadSerializer(serializers.Serializer[Any]):
    """A file and what to file it under."""

    file = serializers.FileField(help_text="Saved by pyinstrument 4 or 5 (`.pyisession`), at most 32 MB.")
    project = serializers.CharField(
        required=False, help_text="The project's id; a project key says it by itself."
    )
    version = serializers.CharField(max_length=LONGEST["version"])
    environment = serializers.CharField(max_length=LONGEST["environment"])
    kind = serializers.ChoiceField(choices=Profile.Kind.choices, default=Profile.Kind.REQUEST)
    method = serializers.CharField(max_length=LONGEST["method"], default="", allow_blank=True)
    endpoint = serializers.CharField(max_length=LONGEST["endpoint"])

    def validate_method(self, value: str) -> str:
        return value.upper()


class UploadedSerializer(serializers.Serializer[Any]):
    profile_id = serializers.CharField()
    url = serializers.URLField(help_text="The profile's page.")
    is_new = serializers.BooleanField(help_text="False if the same file was uploaded to the project before.")


class UploadView(ThrottledView):
    """A project key, or a personal token of an editor."""

    authentication_classes = (MemberOrProjectKeyAuthentication,)
    permission_classes = ()
    parser_classes = (MultiPartParser,)
    limit_name = "upload"

    def limits(self) -> tuple[int, int]:
        return settings.LIMITS.uploads, settings.LIMITS.uploads * ADDRESS_UPLOADS

    @extend_schema(
        request={"multipart/form-data": UploadSerializer},
        responses={200: UploadedSerializer, 201: UploadedSerializer},
    )
    def post(self, request: Request) -> Response:
        """Store a file as a profile with the trigger `manual`. The same file again changes nothing (200)."""
        if request.auth is None and not request.user.is_authenticated:
            raise ApiError(ErrorCode.AUTHENTICATION_ERROR)
        serializer = UploadSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        said: dict[str, Any] = dict(serializer.validated_data)
        project = _project(request, said.pop("project", ""))
        file = said.pop("file")
        content = file.read(LARGEST_FILE_BYTES + 1)
        try:
            stored = uploads.store(
                project, content, Target(**said), file_name=file.name or "", now=timezone.now()
            )
        except UnusableFile as error:
            raise ApiError(ErrorCode.PERFORMANCE_DATA_INVALID, uploads.sentence(error)) from error
        except QuotaUsedUp as error:
            raise ApiError(
                ErrorCode.RATE_LIMIT_ERROR,
                uploads.quota_sentence(project),
                headers={"Retry-After": str(_seconds_to_midnight())},
            ) from error
        answer = {
            "profile_id": stored.profile_id,
            "url": f"{settings.PUBLIC_URL}/profiles/{stored.profile_id}/",
            "is_new": stored.is_new,
        }
        return Response(answer, status=201 if stored.is_new else 200)


def _project(request: Request, project_id: str) -> Project:
    """The key's own project, or the one that is named, if the caller edits it."""
    if isinstance(request.auth, Key):
        own = request.auth.project
        if project_id not in ("", str(own.pk)):
            raise ApiError(ErrorCode.PARAMETER_ERROR, _("project: the key belongs to another project."))
        return own
    if not ObjectId.is_valid(project_id):
        raise ApiError(ErrorCode.PROJECT_NOT_FOUND if project_id else ErrorCode.PARAMETER_ERROR)
    project = project_of(request, project_id, "editor")
    refuse_unless_active(project)
    return project


def _seconds_to_midnight() -> int:
    now = timezone.now()
    return 86_400 - (now.hour * 3600 + now.minute * 60 + now.second)
