"""Django admin for what the platform's administrators look after."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from projects.models import Deploy, Key, Member, Project, Token, User, Version


class MongoAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Spares MongoDB what it does badly: joins in lists, counting twice, deleting through a subquery."""

    show_full_result_count = False
    list_select_related = False
    list_per_page = 50

    def delete_queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> None:
        chosen = list(queryset.values_list("pk", flat=True))
        self.model._default_manager.filter(pk__in=chosen).delete()


@admin.register(User)
class UserAdmin(MongoAdmin, DjangoUserAdmin):  # type: ignore[type-arg]
    list_display = ("username", "email", "is_active", "is_staff", "last_login")
    list_filter = ("is_active", "is_staff", "is_superuser")
    fieldsets = (
        *(DjangoUserAdmin.fieldsets or ()),
        (_("Pages"), {"fields": ("language", "theme", "time_zone")}),
    )


class MemberInline(admin.TabularInline):  # type: ignore[type-arg]
    model = Member
    extra = 0
    raw_id_fields = ("user",)


@admin.register(Project)
class ProjectAdmin(MongoAdmin):
    list_display = ("name", "slug", "status", "retention_days", "language", "time_zone", "created_at")
    list_filter = ("status", "language")
    search_fields = ("name", "slug", "description")
    prepopulated_fields: ClassVar = {"slug": ("name",)}
    readonly_fields = ("created_at", "created_by")
    inlines = (MemberInline,)

    def delete_model(self, request: HttpRequest, obj: Project) -> None:
        """It goes with everything in it, in the background."""
        obj.mark_for_deletion(by=request.user)

    def delete_queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> None:
        for project in queryset:
            project.mark_for_deletion(by=request.user)


@admin.register(Member)
class MemberAdmin(MongoAdmin):
    list_display = ("user_name", "project_name", "role")
    list_filter = ("role",)
    raw_id_fields = ("project", "user")

    @admin.display(description=_("user"))
    def user_name(self, member: Member) -> str:
        return str(member.user)

    @admin.display(description=_("project"))
    def project_name(self, member: Member) -> str:
        return str(member.project)


class CredentialAdmin(MongoAdmin):
    """Credentials are issued on pages that show the secret once; here they are revoked."""

    readonly_fields: ClassVar[tuple[str, ...]] = ("prefix", "created_at", "last_used_at")
    search_fields = ("name", "prefix")
    actions = ("revoke",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @admin.action(description=_("Revoke the selected"))
    def revoke(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> None:
        for credential in queryset:
            credential.revoke()


@admin.register(Key)
class KeyAdmin(CredentialAdmin):
    list_display = ("name", "kind", "prefix", "created_at", "last_used_at", "revoked_at")
    list_filter = ("kind",)
    readonly_fields: ClassVar[tuple[str, ...]] = (
        *CredentialAdmin.readonly_fields,
        "project",
        "kind",
        "created_by",
    )


@admin.register(Token)
class TokenAdmin(CredentialAdmin):
    list_display = ("name", "prefix", "created_at", "last_used_at", "revoked_at")
    readonly_fields: ClassVar[tuple[str, ...]] = (*CredentialAdmin.readonly_fields, "user")


@admin.register(Version)
class VersionAdmin(MongoAdmin):
    list_display = ("name", "commit", "branch", "status", "first_seen_at", "last_seen_at")
    list_filter = ("status",)
    search_fields = ("name", "commit", "branch")
    raw_id_fields = ("project",)


@admin.register(Deploy)
class DeployAdmin(MongoAdmin):
    list_display = ("environment", "source", "at")
    list_filter = ("source", "environment")
    search_fields = ("environment",)
    raw_id_fields = ("project", "version")
    readonly_fields = ("source",)
