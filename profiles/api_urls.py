from __future__ import annotations

from django.urls import path

from profiles import api, ingest

urlpatterns = [
    path("ingest/", ingest.IngestView.as_view(), name="ingest"),
    path("projects/<str:project_id>/profiles/", api.ProfileListView.as_view(), name="api-profiles"),
    path("profiles/<str:profile_id>/", api.ProfileView.as_view(), name="api-profile"),
    path("profiles/<str:profile_id>/session/", api.SessionView.as_view(), name="api-session"),
    path("profiles/<str:profile_id>/html/", api.HtmlView.as_view(), name="api-profile-html"),
    path(
        "profiles/<str:profile_id>/speedscope/", api.SpeedscopeView.as_view(), name="api-profile-speedscope"
    ),
    path("profiles/<str:profile_id>/text/", api.TextView.as_view(), name="api-profile-text"),
]
