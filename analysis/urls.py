from __future__ import annotations

from django.urls import path

from analysis.views import decide, findings, fragments

app_name = "analysis"
urlpatterns = [
    path("projects/<slug:slug>/findings/", findings.findings, name="findings"),
    path("projects/<slug:slug>/findings/decide/", decide.decide, name="decide"),
    path("projects/<slug:slug>/endpoint/findings/", fragments.endpoint_findings, name="endpoint_findings"),
    path("projects/<slug:slug>/endpoint/prompt/", fragments.endpoint_prompt, name="endpoint_prompt"),
    path("profiles/<str:profile_id>/findings/", fragments.profile_findings, name="profile_findings"),
    path("profiles/<str:profile_id>/prompt/", fragments.profile_prompt, name="profile_prompt"),
]
