"""Findings as pages and the REST API tell them: with words, and with what people decided about them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from bson import ObjectId
from django.utils import timezone

from analysis.explanations import CONFIDENCES, SEVERITIES, Explained, explain
from analysis.finding import Finding
from analysis.identity import Identity
from analysis.models import Decision
from analysis.subjects import Subject
from profiles.rollup import EndpointKey
from profiles.trends import Period
from projects.models import Project, Version


@dataclass
class Told:
    """One finding of one endpoint. `decision` is None where nobody has decided anything."""

    finding: Finding
    identity: Identity
    decision: Decision | None

    @property
    def endpoint(self) -> EndpointKey:
        return self.identity.endpoint

    @property
    def id(self) -> str:
        return str(self.identity)

    @property
    def status(self) -> str:
        return self.decision.status if self.decision else Decision.Status.OPEN.value

    @property
    def status_name(self) -> str:
        return str(Decision.Status(self.status).label)

    @property
    def severity_name(self) -> str:
        return str(SEVERITIES[self.finding.severity])

    @property
    def confidence_name(self) -> str:
        return str(CONFIDENCES[self.finding.confidence])

    @cached_property
    def words(self) -> Explained:
        return explain(self.finding)


@dataclass(frozen=True)
class Scope:
    """Where findings are from: of one version by its name, or of all that a period has seen."""

    project: Project
    version_name: str = ""
    environment: str | None = None
    period: Period | None = None


def tell(scope: Scope, subjects: Iterable[Subject]) -> list[Told]:
    """All findings, the gravest first. What was fixed and is found again is open again, and noted so.

    One read of decisions, and where something is marked as fixed, one of versions; where all versions are
    looked at, another one of the newest version's tree.
    """
    found = [
        (finding, Identity.of(finding, subject.endpoint))
        for subject in subjects
        for finding in subject.findings
    ]
    project_id: ObjectId = scope.project.pk
    decisions = Decision.objects.about(project_id, [identity.key for _finding, identity in found])
    told = [Told(finding, identity, decisions.get(identity.key)) for finding, identity in found]
    fixed = [each for each in told if each.status == Decision.Status.FIXED]
    if fixed:
        _look_again(scope, fixed)
    return sorted(told, key=lambda each: (*each.finding.order, each.endpoint))


def _look_again(scope: Scope, fixed: list[Told]) -> None:
    version = _version(scope)
    if version is None:
        return
    names = {each.decision.fixed_in for each in fixed if each.decision}
    firsts = dict(
        Version.objects.filter(project=scope.project, name__in=names).values_list("name", "first_seen_at")
    )
    seen: dict[EndpointKey, set[str]] = {}
    for each in fixed:
        decision = each.decision
        if decision is None or not _is_due(decision, version, firsts.get(decision.fixed_in)):
            continue
        if each.endpoint not in seen:
            seen[each.endpoint] = _keys_in(scope, each.endpoint, version)
        if scope.version_name or each.identity.key in seen[each.endpoint]:
            each.decision = Decision.objects.reopen(decision, version=version.name, now=timezone.now())


def _version(scope: Scope) -> Version | None:
    """The one that is looked at, or the newest."""
    name = scope.version_name or Version.objects.latest_names([scope.project.pk]).get(scope.project.pk, "")
    return Version.objects.filter(project=scope.project, name=name).first()


def _is_due(decision: Decision, version: Version, fixed_first_seen_at: datetime | None) -> bool:
    """Whether this version should be without the fault: the one that fixes it, or a later one.

    A version that was never heard of is one to come: then only what came after the decision should.
    """
    if version.name == decision.fixed_in:
        return True
    return version.first_seen_at > (fixed_first_seen_at or decision.changed_at)


def _keys_in(scope: Scope, endpoint: EndpointKey, version: Version) -> set[str]:
    """What is found in this version alone; of one version that is known already."""
    if scope.version_name or scope.period is None:
        return set()
    subject = Subject.of_endpoint(
        scope.project.pk,
        endpoint,
        period=scope.period,
        chosen={"version_id": version.pk, "environment": scope.environment},
        version_name=version.name,
    )
    findings = subject.findings if subject else []
    return {Identity.of(finding, endpoint).key for finding in findings}
