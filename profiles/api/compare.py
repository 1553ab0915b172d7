"""REST API: two versions side by side, with a verdict on each endpoint, and on the functions of one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from perfplatform.errors import ApiError, ErrorCode
from profiles import sides
from profiles.api import asked
from profiles.api.asked import KINDS, PageQuery, PagesSerializer, PeriodSerializer, ScopeQuery, choice, exact
from profiles.api.measured import period_fields
from profiles.calltree import Function
from profiles.compare import Judged
from profiles.function_changes import FunctionRow
from profiles.median_change import MedianChange
from profiles.reweighted import Total
from profiles.rollup import EndpointKey
from profiles.sides import Subject
from profiles.timed import Figures
from profiles.verdict import Because, Caution, Reason, Verdict, Warned
from profiles.versus import Row
from projects.api import project_of
from projects.authentication import MemberOrDeployTokenAuthentication
from projects.models import Key, Project, Version

VERDICTS: Final = tuple(verdict.value for verdict in Verdict)
MOST_ONE_SIDED: Final = 100


class CompareQuery(ScopeQuery, PageQuery):
    """The query string. A period that ends now ends for each version when it was last heard of."""

    version = None  # type: ignore[assignment]
    base = exact(128, help_text="the version before; what was deployed before `head` without it")
    head = serializers.CharField(max_length=128, trim_whitespace=False, help_text="the version to judge")
    base_environment = exact(64, allow_blank=True, help_text="where `base` ran, if elsewhere")

    def subjects(self, project: Project) -> tuple[Subject, Subject]:
        """Both sides. Raises ValidationError where there is no version of a name."""
        said = self.validated_data
        environment = said.get("environment") or None
        head = _version(project, "head", said["head"])
        if name := said.get("base"):
            base = _version(project, "base", name)
        else:
            found = sides.usual_of(project.pk, head=head.pk, environment=environment).base
            before = Version.objects.filter(pk=found).first() if found else None
            if before is None:
                raise serializers.ValidationError(
                    {"base": _("No version was deployed before this one: name the one to compare with.")}
                )
            base = before
        return (
            self._subject(base, said.get("base_environment") or environment),
            self._subject(head, environment),
        )

    def _subject(self, version: Version, environment: str | None) -> Subject:
        said = self.validated_data
        return Subject.of(
            version,
            environment,
            start=said["start"],
            end=said["end"],
            now=self.now,
            zone=self.zone,
            moves="start" not in self.initial_data,
        )


class CompareFunctionsQuery(CompareQuery):
    """The same of one endpoint."""

    kind = choice(*KINDS)
    method = exact(16, allow_blank=True, default="", help_text="of a request: `GET`")
    route = serializers.CharField(max_length=512, trim_whitespace=False)


class SubjectSerializer(serializers.Serializer[Any]):
    """What one side is."""

    version = serializers.CharField()
    environment = serializers.CharField(allow_null=True, help_text="null: all of them")
    period = PeriodSerializer()
    count = serializers.IntegerField(required=False, help_text="requests of all endpoints")


class ReasonSerializer(serializers.Serializer[Any]):
    """Why; `numbers` depend on the type: durations end in `_us`, shares are of 1, ratios head to base."""

    type = choice(*(because.value for because in Because))
    numbers = serializers.DictField(child=serializers.FloatField())


class CautionSerializer(serializers.Serializer[Any]):
    """What a verdict should be read with."""

    type = choice(*(warned.value for warned in Warned))
    numbers = serializers.DictField(child=serializers.FloatField())


class ChangeSerializer(serializers.Serializer[Any]):
    """Of the median: head to base, with an interval of 97 %."""

    ratio = serializers.FloatField()
    lowest = serializers.FloatField()
    highest = serializers.FloatField()
    difference_us = serializers.FloatField()


class FiguresSerializer(serializers.Serializer[Any]):
    """An endpoint on one side: all requests, and the times of those that no precise profiler slowed."""

    count = serializers.IntegerField()
    errors = serializers.IntegerField(help_text="unhandled exceptions and statuses of 500 and more")  # type: ignore[assignment]
    error_rate = serializers.FloatField(help_text="0 to 1")
    timed = serializers.IntegerField(help_text="how many the times are of")
    p50_us = serializers.FloatField(allow_null=True, help_text="percentiles are at most 1 % off")
    p95_us = serializers.FloatField(allow_null=True)


class SideSerializer(FiguresSerializer):
    """The same with its rate."""

    per_minute = serializers.FloatField(help_text="of the time in which the side had any requests")


class JudgedSerializer(serializers.Serializer[Any]):
    """A verdict."""

    verdict = choice(*VERDICTS)
    reasons = ReasonSerializer(many=True, help_text="the weightiest first; one at least")
    change = ChangeSerializer(allow_null=True)


class ComparedEndpointSerializer(JudgedSerializer):
    """An endpoint that both sides have."""

    kind = choice(*KINDS)
    method = serializers.CharField()
    route = serializers.CharField()
    warnings = CautionSerializer(many=True)
    base = SideSerializer()
    head = SideSerializer()


class OneSidedSerializer(FiguresSerializer):
    """An endpoint that only one side has."""

    kind = choice(*KINDS)
    method = serializers.CharField()
    route = serializers.CharField()


class TotalSerializer(serializers.Serializer[Any]):
    """All endpoints that both sides have, weighted by their requests at base."""

    count = serializers.IntegerField(help_text="as counted")
    p50_us = serializers.FloatField(allow_null=True)
    p95_us = serializers.FloatField(allow_null=True)
    error_rate = serializers.FloatField()


class TotalsSerializer(serializers.Serializer[Any]):
    base = TotalSerializer()
    head = TotalSerializer()
    share = serializers.FloatField(help_text="of the baseline’s requests: how many went to these endpoints")


class ComparisonSerializer(serializers.Serializer[Any]):
    verdict = choice(*VERDICTS, help_text="on all: `regressed` if any endpoint is")
    base = SubjectSerializer()
    head = SubjectSerializer()
    tally = serializers.DictField(child=serializers.IntegerField(), help_text="endpoints by verdict")
    totals = TotalsSerializer()
    warnings = CautionSerializer(many=True)
    items = ComparedEndpointSerializer(many=True, help_text="regressed ones first")
    new = OneSidedSerializer(many=True, help_text="that only head has; at most 100")
    vanished = OneSidedSerializer(many=True, help_text="that only base has; at most 100")
    pagination = PagesSerializer()


class ComparedFunctionSerializer(JudgedSerializer):
    """A function. Times are means per profile; without any reason it took too little to matter."""

    name = serializers.CharField()
    class_name = serializers.CharField()
    file = serializers.CharField()
    library = serializers.BooleanField()
    of = choice("self", "total", allow_null=True, help_text="which time the verdict is of")
    base_self_us = serializers.FloatField()
    head_self_us = serializers.FloatField()
    base_total_us = serializers.FloatField()
    head_total_us = serializers.FloatField()


class ComparedFunctionsSerializer(serializers.Serializer[Any]):
    base = SubjectSerializer()
    head = SubjectSerializer()
    base_profiles = serializers.IntegerField(help_text="that were looked at: the newest, at most 500")
    head_profiles = serializers.IntegerField()
    interval_us = serializers.IntegerField(help_text="the sampling interval; changes below two do not count")
    items = ComparedFunctionSerializer(many=True)
    pagination = PagesSerializer()


class CompareView(APIView):
    authentication_classes = (MemberOrDeployTokenAuthentication,)
    permission_classes = ()

    @extend_schema(parameters=[CompareQuery], responses=ComparisonSerializer)
    def get(self, request: Request, project_id: str) -> Response:
        """Compare two versions. For members, and for pipelines with the project's deploy token."""
        project = _project(request, project_id)
        query = asked.read(CompareQuery, request, project)
        base, head = query.subjects(project)
        found = sides.compare(project.pk, base, head, zone=query.zone)
        rows, pagination = asked.paged(found.rows, query.validated_data)
        return Response(
            {
                "verdict": found.verdict.value,
                "base": {**_subject(base), "count": found.base_count},
                "head": {**_subject(head), "count": found.head_count},
                "tally": {verdict.value: count for verdict, count in found.tally.items()},
                "totals": {
                    "base": _total(found.totals.base),
                    "head": _total(found.totals.head),
                    "share": found.totals.share,
                },
                "warnings": _cautions(found.warnings),
                "items": [_endpoint(row) for row in rows],
                "new": _one_sided(found.new),
                "vanished": _one_sided(found.vanished),
                "pagination": pagination,
            }
        )


