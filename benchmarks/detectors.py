"""./dev bench detectors: how often each detector is right, on programs that are run for it."""

from __future__ import annotations

import argparse
import importlib.metadata
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from analysis.detectors import DETECTORS
from analysis.tests.corpus import PROGRAMS
from analysis.tests.corpus.judging import Judgement, judge
from analysis.tests.corpus.program import Program
from analysis.tests.corpus.recording import record
from benchmarks.support.report import Report

LEAST_RECALL = 95.0


@dataclass
class Score:
    """Of one detector: `alarms` are warnings of it that are not true."""

    faulty: int = 0
    hits: int = 0
    twins: int = 0
    alarms: int = 0

    @property
    def recall_percent(self) -> float:
        return 100 * self.hits / self.faulty if self.faulty else 0.0

    @property
    def precision_percent(self) -> float:
        told = self.hits + self.alarms
        return 100 * self.hits / told if told else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev bench detectors", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report there as JSON")
    parser.add_argument("--quick", action="store_true", help="the same: it takes half a minute")
    options = parser.parse_args()
    report = Report("detectors")
    scores: dict[str, Score] = defaultdict(Score)
    late = Score()
    for program in PROGRAMS:
        judgement = judge(program, record(program))
        print(f"{'ok  ' if judgement.is_right else 'MISS'} {program.name}  {judgement.told}", flush=True)
        _count(scores, program, judgement)
        if program.is_late and program.is_faulty:
            late.faulty += 1
            late.hits += judgement.is_hit
    for detector in DETECTORS:
        score = scores[detector.name]
        report.rows.append(
            {
                "detector": detector.name,
                "faulty": score.faulty,
                "hits": score.hits,
                "twins": score.twins,
                "false warnings": score.alarms,
                "recall %": round(score.recall_percent, 1),
                "precision %": round(score.precision_percent, 1),
            }
        )
    whole = Score(
        faulty=sum(score.faulty for score in scores.values()),
        hits=sum(score.hits for score in scores.values()),
        alarms=sum(score.alarms for score in scores.values()),
    )
    report.at_least("recall of all", whole.recall_percent, limit=LEAST_RECALL, unit="%")
    if late.faulty:
        report.at_least("recall of those written later", late.recall_percent, limit=90.0, unit="%")
    report.at_most("false warnings", whole.alarms, limit=0, unit="")
    report.write(options.json, versions={"pyinstrument": importlib.metadata.version("pyinstrument")})


def _count(scores: dict[str, Score], program: Program, judgement: Judgement) -> None:
    score = scores[program.detector]
    if program.is_faulty:
        score.faulty += 1
        score.hits += judgement.is_hit
    else:
        score.twins += 1
    for name in judgement.false_warnings:
        scores[name].alarms += 1


if __name__ == "__main__":
    main()
