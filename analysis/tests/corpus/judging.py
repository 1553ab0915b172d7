"""Whether what was found in a program is what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass

from analysis import detectors
from analysis.evidence import Evidence
from analysis.finding import Severity
from analysis.tests.corpus.program import Program


@dataclass(frozen=True)
class Judgement:
    """`is_hit`: the right detector names the right function.

    `false_warnings` are the detectors that tell more than information of what is no fault.
    """

    is_hit: bool
    false_warnings: tuple[str, ...]
    is_right: bool
    told: str


def judge(program: Program, evidence: Evidence) -> Judgement:
    found = detectors.findings(evidence)
    wanted = (program.detector, program.function)
    is_hit = program.is_faulty and any(
        (finding.detector, finding.function.name) == wanted for finding in found
    )
    false_warnings = tuple(
        finding.detector
        for finding in found
        if finding.severity is not Severity.INFO
        and not (program.is_faulty and (finding.detector, finding.function.name) == wanted)
    )
    told = ", ".join(
        f"{finding.detector}({finding.function.name}) {finding.severity} {finding.share:.0%}"
        for finding in found
    )
    return Judgement(
        is_hit, false_warnings, not false_warnings and (is_hit or not program.is_faulty), told or "nothing"
    )
