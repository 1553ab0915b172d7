"""Rows of a query that are worked on in Python, one by one.

Sees a function that queries the database and then spends its time in code of its own: it fetches much and
adds up, filters or converts what the database could. Can't see how many rows there were, so it never warns.
Can't see the query where it is in C and not counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from analysis.detectors.database import DATABASE
from analysis.detectors.detector import Thresholds, tell
from analysis.evidence import Evidence, Group
from analysis.finding import Confidence, Finding, Severity

THRESHOLDS: Final = Thresholds(told=0.1, warning=None, critical=None)


@dataclass(frozen=True)
class Rows:
    name: str = "rows_in_python"
    fix_url: str = "https://docs.djangoproject.com/en/stable/topics/db/aggregation/"
    thresholds: Thresholds = THRESHOLDS

    def detect(self, evidence: Evidence) -> list[Finding]:
        functions = evidence.tree.functions
        querying = evidence.callers(DATABASE)
        found = []
        for group in evidence.remains():
            if not self.thresholds.are_passed(evidence, group):
                continue
            if group.function in querying or evidence.own_counters("db", functions[group.function]):
                found.append(self._tell(evidence, group))
        return found

    def _tell(self, evidence: Evidence, group: Group) -> Finding:
        return tell(
            evidence,
            self.name,
            group,
            severity=Severity.INFO,
            confidence=Confidence.LOW,
            saving_us=group.time_us,
        )


DETECTOR: Final = Rows()
