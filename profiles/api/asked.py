"""Which measurements are asked for: the parameters that several addresses have in common."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Protocol, TypeVar
from zoneinfo import ZoneInfo

from bson import ObjectId
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request

from perfplatform.errors import ApiError, ErrorCode
from perfplatform.pagination import LARGEST_PAGE, describe
from profiles.grain import LIFETIMES, Grain
from profiles.models import Profile
from profiles.rollup import ALL, EndpointKey
from profiles.trends import Period
from projects.clock import zone_of_project
from projects.models import Project, Version

LONGEST: Final = LIFETIMES[Grain.DAY]
DEFAULT_PERIOD: Final = "24h"
UNITS: Final = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
PERIOD: Final = re.compile(r"\A([1-9][0-9]{0,5})([mhdw])\Z")
KINDS: Final = tuple(Profile.Kind.values)

Item = TypeVar("Item")


class Named(Protocol):
    """Something of an endpoint."""

    @property
    def endpoint(self) -> EndpointKey: ...


def choice(*allowed: str, **options: Any) -> serializers.ChoiceField:
    """A field that says what is allowed where it is given something else."""
    message = format_lazy(_("Choose one of: {allowed}."), allowed=", ".join(allowed))
    return serializers.ChoiceField(choices=allowed, error_messages={"invalid_choice": message}, **options)


def exact(longest: int, **options: Any) -> serializers.CharField:
    """A field of a name as it was sent, spaces included."""
    return serializers.CharField(required=False, max_length=longest, trim_whitespace=False, **options)


class ScopeQuery(serializers.Serializer[Any]):
    """Of which version and environment, and of when. Its context has the project and the time it is."""

    version = exact(128, allow_blank=True, help_text="name of a version; all without it")
    environment = exact(64, allow_blank=True, help_text="all without it")
    period = serializers.CharField(
        required=False,
        help_text="up to now, in minutes, hours, days or weeks: `30m`, `24h` (the default), `7d`, `4w`",
    )
    start = serializers.DateTimeField(required=False, help_text="instead of `period`, ISO 8601")
    end = serializers.DateTimeField(required=False, help_text="with `start`; now without it")

    def validate_version(self, name: str) -> ObjectId | None:
        if not name:
            return None
        found = Version.objects.filter(project=self.context["project"], name=name).first()
        if found is None:
            raise serializers.ValidationError(_("This project has no version of that name."))
        version_id: ObjectId = found.pk
        return version_id

    def validate_period(self, text: str) -> timedelta:
        read = PERIOD.match(text)
        if read is None or (length := int(read[1]) * UNITS[read[2]]) > LONGEST:
            raise serializers.ValidationError(
                _("Write it as 30m, 24h, 7d or 4w; nothing is kept for longer than 730 days.")
            )
        return length

    def validate_start(self, start: datetime) -> datetime:
        if not self.now - LONGEST <= start < self.now:
            raise serializers.ValidationError(
                _("It must be in the past; nothing is kept for longer than 730 days.")
            )
        return start

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "period" in attrs and ("start" in attrs or "end" in attrs):
            raise serializers.ValidationError({"period": _("Give either a period, or start and end.")})
        if "end" in attrs and "start" not in attrs:
            raise serializers.ValidationError({"start": _("An end needs a start.")})
        end = min(attrs.get("end", self.now), self.now)
        start = attrs.get("start") or end - attrs.get("period", self.validate_period(DEFAULT_PERIOD))
        if start >= end:
            raise serializers.ValidationError({"end": _("The end must come after the beginning.")})
        return {**attrs, "start": start, "end": end}

    @property
    def now(self) -> datetime:
        now: datetime = self.context["now"]
        return now

    @property
    def zone(self) -> ZoneInfo:
        """Hours and days are those of the project's clocks."""
        return zone_of_project(self.context["project"])

    @property
    def chosen(self) -> dict[str, Any]:
        """Version and environment as managers take them."""
        asked = self.validated_data
        return {"version_id": asked.get("version"), "environment": asked.get("environment") or None}

    def period_of(self, most: int) -> Period:
        """What was asked for, in at most so many stretches."""
        asked = self.validated_data
        return Period.of(asked["start"], asked["end"], now=self.now, zone=self.zone, most=most)


class EndpointQuery(ScopeQuery):
    """Of one endpoint, by kind, method and route; of all of a kind; or of everything."""

    kind = choice(*KINDS, required=False)
    method = exact(16, allow_blank=True, help_text="of a request: `GET`; goes with `route`")
    route = exact(512, help_text="the endpoint’s pattern, as lists show it; goes with `kind`")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        if "route" not in attrs:
            if "method" in attrs:
                raise serializers.ValidationError({"route": _("A method alone names no endpoint.")})
            return attrs
        if "kind" not in attrs:
            message = format_lazy(_("Choose one of: {allowed}."), allowed=", ".join(KINDS))
            raise serializers.ValidationError({"kind": message})
        if attrs["kind"] == Profile.Kind.REQUEST and "method" not in attrs:
            raise serializers.ValidationError(
                {"method": _("Name the HTTP method of the endpoint, such as GET.")}
            )
        return attrs

    @property
    def endpoint(self) -> EndpointKey:
        """As managers take it; see profiles.rollup.EndpointKey for sums."""
        asked = self.validated_data
        return EndpointKey(asked.get("kind", ALL), asked.get("method", ""), asked.get("route", ALL))


class PageQuery(serializers.Serializer[Any]):
    """Which page of a list."""

    page = serializers.IntegerField(default=1, min_value=1, max_value=10_000)
    page_size = serializers.IntegerField(default=25, min_value=1, max_value=LARGEST_PAGE)


class PagesSerializer(serializers.Serializer[Any]):
    """Where in a list a page is."""

    page = serializers.IntegerField()
    page_size = serializers.IntegerField()
    total = serializers.IntegerField()
    total_pages = serializers.IntegerField()
    has_next = serializers.BooleanField()
    has_prev = serializers.BooleanField()


class PeriodSerializer(serializers.Serializer[Period]):
    """What was looked at: whole stretches, so that it may begin earlier than was asked for."""

    grain = choice(*(grain.value for grain in Grain))
    start = serializers.DateTimeField()
    end = serializers.DateTimeField()


Query = TypeVar("Query", bound=ScopeQuery)


def read(query: type[Query], request: Request, project: Project) -> Query:
    """What an address asks for. Raises ValidationError, which answers 10001 with the parameter's name."""
    asked = query(data=request.query_params, context={"project": project, "now": timezone.now()})
    asked.is_valid(raise_exception=True)
    return asked


def paged(items: Sequence[Item], asked: Mapping[str, Any]) -> tuple[Sequence[Item], dict[str, Any]]:
    """The page of `items` that is asked for and its `pagination`. Raises ApiError (404, 10001)."""
    page, size = asked["page"], asked["page_size"]
    found = items[(page - 1) * size : page * size]
    if page > 1 and not found:
        raise ApiError(ErrorCode.PARAMETER_ERROR, _("page: there are fewer pages."), status=404)
    return found, describe(page=page, page_size=size, total=len(items))


def matches(text: str) -> Any:
    """Tells of something of an endpoint whether `text` is in its method and route, in any case."""
    wanted = text.casefold()
    return lambda row: wanted in f"{row.endpoint.method} {row.endpoint.route}".casefold()
