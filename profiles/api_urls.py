from __future__ import annotations

from django.urls import path

from profiles import ingest
from profiles.api import compare, endpoints, exports, functions, keep, lists, stats, trees, upload

urlpatterns = [
    path("ingest/", ingest.IngestView.as_view(), name="ingest"),
    path("upload/", upload.UploadView.as_view(), name="api-upload"),
    path("projects/<str:project_id>/profiles/", lists.ProfileListView.as_view(), name="api-profiles"),
    path("projects/<str:project_id>/endpoints/", endpoints.EndpointListView.as_view(), name="api-endpoints"),
    path("projects/<str:project_id>/functions/", functions.FunctionListView.as_view(), name="api-functions"),
    path(
        "projects/<str:project_id>/versions/compare/",
        compare.CompareView.as_view(),
        name="api-compare",
    ),
    path(
        "projects/<str:project_id>/versions/compare/functions/",
        compare.CompareFunctionsView.as_view(),
        name="api-compare-functions",
    ),
    path("projects/<str:project_id>/stats/", stats.StatsView.as_view(), name="api-stats"),
    path("projects/<str:project_id>/tree/folded/", trees.FoldedTreeView.as_view(), name="api-tree-folded"),
    path(
        "projects/<str:project_id>/tree/speedscope/",
        trees.SpeedscopeTreeView.as_view(),
        name="api-tree-speedscope",
    ),
    path("projects/<str:project_id>/tree/pprof/", trees.PprofTreeView.as_view(), name="api-tree-pprof"),
    path("profiles/<str:profile_id>/", lists.ProfileView.as_view(), name="api-profile"),
    path("profiles/<str:profile_id>/keep/", keep.KeepView.as_view(), name="api-keep"),
    path("profiles/<str:profile_id>/session/", exports.SessionView.as_view(), name="api-session"),
    path("profiles/<str:profile_id>/html/", exports.HtmlView.as_view(), name="api-profile-html"),
    path(
        "profiles/<str:profile_id>/speedscope/",
        exports.SpeedscopeView.as_view(),
        name="api-profile-speedscope",
    ),
    path("profiles/<str:profile_id>/text/", exports.TextView.as_view(), name="api-profile-text"),
    path("profiles/<str:profile_id>/pstats/", exports.PstatsView.as_view(), name="api-profile-pstats"),
    path("profiles/<str:profile_id>/folded/", exports.FoldedView.as_view(), name="api-profile-folded"),
    path("profiles/<str:profile_id>/pprof/", exports.PprofView.as_view(), name="api-profile-pprof"),
]
