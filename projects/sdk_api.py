"""REST API of what SDKs are told: their own address for asking, and those by which people set it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

from django.http import HttpResponseBase
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from perfplatform.errors import ApiError, ErrorCode
from projects import sdk_settings
from projects.api import project_of
from projects.authentication import ProjectKeyAuthentication
from projects.models import Key, RecordingOrder
from projects.serializers import RecordingOrderSerializer, SdkConfigSerializer, SdkSettingsSerializer
from projects.throttling import ThrottledView


class SdkConfigView(ThrottledView):
    """Asked by every process about once a minute: nothing but reads by index, and mostly a 304."""

    authentication_classes = (ProjectKeyAuthentication,)
    permission_classes = ()
    limit_name = "sdk-config"

    @extend_schema(
        parameters=[OpenApiParameter("If-None-Match", str, OpenApiParameter.HEADER)],
        responses={200: SdkConfigSerializer, 304: None},
    )
    def get(self, request: Request) -> HttpResponseBase:
        """What an SDK does where nobody in the app has set it, and which recordings are asked for."""
        project = cast(Key, request.auth).project
        told = {
            **sdk_settings.complete(project.sdk_settings),
            "requests": RecordingOrder.objects.under_way(project),
        }
        payload = SdkConfigSerializer(told).data
        etag = sdk_settings.etag(payload)
        response = Response(payload, headers={"ETag": etag, "Cache-Control": "private, no-cache"})
        conditional = get_conditional_response(request._request, etag=etag, response=response)
        return cast(HttpResponseBase, conditional)


class SdkSettingsView(APIView):
    """What the SDKs of a project are told. Viewers read it, editors set it."""

    @extend_schema(responses=SdkSettingsSerializer)
    def get(self, request: Request, project_id: str) -> Response:
        """The settings; null leaves one to the SDK."""
        project = project_of(request, project_id, "viewer")
        return Response(SdkSettingsSerializer(sdk_settings.complete(project.sdk_settings)).data)

    @extend_schema(request=SdkSettingsSerializer, responses=SdkSettingsSerializer)
    def put(self, request: Request, project_id: str) -> Response:
        """Replace all of them; one that is left out is left to the SDK. Apps follow within about a minute."""
        project = project_of(request, project_id, "editor")
        serializer = SdkSettingsSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        project.set_sdk_settings(dict(serializer.validated_data))
        return Response(serializer.data)


class RecordingOrderView(APIView):
    @extend_schema(request=RecordingOrderSerializer, responses={201: RecordingOrderSerializer})
    def post(self, request: Request, project_id: str) -> Response:
        """Have each process keep the next `count` requests of an endpoint, for so many minutes."""
        project = project_of(request, project_id, "editor")
        serializer = RecordingOrderSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        said: dict[str, Any] = dict(serializer.validated_data)
        if len(RecordingOrder.objects.under_way(project)) >= sdk_settings.MOST_ORDERS:
            message = _("Too many recordings are asked for already: wait until some have ended.")
            raise ApiError(ErrorCode.RATE_LIMIT_ERROR, message)
        until = timezone.now().replace(microsecond=0) + timedelta(minutes=said.pop("minutes"))
        by: Any = request.user
        order = RecordingOrder.objects.create(project=project, until=until, created_by=by, **said)
        return Response(RecordingOrderSerializer(order).data, status=status.HTTP_201_CREATED)
