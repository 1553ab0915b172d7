"""REST API: the functions of a project's app by the time that they take."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from profiles import function_rows
from profiles.api import asked
from profiles.api.asked import KINDS, PageQuery, PagesSerializer, PeriodSerializer, ScopeQuery, choice
from profiles.api.measured import period_fields
from profiles.forest import ENGINES
from profiles.function_sums import Table
from profiles.models import FunctionSums
from profiles.models.tree_blob import tree_period
from projects.api import project_of


class FunctionsQuery(ScopeQuery, PageQuery):
    """The query string of the list."""

    engine = choice(
        *ENGINES, default=ENGINES[0], help_text="which engine’s samples; those of different ones never add up"
    )
    search = serializers.CharField(required=False, allow_blank=True, help_text="a part of name and file")
    own = serializers.BooleanField(default=False, help_text="only code of the app, none of libraries")
    order = choice(*function_rows.ORDERS, default=function_rows.SELF, help_text="the greatest comes first")


class FunctionCallerSerializer(serializers.Serializer[Any]):
    """An endpoint that a function was seen in."""

    kind = serializers.ChoiceField(choices=KINDS)
    method = serializers.CharField()
    route = serializers.CharField()
    total_us = serializers.IntegerField(help_text="of the function in this endpoint")


class FunctionSerializer(serializers.Serializer[Any]):
    """Times are sampled: of all samples of all requests of the period, profiled or not."""

    name = serializers.CharField()
    class_name = serializers.CharField()
    file = serializers.CharField(help_text="relative to its entry of sys.path")
    line = serializers.IntegerField()
    library = serializers.BooleanField(help_text="no code of the app")
    self_us = serializers.IntegerField(help_text="in the function itself")
    self_share = serializers.FloatField(help_text="of `whole_us`, 0 to 1")
    total_us = serializers.IntegerField(help_text="with what it calls; recursion counts once")
    total_share = serializers.FloatField(help_text="of `whole_us`, 0 to 1")
    samples = serializers.IntegerField(help_text="that ended in the function")
    endpoints = FunctionCallerSerializer(many=True, help_text="the three in which it takes most")


class FunctionListSerializer(serializers.Serializer[Any]):
    period = PeriodSerializer()
    whole_us = serializers.IntegerField(help_text="the time of all samples")
    samples = serializers.IntegerField()
    items = FunctionSerializer(many=True)
    pagination = PagesSerializer()


class FunctionListView(APIView):
    @extend_schema(parameters=[FunctionsQuery], responses=FunctionListSerializer)
    def get(self, request: Request, project_id: str) -> Response:
        """List functions with the time that samples of merged call trees give them, by hours or days."""
        project = project_of(request, project_id, "viewer")
        query = asked.read(FunctionsQuery, request, project)
        said = query.validated_data
        period = tree_period(said["start"], said["end"], now=query.now, zone=query.zone)
        table = FunctionSums.objects.table(project.pk, engine=said["engine"], period=period, **query.chosen)
        rows = function_rows.chosen(
            table, search=said.get("search", ""), own=said["own"], order=said["order"]
        )
        found, pagination = asked.paged(rows, said)
        return Response(
            {
                "period": period_fields(period),
                "whole_us": table.whole_us,
                "samples": table.samples,
                "items": [function_fields(table, row) for row in found],
                "pagination": pagination,
            }
        )


def function_fields(table: Table, row: int) -> dict[str, Any]:
    """What FunctionSerializer describes."""
    function, whole_us = table.functions[row], max(table.whole_us, 1)
    return {
        "name": function.name,
        "class_name": function.class_name,
        "file": function.short_file,
        "line": function.line,
        "library": function.library,
        "self_us": table.self_us[row],
        "self_share": table.self_us[row] / whole_us,
        "total_us": table.total_us[row],
        "total_share": table.total_us[row] / whole_us,
        "samples": table.sample_counts[row],
        "endpoints": [
            {**endpoint._asdict(), "total_us": total_us} for endpoint, total_us in table.endpoints(row)
        ],
    }
