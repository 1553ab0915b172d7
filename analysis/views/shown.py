"""What every list of findings shows beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from analysis.finding import Severity
from analysis.models import Decision
from analysis.told import Told
from projects.models import Member, Project, Version
from projects.requests import MemberRequest

# What is offered where a fix names its version.
MOST_VERSIONS: Final = 50


def context_of(request: MemberRequest, project: Project, told: Sequence[Told], **more: Any) -> dict[str, Any]:
    """For `analysis/_findings.html`. Editors may decide; `here` is where they come back to."""
    can_decide = request.role != Member.Role.VIEWER
    return {
        "told": told,
        "warnings": sum(each.finding.severity is not Severity.INFO for each in told),
        "can_decide": can_decide,
        "statuses": Decision.Status.choices,
        "versions": list(Version.objects.newest(project.pk, most=MOST_VERSIONS)) if can_decide else [],
        **more,
    }
