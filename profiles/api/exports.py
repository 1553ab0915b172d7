"""REST API: the recording of a profile in several formats."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from perfplatform.envelope import wrap_stream
from perfplatform.errors import ApiError, ErrorCode
from profiles import export
from profiles.api.lists import visible_profile
from profiles.file_format import Format, NotRenderable, Source
from profiles.models import Profile, SessionBlob

# Exports hold text from target apps. Should a browser show one after all, it has no origin and no network.
SANDBOX: Final = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data:; font-src data:"
)


class FilesToo(DefaultContentNegotiation):
    """Answers with files as well, whose types no renderer knows: `Accept` refuses nothing."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, str(renderer.media_type)


class SessionView(APIView):
    content_negotiation_class = FilesToo

    @extend_schema(
        parameters=[OpenApiParameter("download", bool, description="1: a `.pyisession` file, no envelope")],
        responses={
            (200, "application/json"): OpenApiTypes.OBJECT,
            (200, "application/octet-stream"): OpenApiTypes.BINARY,
        },
    )
    def get(self, request: Request, profile_id: str) -> HttpResponseBase:
        """The recording as pyinstrument's `Session.to_json()` gave it."""
        profile = visible_profile(request, profile_id)
        session = session_of(profile)
        if request.query_params.get("download", "") in ("", "0", "false"):
            return StreamingHttpResponse(
                wrap_stream(export.pyisession(session)), content_type="application/json"
            )
        return download(profile, "session", session)


class ExportView(APIView):
    """The recording as a file for another tool."""

    content_negotiation_class = FilesToo
    format_name = ""

    def get(self, request: Request, profile_id: str) -> HttpResponseBase:
        profile = visible_profile(request, profile_id)
        return download(profile, self.format_name, session_of(profile))


@extend_schema(responses={(200, "text/html"): OpenApiTypes.BINARY})
class HtmlView(ExportView):
    """pyinstrument's interactive page, to save."""

    format_name = "html"


@extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
class SpeedscopeView(ExportView):
    """A file that speedscope opens."""

    format_name = "speedscope"


@extend_schema(responses={(200, "text/plain"): OpenApiTypes.BINARY})
class TextView(ExportView):
    """pyinstrument's tree for terminals, to save."""

    format_name = "text"


@extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
class PstatsView(ExportView):
    """A file that `pstats.Stats` and its viewers load. Its calls are samples in which a function was seen."""

    format_name = "pstats"


@extend_schema(responses={(200, "text/plain"): OpenApiTypes.BINARY})
class FoldedView(ExportView):
    """A line for each stack with its microseconds, as flamegraph.pl and others take it."""

    format_name = "folded"


@extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
class PprofView(ExportView):
    """A file that pprof reads: gzip of its `profile.proto`."""

    format_name = "pprof"


def session_of(profile: Profile) -> dict[str, Any]:
    """The profile's recording, which MongoDB may delete a minute before the profile."""
    try:
        return SessionBlob.objects.session(profile.pk)
    except SessionBlob.DoesNotExist:
        raise ApiError(ErrorCode.PROFILE_NOT_FOUND, _("The recording has expired.")) from None


def download(profile: Profile, format_name: str, session: dict[str, Any]) -> HttpResponseBase:
    """A recording as a file to save."""
    return file_response(export.FORMATS[format_name], session, name=file_name(profile))


def file_response(chosen: Format[Source], source: Source, *, name: str) -> HttpResponseBase:
    """Something written down as a file to save; `name` is without suffix. Raises ApiError (422, 10001)."""
    try:
        content = chosen.render(source)
    except NotRenderable as error:
        raise ApiError(ErrorCode.PARAMETER_ERROR, str(error), status=422) from error
    response: HttpResponseBase
    if isinstance(content, str | bytes):
        response = HttpResponse(content, content_type=chosen.content_type)
    else:
        response = StreamingHttpResponse(content, content_type=chosen.content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}.{chosen.suffix}"'
    response["Content-Security-Policy"] = SANDBOX
    response["X-Content-Type-Options"] = "nosniff"
    return response


def file_name(profile: Profile) -> str:
    """A name for files about the profile that every system takes: `GET-api-cart-0af76519`."""
    words = plain_words(f"{profile.method} {profile.endpoint}")
    return f"{words or 'profile'}-{profile.pk[:8]}"


def plain_words(text: str) -> str:
    """What of a text can stand in the name of a file everywhere; perhaps nothing."""
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-")[:60]