class CompareFunctionsView(APIView):
    authentication_classes = (MemberOrDeployTokenAuthentication,)
    permission_classes = ()

    @extend_schema(parameters=[CompareFunctionsQuery], responses=ComparedFunctionsSerializer)
    def get(self, request: Request, project_id: str) -> Response:
        """Compare the functions of one endpoint in profiles of the random share."""
        project = _project(request, project_id)
        query = asked.read(CompareFunctionsQuery, request, project)
        base, head = query.subjects(project)
        said = query.validated_data
        endpoint = EndpointKey(said["kind"], said["method"], said["route"])
        found = sides.compare_functions(project, endpoint, base, head)
        rows, pagination = asked.paged(found.rows, said)
        return Response(
            {
                "base": _subject(base),
                "head": _subject(head),
                "base_profiles": found.base_profiles,
                "head_profiles": found.head_profiles,
                "interval_us": found.interval_us,
                "items": [_function(row) for row in rows],
                "pagination": pagination,
            }
        )


def _project(request: Request, project_id: str) -> Project:
    """For viewers, and for the project's own deploy token."""
    if isinstance(request.auth, Key):
        if str(request.auth.project.pk) != project_id:
            raise ApiError(ErrorCode.PROJECT_NOT_FOUND)
        return request.auth.project
    if not request.user.is_authenticated:
        raise ApiError(ErrorCode.AUTHENTICATION_ERROR)
    return project_of(request, project_id, "viewer")


