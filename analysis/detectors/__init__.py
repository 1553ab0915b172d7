"""Finds faults in a call tree without an AI. One family a file; each says what it sees and what it can't.

The order is that of telling: what is more special comes first and takes its nodes, so that nothing is told
twice.
"""

from __future__ import annotations

from typing import Final

from analysis.detectors import (
    compression,
    copying,
    coroutine,
    database,
    files,
    http,
    imports,
    locks,
    logs,
    pandas_rows,
    passwords,
    pools,
    queries,
    regex,
    rows,
    serialisation,
    sleep,
    subprocesses,
    templates,
    waiting,
)
from analysis.detectors.detector import Detector
from analysis.evidence import Evidence
from analysis.finding import Finding

DETECTORS: Final[tuple[Detector, ...]] = (
    imports.DETECTOR,
    logs.DETECTOR,
    coroutine.DETECTOR,
    pools.DETECTOR,
    queries.DETECTOR,
    http.DETECTOR,
    subprocesses.DETECTOR,
    templates.DETECTOR,
    serialisation.DETECTOR,
    copying.DETECTOR,
    passwords.DETECTOR,
    compression.DETECTOR,
    regex.DETECTOR,
    pandas_rows.DETECTOR,
    database.DETECTOR,
    files.DETECTOR,
    sleep.DETECTOR,
    locks.DETECTOR,
    rows.DETECTOR,
    waiting.DETECTOR,
)
BY_NAME: Final = {detector.name: detector for detector in DETECTORS}
MOST_FINDINGS: Final = 50


def findings(evidence: Evidence) -> list[Finding]:
    """All that is found, the gravest first, then by what mending can bring. `evidence` is used up."""
    if not evidence.whole_us:
        return []
    found = [finding for detector in DETECTORS for finding in detector.detect(evidence)]
    return sorted(found, key=lambda finding: finding.order)[:MOST_FINDINGS]
