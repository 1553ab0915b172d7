"""What most detectors have in common: calls into a family of library functions, weighed by share of time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

from analysis.evidence import Evidence, Frames, Group
from analysis.finding import Confidence, Finding, Severity
from profiles.calltree import name_of

MOST_NODES: Final = 20


class Thresholds(NamedTuple):
    """Shares of the tree's time from which a finding is told, is a warning, and is critical.

    None: it never is. Fewer samples than `samples`, or time than so many stand for, say nothing.
    """

    told: float = 0.03
    warning: float | None = 0.08
    critical: float | None = 0.4
    samples: int = 5

    def are_passed(self, evidence: Evidence, group: Group) -> bool:
        """Whether there is enough to be told."""
        is_much = group.time_us >= self.told * max(evidence.whole_us, 1)
        return is_much and evidence.is_enough(group, self.samples)

    def severity(self, share: float) -> Severity:
        if self.critical is not None and share >= self.critical:
            return Severity.CRITICAL
        if self.warning is not None and share >= self.warning:
            return Severity.WARNING
        return Severity.INFO


class Detector(Protocol):
    """A family. `name` is stored and never changes its meaning; `fix_url` tells more of the cure."""

    @property
    def name(self) -> str: ...

    @property
    def fix_url(self) -> str: ...

    def detect(self, evidence: Evidence) -> Iterable[Finding]:
        """Tell what there is, and take the nodes of it."""
        ...


THRESHOLDS: Final = Thresholds()


@dataclass(frozen=True)
class CallDetector:
    """Tells each own function that spends enough time in `frames`.

    `saving` is the part of that time which mending can bring at most. `waits`: the time passes without
    computing, so where the CPU was busy all along it is told without a warning. `may_be_quick`: the same
    calls are harmless where they return at once, which their lasting tells.
    """

    name: str
    frames: Frames
    fix_url: str
    thresholds: Thresholds = THRESHOLDS
    saving: float = 1.0
    confidence: Confidence = Confidence.HIGH
    waits: bool = False
    may_be_quick: bool = False

    def detect(self, evidence: Evidence) -> list[Finding]:
        found = []
        for group in evidence.groups(self.frames):
            finding = self.weigh(evidence, group)
            if finding is not None:
                evidence.take(group.nodes)
                found.append(finding)
        return found

    def weigh(self, evidence: Evidence, group: Group, **parameters: int | float | str) -> Finding | None:
        """None where it is too little to speak of."""
        share = group.time_us / max(evidence.whole_us, 1)
        if not self.thresholds.are_passed(evidence, group):
            return None
        severity = self.thresholds.severity(share)
        is_quick = self.may_be_quick and evidence.is_quick(group.nodes)
        if is_quick or (self.waits and is_busy(evidence, group.time_us)):
            severity = Severity.INFO
        saving_us = round(group.time_us * self.saving)
        return tell(
            evidence,
            self.name,
            group,
            severity=severity,
            confidence=self.confidence,
            saving_us=saving_us,
            parameters=parameters,
        )


def is_busy(evidence: Evidence, time_us: int) -> bool:
    """Whether most of this time can't have been waiting: the CPU worked."""
    return 0 <= evidence.idle_us < time_us / 2


def tell(
    evidence: Evidence,
    detector: str,
    group: Group,
    *,
    severity: Severity,
    confidence: Confidence,
    saving_us: int,
    parameters: dict[str, Any] | None = None,
) -> Finding:
    """A finding of a group, with all that the tree says of it."""
    functions, function_of = evidence.tree.functions, evidence.tree.function
    return Finding(
        detector=detector,
        severity=severity,
        confidence=confidence,
        function=functions[group.function],
        node=group.node,
        nodes=group.nodes[:MOST_NODES],
        call=name_of(functions[function_of[group.nodes[0]]]) if group.nodes else "",
        time_us=group.time_us,
        share=group.time_us / max(evidence.whole_us, 1),
        samples=group.samples,
        saving_us=min(saving_us, group.time_us),
        framework=evidence.framework_name,
        orm=evidence.orm,
        parameters=parameters or {},
    )
