from __future__ import annotations

from django.urls import path

from profiles import views

app_name = "profiles"
urlpatterns = [
    path("activity/", views.activity, name="activity"),
    path("projects/<slug:slug>/", views.project, name="project"),
    path("projects/<slug:slug>/first-profile/", views.first_profile, name="first_profile"),
    path("profiles/<str:profile_id>/", views.detail, name="detail"),
]
