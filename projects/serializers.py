"""How projects and what belongs to them look in the REST API."""

from __future__ import annotations

from typing import Any, ClassVar

from django_mongodb_backend.fields import ObjectIdAutoField
from rest_framework import serializers

from projects.models import Deploy, Key, Member, Project, Version


class ModelSerializer(serializers.ModelSerializer[Any]):
    """DRF's, knowing that an id of MongoDB is text outside."""

    serializer_field_mapping: ClassVar[dict[Any, Any]] = {
        **serializers.ModelSerializer.serializer_field_mapping,
        ObjectIdAutoField: serializers.CharField,
    }


class ProjectSerializer(ModelSerializer):
    # Uniqueness has a code of its own (20002), which the view gives.
    name = serializers.CharField(max_length=100)

    class Meta:
        model = Project
        fields = (
            "id",
            "name",
            "slug",
            "description",
            "status",
            "retention_days",
            "language",
            "time_zone",
            "created_at",
        )
        read_only_fields = ("id", "slug", "created_at")

    def validate_status(self, value: str) -> str:
        if value == Project.Status.DELETING:
            raise serializers.ValidationError("DELETE the project instead.")
        return value


class KeySerializer(ModelSerializer):
    kind = serializers.ChoiceField(choices=Key.Kind.choices, default=Key.Kind.INGEST)

    class Meta:
        model = Key
        fields = ("id", "kind", "name", "prefix", "created_at", "last_used_at", "revoked_at")
        read_only_fields = ("id", "prefix", "created_at", "last_used_at", "revoked_at")


class IssuedKeySerializer(KeySerializer):
    """A key on the day it is made."""

    secret = serializers.CharField(read_only=True)

    class Meta(KeySerializer.Meta):
        fields = (*KeySerializer.Meta.fields, "secret")  # type: ignore[assignment]


class MemberSerializer(ModelSerializer):
    username = serializers.CharField(source="user.username", max_length=150)

    class Meta:
        model = Member
        fields = ("id", "username", "role")
        read_only_fields = ("id",)

    def to_internal_value(self, data: Any) -> Any:
        fields = super().to_internal_value(data)
        user = fields.pop("user", None)
        return {**fields, **({"username": user["username"]} if user else {})}

    def validate(self, attrs: Any) -> Any:
        return attrs if self.instance else {"role": Member.Role.VIEWER, **attrs}


class VersionSerializer(ModelSerializer):
    class Meta:
        model = Version
        fields = (
            "id",
            "name",
            "commit",
            "branch",
            "author",
            "notes",
            "status",
            "first_seen_at",
            "last_seen_at",
        )
        read_only_fields = ("id", "name", "first_seen_at", "last_seen_at")


class DeploySerializer(ModelSerializer):
    version = serializers.CharField(max_length=128, source="version.name")
    commit = serializers.CharField(
        max_length=64, required=False, default="", allow_blank=True, write_only=True
    )
    branch = serializers.CharField(
        max_length=255, required=False, default="", allow_blank=True, write_only=True
    )
    at = serializers.DateTimeField(required=False, allow_null=True, default=None)

    class Meta:
        model = Deploy
        fields = ("id", "version", "commit", "branch", "environment", "at", "source")
        read_only_fields = ("id", "source")

    def to_internal_value(self, data: Any) -> Any:
        fields = super().to_internal_value(data)
        return {**fields, "version": fields["version"]["name"]}
