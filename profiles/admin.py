"""Django admin: a look at what came in last. Nothing here is made or changed by hand."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from bson import ObjectId
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db import models
from django.http import HttpRequest

from perfplatform import mongo
from profiles.models import Ledger, Profile
from projects.admin import MongoAdmin

NEWEST_ROWS = 500
OF_PROJECT = "project__id__exact"


class NewestChangeList(ChangeList):
    """The rows that came in last, of all projects or of one; the admin's own order would read every row."""

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> Any:
        asked = request.GET.get(OF_PROJECT, "")
        query = {"project_id": ObjectId(asked)} if ObjectId.is_valid(asked) else {}
        order = [(cast(NewestAdmin, self.model_admin).newest_by if query else "expires_at", -1)]
        rows = mongo.collection(self.model).find(query, {"_id": 1}, sort=order, limit=NEWEST_ROWS)
        self.root_queryset = self.root_queryset.filter(pk__in=[row["_id"] for row in rows])
        return super().get_queryset(request, exclude_parameters)


class NewestAdmin(MongoAdmin):
    """For looking, not for touching."""

    newest_by: ClassVar[str]
    list_filter: ClassVar[Any] = ("project",)
    ordering = ("-pk",)

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[ChangeList]:
        return NewestChangeList

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        # One query for the projects of a page; a join would come before the limit.
        return super().get_queryset(request).prefetch_related("project")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Profile)
class ProfileAdmin(NewestAdmin):
    newest_by = "started_at"
    list_display = ("endpoint", "kind", "status", "duration_us", "version_name", "project", "started_at")
    list_filter = ("project", "kind", "trigger", "is_error")
    search_fields = ("endpoint", "=id")


@admin.register(Ledger)
class LedgerAdmin(NewestAdmin):
    newest_by = "minute"
    list_display = ("hostname", "minute", "seq", "version_name", "environment", "project", "dropped")
    search_fields = ("hostname", "instance")
    exclude = ("data",)
