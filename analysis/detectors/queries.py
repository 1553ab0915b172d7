"""Queries that one function runs again and again: N+1, or the very same statement.

Sees it in counters only, which name the caller and the statement without its literals: from samples one can't
tell a hundred quick queries from one slow one. Without counters nothing is told here (database.py says where
the time goes). The time is that of the statements as counted; what the mapper adds comes on top, and the
tree's figure is taken where it is higher. Can't see what the SDK does not count (plain sqlite3).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from analysis.detectors.database import DATABASE
from analysis.detectors.detector import MOST_NODES, Thresholds
from analysis.evidence import Counted, Evidence, Group
from analysis.finding import Confidence, Finding, Severity
from profiles.calltree import Function

# So often in one request is a loop.
LEAST_REPEATED: Final = 8
# So often, whatever the share of time: with a database farther away it will be much.
MANY: Final = 50
LONGEST_STATEMENT: Final = 300
THRESHOLDS: Final = Thresholds(told=0.0, warning=0.05, critical=0.4, samples=0)


@dataclass(frozen=True)
class Queries:
    name: str = "repeated_queries"
    fix_url: str = "https://docs.djangoproject.com/en/stable/topics/db/optimization/"
    thresholds: Thresholds = THRESHOLDS

    def detect(self, evidence: Evidence) -> list[Finding]:
        found = []
        groups = {group.function: group for group in evidence.groups(DATABASE)}
        for items in _by_caller(evidence.counters.items):
            repeated = [item for item in items if evidence.counters.per_request([item]) >= LEAST_REPEATED]
            if repeated:
                found.append(self._tell(evidence, repeated, groups))
        return found

    def _tell(self, evidence: Evidence, repeated: list[Counted], groups: dict[int, Group]) -> Finding:
        counters = evidence.counters
        seen = next((group for number, group in groups.items() if _is_by(evidence, number, repeated)), None)
        counted_us = round(counters.share(repeated) * evidence.whole_us)
        time_us = max(seen.time_us if seen else 0, counted_us)
        count = counters.per_request(repeated)
        severity = self.thresholds.severity(time_us / max(evidence.whole_us, 1))
        if severity is Severity.INFO and count >= MANY:
            severity = Severity.WARNING
        if seen:
            evidence.take(seen.nodes)
        most = max(repeated, key=lambda item: item.count)
        return Finding(
            detector=self.name,
            severity=severity,
            confidence=Confidence.HIGH,
            function=_caller(evidence, repeated[0]),
            node=seen.node if seen else _heaviest(evidence, repeated[0]),
            nodes=seen.nodes[:MOST_NODES] if seen else (),
            call="",
            time_us=time_us,
            share=time_us / max(evidence.whole_us, 1),
            samples=seen.samples if seen else 0,
            # One of each statement stays.
            saving_us=round(time_us * (1 - len(repeated) / count)),
            framework=evidence.framework_name,
            orm=evidence.orm,
            parameters={
                "count": round(count, 1),
                "statements": len(repeated),
                "statement": most.fingerprint[:LONGEST_STATEMENT],
                "requests": counters.requests,
            },
        )


def _by_caller(items: Iterable[Counted]) -> list[list[Counted]]:
    callers: dict[tuple[str, str], list[Counted]] = {}
    for item in items:
        if item.kind == "db":
            callers.setdefault((item.function, item.file), []).append(item)
    return list(callers.values())


def _is_by(evidence: Evidence, function: int, items: list[Counted]) -> bool:
    return items[0].is_by(evidence.tree.functions[function])


def _caller(evidence: Evidence, item: Counted) -> Function:
    """As the tree knows it, or as it was counted."""
    known = next((function for function in evidence.tree.functions if item.is_by(function)), None)
    return known or Function(item.function, "", "", item.file, item.line, library=False)


def _heaviest(evidence: Evidence, item: Counted) -> int:
    """The heaviest node of a counter's caller, -1 where no sample met it."""
    functions = {number for number, function in enumerate(evidence.tree.functions) if item.is_by(function)}
    nodes = (node for node, function in enumerate(evidence.tree.function) if function in functions)
    return max(nodes, key=lambda node: evidence.total_us[node], default=-1)


DETECTOR: Final = Queries()
