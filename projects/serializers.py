"""How projects and what belongs to them look in the REST API."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from django_mongodb_backend.fields import ObjectIdAutoField
from rest_framework import serializers

from projects import sdk_settings
from projects.models import Deploy, Key, Member, Project, RecordingOrder, Version


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
            "daily_profiles",
            "slowest_kept",
            "slowest_days",
            "storage_quota_bytes",
            "language",
            "time_zone",
            "created_at",
        )
        read_only_fields = ("id", "slug", "created_at")

    def validate_status(self, value: str) -> str:
        if value == Project.Status.DELETING:
            raise serializers.ValidationError("DELETE the project instead.")
        return value

    def update(self, instance: Project, validated_data: dict[str, Any]) -> Project:
        """Writes what was said and nothing else: the rest may be changing meanwhile."""
        for name, value in validated_data.items():
            setattr(instance, name, value)
        instance.save(update_fields=list(validated_data))
        return instance


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


class MeasureField(serializers.FloatField):
    """A finite number of seconds, or a share; null leaves it to the SDK."""

    def __init__(self, name: str) -> None:
        least, most = sdk_settings.MEASURES[name]
        super().__init__(min_value=least, max_value=most, allow_null=True, default=None)

    def to_internal_value(self, data: Any) -> float:
        value = super().to_internal_value(data)
        if not math.isfinite(value):
            self.fail("invalid")
        return value


class RateField(serializers.IntegerField):
    """Profiles a minute of each endpoint in each process; null leaves it to the SDK."""

    def __init__(self) -> None:
        least, most = map(int, sdk_settings.RATE)
        super().__init__(min_value=least, max_value=most, allow_null=True, default=None)


class PatternsField(serializers.ListField):
    """Route patterns: `*` stands for anything, and `GET /route` holds for one method."""

    child = serializers.CharField(max_length=sdk_settings.LONGEST_PATTERN)

    def __init__(self) -> None:
        super().__init__(max_length=sdk_settings.MOST_PATTERNS, default=list)


class SdkSettingsSerializer(serializers.Serializer[Any]):
    """What the SDKs of a project are told. docs/wire.md, section 6."""

    enabled = serializers.BooleanField(default=True)
    engine = serializers.ChoiceField(choices=sdk_settings.ENGINES, allow_null=True, default=None)
    sample_interval = MeasureField("sample_interval")
    slow_threshold = MeasureField("slow_threshold")
    overhead_budget = MeasureField("overhead_budget")
    keep_per_minute = RateField()
    keep_slow_per_minute = RateField()
    keep_error_per_minute = RateField()
    include = PatternsField()
    exclude = PatternsField()


class RecordingOrderSerializer(ModelSerializer):
    """The next requests of an endpoint, to be kept whole. Tasks and functions have no method."""

    count = serializers.IntegerField(
        min_value=int(sdk_settings.COUNT.least), max_value=int(sdk_settings.COUNT.most)
    )
    minutes = serializers.IntegerField(
        min_value=int(sdk_settings.MINUTES.least), max_value=int(sdk_settings.MINUTES.most), write_only=True
    )

    class Meta:
        model = RecordingOrder
        fields = ("id", "method", "route", "count", "minutes", "until")
        read_only_fields = ("id", "until")

    def validate_method(self, value: str) -> str:
        return value.upper()


class SdkConfigSerializer(SdkSettingsSerializer):
    """The settings with the recordings that are asked for."""

    requests = RecordingOrderSerializer(many=True)
