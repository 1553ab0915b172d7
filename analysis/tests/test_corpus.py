"""Each detector finds the fault in programs that have it, and warns of nothing in their twins."""

from __future__ import annotations

from collections import Counter

import pytest

from analysis.detectors import BY_NAME
from analysis.tests.corpus import PROGRAMS
from analysis.tests.corpus.judging import judge
from analysis.tests.corpus.program import Program
from analysis.tests.corpus.recording import record

# What no program here can have: see corpus/__init__.py. It is tested with trees made by hand.
WITHOUT_PROGRAMS = {"pandas_rows"}
# A machine that is busy with others may keep a program from its share of the time.
ATTEMPTS = 3

pytestmark = pytest.mark.long


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_fault_is_found_and_nothing_else_is_warned_of(program: Program) -> None:
    told = []
    for _attempt in range(ATTEMPTS):
        judgement = judge(program, record(program))
        if judgement.is_right:
            return
        told.append(judgement.told)
    raise AssertionError(told)


def test_every_detector_has_two_faults_and_a_twin() -> None:
    faults = Counter(program.detector for program in PROGRAMS if program.is_faulty)
    twins = Counter(program.detector for program in PROGRAMS if not program.is_faulty)
    assert set(BY_NAME) - WITHOUT_PROGRAMS == {name for name, count in faults.items() if count >= 2}
    assert set(BY_NAME) - WITHOUT_PROGRAMS == set(twins)
