from __future__ import annotations

from django.urls import path

from analysis import api

urlpatterns = [
    path("projects/<str:project_id>/findings/", api.FindingListView.as_view(), name="api-findings"),
    path(
        "projects/<str:project_id>/findings/<str:finding_id>/", api.FindingView.as_view(), name="api-finding"
    ),
]
