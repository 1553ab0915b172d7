from __future__ import annotations

from django.urls import include, path

from projects import converters  # noqa: F401 - registers object_id.
from projects.views import account, deletion, projects, search, settings

pages = [
    path("", projects.project_list, name="list"),
    path("search/", search.search, name="search"),
    path("projects/new/", projects.create, name="create"),
    path("projects/<slug:slug>/setup/", projects.setup, name="setup"),
    path("projects/<slug:slug>/settings/", settings.general, name="settings"),
    path("projects/<slug:slug>/settings/general/", settings.change, name="change"),
    path("projects/<slug:slug>/settings/retention/", settings.change_retention, name="change_retention"),
    path("projects/<slug:slug>/settings/source/", settings.change_source_link, name="change_source_link"),
    path("projects/<slug:slug>/settings/sampling/", settings.change_sampling, name="change_sampling"),
    path("projects/<slug:slug>/delete/", settings.delete, name="delete"),
    path("projects/<slug:slug>/keys/", settings.create_key, name="create_key"),
    path("projects/<slug:slug>/keys/<object_id:key_id>/revoke/", settings.revoke_key, name="revoke_key"),
    path("projects/<slug:slug>/members/", settings.add_member, name="add_member"),
    path("projects/<slug:slug>/members/<object_id:member_id>/", settings.change_member, name="change_member"),
    path(
        "projects/<slug:slug>/members/<object_id:member_id>/remove/",
        settings.remove_member,
        name="remove_member",
    ),
    path("deletions/<object_id:deletion_id>/", deletion.deletion, name="deletion"),
    path("account/", account.account, name="account"),
    path("account/password/", account.change_password, name="change_password"),
    path("account/theme/", account.choose_theme, name="choose_theme"),
    path("account/tokens/", account.create_token, name="create_token"),
    path("account/tokens/<object_id:token_id>/revoke/", account.revoke_token, name="revoke_token"),
]

urlpatterns = [
    path("login/", account.login, name="login"),
    path("logout/", account.logout, name="logout"),
    path("", include((pages, "projects"))),
]
