from __future__ import annotations

from django.urls import path

from profiles.views import arrival, detail, project

app_name = "profiles"
urlpatterns = [
    path("activity/", arrival.activity, name="activity"),
    path("projects/<slug:slug>/", project.project, name="project"),
    path("projects/<slug:slug>/first-profile/", arrival.first_profile, name="first_profile"),
    path("profiles/<str:profile_id>/", detail.detail, name="detail"),
]
