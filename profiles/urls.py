from __future__ import annotations

from django.urls import path

from profiles.views import (
    arrival,
    compare,
    detail,
    endpoint,
    endpoints,
    figures,
    functions,
    intake,
    keep,
    metrics,
    profile_list,
    project,
    search,
    storage,
    upload,
)

app_name = "profiles"
urlpatterns = [
    path("metrics", metrics.metrics, name="metrics"),
    path("activity/", arrival.activity, name="activity"),
    path("projects/<slug:slug>/", project.project, name="project"),
    path("projects/<slug:slug>/chosen-profiles/", project.chosen_profiles, name="chosen_profiles"),
    path("projects/<slug:slug>/compare/", compare.compare, name="compare"),
    path("projects/<slug:slug>/compare/latest/", compare.latest_verdict, name="latest_verdict"),
    path("projects/<slug:slug>/endpoints/", endpoints.endpoints, name="endpoints"),
    path("projects/<slug:slug>/endpoints.csv", endpoints.endpoints_csv, name="endpoints_csv"),
    path("projects/<slug:slug>/endpoint/", endpoint.endpoint, name="endpoint"),
    path("projects/<slug:slug>/endpoint/profiles/", endpoint.endpoint_profiles, name="endpoint_profiles"),
    path("projects/<slug:slug>/functions/", functions.functions, name="functions"),
    path("projects/<slug:slug>/functions.csv", functions.functions_csv, name="functions_csv"),
    path("projects/<slug:slug>/search/", search.search, name="search"),
    path("projects/<slug:slug>/profiles/", profile_list.profiles, name="profiles"),
    path("projects/<slug:slug>/figures.csv", figures.figures_csv, name="figures_csv"),
    path("projects/<slug:slug>/profiles.csv", profile_list.profiles_csv, name="profiles_csv"),
    path("projects/<slug:slug>/first-profile/", arrival.first_profile, name="first_profile"),
    path("projects/<slug:slug>/upload/", upload.upload, name="upload"),
    path("projects/<slug:slug>/settings/ingest/", intake.health, name="health"),
    path("projects/<slug:slug>/settings/instances/", intake.instances, name="instances"),
    path("projects/<slug:slug>/settings/ingest.csv", intake.health_csv, name="health_csv"),
    path("projects/<slug:slug>/settings/instances.csv", intake.instances_csv, name="instances_csv"),
    path("projects/<slug:slug>/storage/", storage.storage, name="storage"),
    path("profiles/<str:profile_id>/", detail.detail, name="detail"),
    path("profiles/<str:profile_id>/keep/", keep.keep, name="keep"),
]
