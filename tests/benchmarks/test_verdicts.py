"""The benchmark of verdicts: its rules are what they are called, and its cells hold what they say."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from benchmarks import verdicts
from benchmarks.support import simulated
from benchmarks.support.report import Report
from benchmarks.support.simulated import SHAPES


@pytest.fixture
def draw() -> random.Random:
    return random.Random(11)


def test_rules_tell_a_change_and_its_direction(draw: random.Random) -> None:
    base = simulated.requests(draw, SHAPES["lognormal 0.3"], median_us=50_000, count=500)
    head = simulated.requests(draw, SHAPES["lognormal 0.3"], median_us=90_000, count=500)
    for before, after, direction in ((base, head, 1), (head, base, -1), (base, base, 0)):
        said = simulated.said(before, after)
        assert (said.ours, said.p95, said.welch) == (direction,) * 3


def test_welch_wants_evidence_and_the_p95_rule_none() -> None:
    base, head = [50_000.0, 60_000.0, 70_000.0], [55_000.0, 66_000.0, 90_000.0]
    assert simulated.p95_rule(base, head) == 1
    assert simulated.welch(base, head) == 0


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_have_the_median_that_is_asked_for_or_more(draw: random.Random, shape: str) -> None:
    values = sorted(simulated.requests(draw, SHAPES[shape], median_us=50_000, count=4_000))
    assert 48_000 < values[2_000] < 65_000


def test_a_tail_slows_its_share_alone(draw: random.Random) -> None:
    slower = simulated.with_slow_ones(lambda _draw: 1.0, share=0.1, times=6)
    values = simulated.requests(draw, slower, median_us=1_000, count=5_000)
    assert set(values) == {1_000, 6_000}
    assert values.count(6_000) / 5_000 == pytest.approx(0.1, abs=0.02)


def test_every_table_has_its_rows_and_targets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdicts, "FAMILY_SIZES", (20,))
    monkeypatch.setattr(verdicts, "TAIL_COUNT", 200)
    report = Report("verdicts")
    report.rows = [
        *verdicts.alone(0.0005, "lognormal 0.3"),
        *verdicts.families(0.0005, None),
        *verdicts.dependent(0.0005, None),
    ]
    verdicts.judge_rows(report)
    cells = [row for row in report.rows if row["table"] == "alone" and row["shape"] == "lognormal 0.3"]
    assert {row["n"] for row in cells} >= set(verdicts.COUNTS)
    assert {row["change"] for row in cells} == {0.0, *verdicts.CHANGES}
    assert {row["size"] for row in report.rows if row["table"] == "families"} == {20}
    assert {row["minutes"] for row in report.rows if row["table"] == "dependent"} == set(verdicts.MINUTES)
    assert [target.limit for target in report.targets] == [1, 0.5, 80, 99, 95, 90]


def test_the_same_cell_gives_the_same_figures() -> None:
    once, again = (
        list(verdicts._cell(3, "lognormal 0.3", SHAPES["lognormal 0.3"], count=20, median_ms=50))
        for _time in range(2)
    )
    assert once == again


def test_a_report_of_one_table_has_the_targets_of_that_table() -> None:
    report = Report("verdicts")
    row = {"table": "families", "size": 200, "n": 50, "change": 0.5, "found": 0.95}
    report.rows = [row]
    verdicts.judge_rows(report)
    assert [target.ok for target in report.targets] == [True]
    assert all(one.name != other.name for one, other in pairwise(report.targets))
