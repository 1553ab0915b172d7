from __future__ import annotations

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_update
from django.contrib import admin
from django.http import HttpRequest, JsonResponse
from django.urls import URLPattern, URLResolver, include, path, re_path
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer

from perfplatform import envelope, health


def unknown_api_path(request: HttpRequest) -> JsonResponse:
    return envelope.answer(404)


# Swagger UI writes style attributes; scripts stay forbidden there as everywhere.
api_documentation = csp_update({"style-src": [SELF, UNSAFE_INLINE]})(
    SpectacularSwaggerSplitView.as_view(url_name="api-schema")
)

api: list[URLPattern | URLResolver] = [
    path("", include("analysis.api_urls")),
    path("", include("profiles.api_urls")),
    path("", include("projects.api_urls")),
    path(
        "schema/",
        SpectacularJSONAPIView.as_view(
            authentication_classes=[], permission_classes=[AllowAny], renderer_classes=[JSONRenderer]
        ),
        name="api-schema",
    ),
    path("docs/", api_documentation, name="api-docs"),
    re_path("", unknown_api_path),
]

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("api/v1/", include(api)),
    path("api/", unknown_api_path),
    path("sdk/", include("perfplatform.sdk_index")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("admin/", admin.site.urls),
    path("", include("projects.urls")),
    path("", include("profiles.urls")),
    path("", include("analysis.urls")),
]

handler400 = "perfplatform.pages.bad_request"
handler403 = "perfplatform.pages.permission_denied"
handler404 = "perfplatform.pages.not_found"
handler500 = "perfplatform.pages.server_error"
