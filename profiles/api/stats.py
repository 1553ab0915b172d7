"""REST API: what was measured of an endpoint, of a kind or of everything; over time or by group."""

from __future__ import annotations

from typing import Any, Final

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from perfplatform.pagination import describe
from profiles.api import asked
from profiles.api.asked import EndpointQuery, PageQuery, PagesSerializer, PeriodSerializer, choice
from profiles.api.measured import MeasuredSerializer, measured_fields, period_fields
from profiles.grain import MOST_POINTS
from profiles.models import Rollup
from profiles.trends import MOST_STRETCHES, Group
from projects.api import project_of
from projects.models import Project

NONE, BY_ENDPOINT = "none", "endpoint"
GROUPS: Final = (NONE, BY_ENDPOINT, *(group.value for group in Group))


class StatsQuery(EndpointQuery, PageQuery):
    """The query string."""

    group_by = choice(
        *GROUPS, default=NONE, help_text="`none` gives points over time, at most 400 and all on one page"
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        if attrs["group_by"] == BY_ENDPOINT and "route" in attrs:
            raise serializers.ValidationError(
                {"group_by": _("One endpoint is not grouped by endpoint: leave out the route.")}
            )
        return attrs


class StatsItemSerializer(MeasuredSerializer):
    """One point or group. Which of the first five there are depends on `group_by`."""

    start = serializers.DateTimeField(required=False, help_text="of `none`: when the stretch begins")
    version = serializers.CharField(required=False)
    environment = serializers.CharField(required=False)
    kind = serializers.CharField(required=False)
    method = serializers.CharField(required=False)
    route = serializers.CharField(required=False)


class StatsSerializer(serializers.Serializer[Any]):
    group_by = choice(*GROUPS)
    period = PeriodSerializer()
    items = StatsItemSerializer(
        many=True, help_text="in order of time, or the one with the most time first; none where nothing came"
    )
    total = MeasuredSerializer(help_text="all together")
    pagination = PagesSerializer()


class StatsView(APIView):
    @extend_schema(parameters=[StatsQuery], responses=StatsSerializer)
    def get(self, request: Request, project_id: str) -> Response:
        """Counts, errors, latency and calls to other systems."""
        project = project_of(request, project_id, "viewer")
        query = asked.read(StatsQuery, request, project)
        group_by = query.validated_data["group_by"]
        if group_by == NONE:
            answer = _over_time(project, query)
        elif group_by == BY_ENDPOINT:
            answer = _by_endpoint(project, query)
        else:
            answer = _by_group(project, query, Group(group_by))
        return Response({"group_by": group_by, **answer})


def _over_time(project: Project, query: StatsQuery) -> dict[str, Any]:
    series = Rollup.objects.series(
        project.pk, query.endpoint, period=query.period_of(MOST_POINTS), **query.chosen
    )
    return {
        "period": period_fields(series.period),
        "items": [{"start": point.start, **measured_fields(point.measured)} for point in series.points],
        "total": measured_fields(series.whole),
        "pagination": describe(page=1, page_size=MOST_POINTS, total=len(series.points)),
    }


def _by_endpoint(project: Project, query: StatsQuery) -> dict[str, Any]:
    period = query.period_of(MOST_STRETCHES)
    rows = Rollup.objects.endpoints(project.pk, period=period, **query.chosen).rows
    if kind := query.validated_data.get("kind"):
        rows = [row for row in rows if row.endpoint.kind == kind]
    items = [row.endpoint._asdict() | measured_fields(row.measured) for row in rows]
    return _of_groups(project, query, items)


def _by_group(project: Project, query: StatsQuery, group: Group) -> dict[str, Any]:
    period = query.period_of(MOST_STRETCHES)
    table = Rollup.objects.groups(project.pk, query.endpoint, by=group, period=period, **query.chosen)
    items = [{group.value: row.name, **measured_fields(row.measured)} for row in table.rows]
    return _of_groups(project, query, items)


def _of_groups(project: Project, query: StatsQuery, items: list[dict[str, Any]]) -> dict[str, Any]:
    """A page of groups, and the total of the same stretches."""
    period = query.period_of(MOST_STRETCHES)
    whole = Rollup.objects.whole(project.pk, query.endpoint, period=period, **query.chosen)
    found, pagination = asked.paged(items, query.validated_data)
    return {
        "period": period_fields(period),
        "items": found,
        "total": measured_fields(whole),
        "pagination": pagination,
    }
