"""How profiles look in the REST API, and what a list of them can be asked for."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from perfplatform.pagination import LARGEST_PAGE
from profiles.bounds import LARGEST_INTEGER
from profiles.models import Profile
from profiles.queries import Order, ProfileFilters


class ProfileSerializer(serializers.Serializer[Profile]):
    """A profile in a list."""

    id = serializers.CharField()
    project_id = serializers.CharField()
    kind = serializers.ChoiceField(choices=Profile.Kind.choices)
    endpoint = serializers.CharField()
    method = serializers.CharField()
    status = serializers.IntegerField(allow_null=True)
    error_type = serializers.CharField()
    is_error = serializers.BooleanField()
    version = serializers.CharField(source="version_name")
    version_id = serializers.CharField()
    environment = serializers.CharField()
    started_at = serializers.DateTimeField()
    duration_us = serializers.IntegerField()
    cpu_us = serializers.IntegerField()
    engine = serializers.CharField()
    interval_us = serializers.IntegerField()
    trigger = serializers.ChoiceField(choices=Profile.Trigger.choices)
    streaming = serializers.BooleanField()
    trace_id = serializers.CharField()
    sample_count = serializers.IntegerField()
    received_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    is_kept = serializers.BooleanField(help_text="somebody chose to keep it")


class CallerSerializer(serializers.Serializer[Any]):
    function = serializers.CharField()
    file = serializers.CharField()
    line = serializers.IntegerField()


class CounterSerializer(serializers.Serializer[Any]):
    type = serializers.ChoiceField(choices=["db", "http"])
    caller = CallerSerializer()
    fingerprint = serializers.CharField()
    count = serializers.IntegerField()
    total_us = serializers.IntegerField()


class ProfileDetailSerializer(ProfileSerializer):
    """A profile alone, with all but its recording."""

    instance = serializers.CharField()  # type: ignore[assignment]
    hostname = serializers.CharField()
    pid = serializers.IntegerField()
    python = serializers.CharField()
    framework = serializers.CharField()
    tags = serializers.DictField(child=serializers.CharField())
    counters = CounterSerializer(many=True)


class PaginationSerializer(serializers.Serializer[Any]):
    page = serializers.IntegerField(allow_null=True, help_text="null on a page that a cursor asked for")
    page_size = serializers.IntegerField()
    total = serializers.IntegerField(help_text="exact to 10000")
    total_is_capped = serializers.BooleanField()
    total_pages = serializers.IntegerField()
    has_next = serializers.BooleanField()
    has_prev = serializers.BooleanField()
    next_cursor = serializers.CharField(allow_null=True)


class ProfileListSerializer(serializers.Serializer[Any]):
    items = ProfileSerializer(many=True)
    pagination = PaginationSerializer()


class ProfileQuerySerializer(serializers.Serializer[Any]):
    """The query string of a list."""

    endpoint = serializers.CharField(required=False, allow_blank=True, max_length=512, trim_whitespace=False)
    kind = serializers.ChoiceField(required=False, allow_blank=True, choices=Profile.Kind.choices)
    version = serializers.CharField(
        required=False, allow_blank=True, max_length=128, trim_whitespace=False, help_text="name of a version"
    )
    environment = serializers.CharField(
        required=False, allow_blank=True, max_length=64, trim_whitespace=False
    )
    status = serializers.RegexField(
        r"\A(ok|error|[1-5][0-9]{2})\Z",
        required=False,
        allow_blank=True,
        help_text="`ok`, `error` (an unhandled exception or a status of 500 and more) or an HTTP status",
    )
    exception = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=256,
        trim_whitespace=False,
        help_text="qualified name of an unhandled exception",
    )
    trigger = serializers.ChoiceField(required=False, allow_blank=True, choices=Profile.Trigger.choices)
    tag = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=265,
        trim_whitespace=False,
        help_text="a tag and its value: `tenant=acme`",
    )
    trace_id = serializers.CharField(required=False, allow_blank=True, max_length=64, trim_whitespace=False)
    host = serializers.CharField(required=False, allow_blank=True, max_length=255, trim_whitespace=False)
    min_duration_us = serializers.IntegerField(required=False, min_value=0, max_value=LARGEST_INTEGER)
    max_duration_us = serializers.IntegerField(required=False, min_value=0, max_value=LARGEST_INTEGER)
    since = serializers.DateTimeField(required=False, help_text="started then or later, ISO 8601")
    until = serializers.DateTimeField(required=False, help_text="started before, ISO 8601")
    order = serializers.ChoiceField(
        choices=[order.value for order in Order], default=Order.NEWEST.value, help_text="what comes first"
    )
    page = serializers.IntegerField(default=1, min_value=1, max_value=10_000)
    page_size = serializers.IntegerField(default=25, min_value=1, max_value=LARGEST_PAGE)
    cursor = serializers.CharField(
        required=False,
        max_length=200,
        help_text="`next_cursor` of the page before, of the same filters and order; instead of `page`",
    )

    def validate_tag(self, value: str) -> str:
        if value and "=" not in value:
            raise serializers.ValidationError(_("Write a tag as name=value."))
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "since" in attrs and "until" in attrs and attrs["since"] >= attrs["until"]:
            raise serializers.ValidationError({"until": _("The end must come after the beginning.")})
        shortest, longest = attrs.get("min_duration_us", 0), attrs.get("max_duration_us", LARGEST_INTEGER)
        if shortest > longest:
            raise serializers.ValidationError({"max_duration_us": _("It must not be less than the least.")})
        return attrs

    def filters(self) -> ProfileFilters:
        names = (field.name for field in fields(ProfileFilters))
        return ProfileFilters(**{n: self.validated_data[n] for n in names if n in self.validated_data})
