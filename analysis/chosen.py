"""Which endpoints are looked at, and which of their findings are shown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from bson import ObjectId

from analysis.models import Decision
from analysis.told import Told
from profiles.models import Rollup
from profiles.rollup import OTHER, EndpointKey
from profiles.trends import Period

MOST_ENDPOINTS: Final = 10
# What needs somebody's attention, which is what a list shows unless it is asked for something else.
CURRENT: Final = ""
ALL: Final = "all"
_ATTENTION: Final = frozenset({Decision.Status.OPEN, Decision.Status.ACCEPTED})


def slowest(project_id: ObjectId, period: Period, scope: dict[str, Any]) -> list[EndpointKey]:
    """The endpoints that took the most time in a period, the first one the most."""
    table = Rollup.objects.endpoints(project_id, period=period, **scope)
    found = (row.endpoint for row in table.rows if row.endpoint.route != OTHER)
    return [endpoint for endpoint, _number in zip(found, range(MOST_ENDPOINTS), strict=False)]


def chosen(told: Iterable[Told], *, status: str, detector: str) -> list[Told]:
    """Those of a status and a detector; neither filters where it is empty or unknown."""
    return [
        each
        for each in told
        if (not detector or each.finding.detector == detector)
        and (status == ALL or each.status in (_ATTENTION if status == CURRENT else {status}))
    ]