def _version(project: Project, parameter: str, name: str) -> Version:
    found = Version.objects.filter(project=project, name=name).first()
    if found is None:
        message = format_lazy(_("This project has no version “{name}”."), name=name)
        raise serializers.ValidationError({parameter: message})
    return found


def _subject(side: Subject) -> dict[str, Any]:
    return {
        "version": side.version_name,
        "environment": side.environment,
        "period": period_fields(side.period),
    }


def _total(total: Total) -> dict[str, Any]:
    return {
        "count": total.count,
        "p50_us": total.p50_us,
        "p95_us": total.p95_us,
        "error_rate": total.error_rate,
    }


def _endpoint(row: Row) -> dict[str, Any]:
    return {
        **row.endpoint._asdict(),
        **_judged(row.judged),
        "warnings": _cautions(row.warnings),
        "base": {**_figures(row.base), "per_minute": row.base_per_minute},
        "head": {**_figures(row.head), "per_minute": row.head_per_minute},
    }


def _figures(figures: Figures) -> dict[str, Any]:
    return {
        "count": figures.count,
        "errors": figures.errors,
        "error_rate": figures.error_rate,
        "timed": figures.timed,
        "p50_us": figures.p50_us,
        "p95_us": figures.p95_us,
    }


def _one_sided(rows: list[Figures]) -> list[dict[str, Any]]:
    return [row.endpoint._asdict() | _figures(row) for row in rows[:MOST_ONE_SIDED]]


def _function(row: FunctionRow) -> dict[str, Any]:
    function: Function = row.function
    judged = row.judged
    said = _judged(judged) if judged else {"reasons": [], "change": None}
    return {
        "name": function.name,
        "class_name": function.class_name,
        "file": function.short_file,
        "library": function.library,
        **said,
        "verdict": row.verdict.value,
        "of": judged.name[1] if judged else None,
        "base_self_us": row.base_self_us,
        "head_self_us": row.head_self_us,
        "base_total_us": row.base_total_us,
        "head_total_us": row.head_total_us,
    }


def _judged(judged: Judged[Any]) -> dict[str, Any]:
    return {
        "verdict": judged.verdict.value,
        "reasons": [_reason(reason) for reason in judged.reasons],
        "change": _change(judged.change) if judged.change else None,
    }


def _reason(reason: Reason) -> dict[str, Any]:
    return {"type": reason.because.value, "numbers": dict(reason.numbers)}


def _cautions(cautions: Iterable[Caution]) -> list[dict[str, Any]]:
    return [{"type": caution.warned.value, "numbers": dict(caution.numbers)} for caution in cautions]


def _change(change: MedianChange) -> dict[str, float]:
    return {
        "ratio": change.ratio,
        "lowest": change.lowest,
        "highest": change.highest,
        "difference_us": change.difference_us,
    }
