from __future__ import annotations

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from projects import api, sdk_api

projects = SimpleRouter()
projects.register("projects", api.ProjectViewSet, basename="api-project")

below = SimpleRouter()
below.register("keys", api.KeyViewSet, basename="api-key")
below.register("members", api.MemberViewSet, basename="api-member")
below.register("versions", api.VersionViewSet, basename="api-version")
below.register("deploys", api.DeployViewSet, basename="api-deploy")

urlpatterns = [
    path("sdk-config/", sdk_api.SdkConfigView.as_view(), name="api-sdk-config"),
    path(
        "projects/<str:project_id>/sdk-settings/",
        sdk_api.SdkSettingsView.as_view(),
        name="api-sdk-settings",
    ),
    path(
        "projects/<str:project_id>/recordings/",
        sdk_api.RecordingOrderView.as_view(),
        name="api-recordings",
    ),
    path("projects/<str:project_id>/", include(below.urls)),
    path("", include(projects.urls)),
]
