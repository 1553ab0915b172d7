"""REST API: the merged call tree of an endpoint as a file for another tool."""

from __future__ import annotations

from typing import Any

from django.http.response import HttpResponseBase
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.views import APIView

from perfplatform.errors import ApiError, ErrorCode
from profiles import export_tree
from profiles.api import asked
from profiles.api.asked import EndpointQuery, choice
from profiles.api.exports import FilesToo, file_response, plain_words
from profiles.forest import ENGINES, TreeKey
from profiles.models import TreeBlob
from profiles.models.tree_blob import tree_period
from profiles.trends import Period
from projects.api import project_of


class TreeQuery(EndpointQuery):
    """The query string: of one endpoint."""

    engine = choice(
        *ENGINES,
        default=ENGINES[0],
        help_text="which engine’s samples; those of different ones are not comparable and never added up",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        if "route" not in attrs:
            raise serializers.ValidationError({"route": _("Name the endpoint whose call tree you want.")})
        return attrs

    @property
    def tree_period(self) -> Period:
        """Trees are kept by hours and days."""
        said = self.validated_data
        return tree_period(said["start"], said["end"], now=self.now, zone=self.zone)


class TreeView(APIView):
    """The merged samples of all requests of an endpoint in a period."""

    content_negotiation_class = FilesToo
    format_name = ""

    def get(self, request: Request, project_id: str) -> HttpResponseBase:
        project = project_of(request, project_id, "viewer")
        query = asked.read(TreeQuery, request, project)
        key, period = TreeKey(*query.endpoint, query.validated_data["engine"]), query.tree_period
        tree = TreeBlob.objects.merged(project.pk, key, period=period, **query.chosen)
        if not tree.parent:
            raise ApiError(
                ErrorCode.PARAMETER_ERROR,
                _("Nothing of this endpoint was sampled in this period."),
                status=404,
            )
        title = " ".join(filter(None, (key.method, key.route, request.query_params.get("version"))))
        formats = export_tree.formats(title=title, started_at=period.start)
        name = f"{plain_words(title) or 'endpoint'}-{key.engine}"
        return file_response(formats[self.format_name], tree, name=name)


@extend_schema(parameters=[TreeQuery], responses={(200, "text/plain"): OpenApiTypes.BINARY})
class FoldedTreeView(TreeView):
    """A line for each stack with its microseconds, as flamegraph.pl and others take it."""

    format_name = "folded"


@extend_schema(parameters=[TreeQuery], responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
class SpeedscopeTreeView(TreeView):
    """A file that speedscope opens."""

    format_name = "speedscope"


@extend_schema(parameters=[TreeQuery], responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
class PprofTreeView(TreeView):
    """A file that pprof reads: gzip of its `profile.proto`."""

    format_name = "pprof"
