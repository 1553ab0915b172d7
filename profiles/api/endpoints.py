"""REST API: the endpoints of a project with what was measured of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from profiles.api import asked
from profiles.api.asked import KINDS, PageQuery, PagesSerializer, PeriodSerializer, ScopeQuery, choice
from profiles.api.measured import MeasuredSerializer, measured_fields, period_fields
from profiles.models import Rollup
from profiles.trends import MOST_STRETCHES, EndpointRow, Measured
from projects.api import project_of

# The greatest first.
ORDERS: Final[dict[str, Callable[[Measured], float]]] = {
    "time": lambda measured: measured.sum_us,
    "count": lambda measured: measured.count,
    "errors": lambda measured: measured.errors,
    "error_rate": lambda measured: measured.error_rate,
    "mean": lambda measured: measured.mean_us or 0,
    "p50": lambda measured: measured.p50_us or 0,
    "p95": lambda measured: measured.p95_us or 0,
    "p99": lambda measured: measured.p99_us or 0,
}


class EndpointsQuery(ScopeQuery, PageQuery):
    """The query string of the list."""

    kind = choice(*KINDS, required=False, allow_blank=True)
    search = serializers.CharField(required=False, allow_blank=True, help_text="a part of method and route")
    order = choice(*ORDERS, "name", default="time", help_text="what comes first: the greatest")


class EndpointSerializer(MeasuredSerializer):
    kind = serializers.ChoiceField(choices=KINDS)
    method = serializers.CharField()
    route = serializers.CharField()


class EndpointListSerializer(serializers.Serializer[Any]):
    period = PeriodSerializer()
    items = EndpointSerializer(many=True)
    pagination = PagesSerializer()


class EndpointListView(APIView):
    @extend_schema(parameters=[EndpointsQuery], responses=EndpointListSerializer)
    def get(self, request: Request, project_id: str) -> Response:
        """List endpoints with what was measured of each in a period."""
        project = project_of(request, project_id, "viewer")
        query = asked.read(EndpointsQuery, request, project)
        table = Rollup.objects.endpoints(project.pk, period=query.period_of(MOST_STRETCHES), **query.chosen)
        found, pagination = asked.paged(wanted(table.rows, query.validated_data), query.validated_data)
        items = [row.endpoint._asdict() | measured_fields(row.measured) for row in found]
        return Response({"period": period_fields(table.period), "items": items, "pagination": pagination})


def wanted(rows: list[EndpointRow], said: dict[str, Any]) -> list[EndpointRow]:
    """Those of a kind and with a text in their name, in the order that is asked for."""
    kind, text, order = said.get("kind", ""), said.get("search", ""), said["order"]
    if kind:
        rows = [row for row in rows if row.endpoint.kind == kind]
    if text:
        rows = list(filter(asked.matches(text), rows))
    if order == "name":
        return sorted(rows, key=lambda row: (row.endpoint.route, row.endpoint))
    return sorted(rows, key=lambda row: (-ORDERS[order](row.measured), row.endpoint))
