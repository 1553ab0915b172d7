"""REST API: findings of a project, and what is decided about them."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from analysis.chosen import ALL, CURRENT, chosen, slowest
from analysis.detectors import BY_NAME
from analysis.finding import Confidence, Severity
from analysis.identity import Identity, InvalidId
from analysis.models import Decision, TooManyDecisions
from analysis.subjects import project_subjects
from analysis.told import Scope, Told, tell
from perfplatform.errors import ApiError, ErrorCode
from profiles.api import asked
from profiles.api.asked import EndpointQuery, PageQuery, PagesSerializer, PeriodSerializer, choice
from profiles.api.measured import period_fields
from profiles.calltree import place_of
from profiles.models.tree_blob import tree_period
from profiles.rollup import EndpointKey
from profiles.trends import MOST_STRETCHES
from projects.api import project_of

STATUSES = tuple(Decision.Status.values)


class FindingsQuery(EndpointQuery, PageQuery):
    """The query string. Of one endpoint, or without one of the ten that took the most time."""

    status = choice(
        *STATUSES, ALL, required=False, help_text="`all` for every one; open and accepted ones without it"
    )
    detector = choice(*BY_NAME, required=False)
    severity = choice(*Severity, required=False)

    @property
    def endpoints(self) -> list[EndpointKey] | None:
        return [self.endpoint] if "route" in self.validated_data else None


class FunctionAtFaultSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    place = serializers.CharField(help_text="file below its entry of sys.path, and line")
    library = serializers.BooleanField(help_text="no code of the app is above it")


class DecisionSerializer(serializers.Serializer[Decision]):
    """What was decided about a finding."""

    status = choice(*STATUSES)
    fixed_in = serializers.CharField(help_text="name of the version that has the fix")
    reopened_in = serializers.CharField(help_text="the version in which what was fixed was found again")
    changed_by = serializers.CharField(help_text="empty where it was reopened")
    changed_at = serializers.DateTimeField(allow_null=True)


class FindingSerializer(serializers.Serializer[Any]):
    """Times are of all samples of the endpoint's merged call tree in the period."""

    id = serializers.CharField(help_text="the same in every version")
    detector = choice(*BY_NAME)
    severity = choice(*Severity, help_text="`info` says where time goes, the others that something is wrong")
    confidence = choice(*Confidence)
    kind = serializers.CharField()
    method = serializers.CharField()
    route = serializers.CharField()
    function = FunctionAtFaultSerializer()
    call = serializers.CharField(help_text="the library’s function that it calls")
    time_us = serializers.IntegerField()
    share = serializers.FloatField(help_text="of the endpoint’s time, 0 to 1")
    samples = serializers.IntegerField()
    saving_us = serializers.IntegerField(help_text="the most that mending can bring")
    parameters = serializers.DictField(help_text="what the detector counted besides")
    title = serializers.CharField()
    explanation = serializers.CharField()
    fix = serializers.CharField()
    example = serializers.CharField(help_text="code that fits the framework; may be empty")
    fix_url = serializers.CharField()
    decision = DecisionSerializer()


class FindingListSerializer(serializers.Serializer[Any]):
    period = PeriodSerializer()
    items = FindingSerializer(many=True)
    pagination = PagesSerializer()


class DecisionQuery(serializers.Serializer[Any]):
    """The body."""

    status = choice(*STATUSES)
    fixed_in = serializers.CharField(required=False, allow_blank=True, max_length=128)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        is_fixed = attrs["status"] == Decision.Status.FIXED
        if is_fixed and not attrs.get("fixed_in"):
            raise serializers.ValidationError({"fixed_in": _("Name the version that has the fix.")})
        return {**attrs, "fixed_in": attrs.get("fixed_in", "") if is_fixed else ""}


class FindingListView(APIView):
    @extend_schema(parameters=[FindingsQuery], responses=FindingListSerializer)
    def get(self, request: Request, project_id: str) -> Response:
        """List findings, the gravest first, with what was decided about each."""
        project = project_of(request, project_id, "viewer")
        query = asked.read(FindingsQuery, request, project)
        said = query.validated_data
        period = tree_period(said["start"], said["end"], now=query.now, zone=query.zone)
        endpoints = query.endpoints
        if endpoints is None:
            endpoints = slowest(project.pk, query.period_of(MOST_STRETCHES), query.chosen)
        version_name = request.query_params.get("version", "")
        subjects = project_subjects(
            project.pk, endpoints, period=period, chosen=query.chosen, version_name=version_name
        )
        told = tell(Scope(project, version_name, query.chosen["environment"], period), subjects)
        shown = chosen(told, status=said.get("status", CURRENT), detector=said.get("detector", ""))
        if "severity" in said:
            shown = [each for each in shown if each.finding.severity == said["severity"]]
        found, pagination = asked.paged(shown, said)
        return Response(
            {
                "period": period_fields(period),
                "items": [finding_fields(each) for each in found],
                "pagination": pagination,
            }
        )


class FindingView(APIView):
    @extend_schema(request=DecisionQuery, responses=DecisionSerializer)
    def put(self, request: Request, project_id: str, finding_id: str) -> Response:
        """Decide about a finding, for editors. A fix names its version: found in it or later, it reopens."""
        project = project_of(request, project_id, "editor")
        try:
            identity = Identity.read(finding_id)
        except InvalidId:
            raise _unknown() from None
        if identity.detector not in BY_NAME:
            raise _unknown()
        body = DecisionQuery(data=request.data)
        body.is_valid(raise_exception=True)
        try:
            decision = Decision.objects.decide(
                project.pk, identity, **body.validated_data, by=str(request.user), now=timezone.now()
            )
        except TooManyDecisions:
            raise ApiError(
                ErrorCode.PARAMETER_ERROR,
                _("No more decisions are kept in this project: 10,000 are noted."),
                status=409,
            ) from None
        return Response(decision_fields(decision))


def finding_fields(told: Told) -> dict[str, Any]:
    """What FindingSerializer describes."""
    finding, words = told.finding, told.words
    return {
        "id": told.id,
        "detector": finding.detector,
        "severity": finding.severity.value,
        "confidence": finding.confidence.value,
        **told.endpoint._asdict(),
        "function": {
            "name": finding.function_name,
            "place": place_of(finding.function),
            "library": finding.function.library,
        },
        "call": finding.call,
        "time_us": finding.time_us,
        "share": finding.share,
        "samples": finding.samples,
        "saving_us": finding.saving_us,
        "parameters": finding.parameters,
        "title": words.title,
        "explanation": words.explanation,
        "fix": words.fix,
        "example": words.example,
        "fix_url": words.fix_url,
        "decision": decision_fields(told.decision),
    }


def decision_fields(decision: Decision | None) -> dict[str, Any]:
    """What DecisionSerializer describes; of what nobody has decided about, that it is open."""
    return {
        "status": decision.status if decision else Decision.Status.OPEN.value,
        "fixed_in": decision.fixed_in if decision else "",
        "reopened_in": decision.reopened_in if decision else "",
        "changed_by": decision.changed_by if decision else "",
        "changed_at": decision.changed_at if decision else None,
    }


def _unknown() -> ApiError:
    return ApiError(ErrorCode.PARAMETER_ERROR, _("There is no such finding."), status=404)
