"""How often verdicts are wrong, and how often they find what is there, on simulated requests.

Three tables: endpoints tested alone, families of 20 and 200 endpoints of which one changed, and requests that
resemble those of their own minute. Beside them what two common rules say of the same requests: "p95 has moved
by over 10 %", and Welch's test (p < 0.01) with a mean that moved by over 10 %. Any change that is told where
there is none is a false alarm, in either direction, for each rule.

Targets on power are of lognormal durations with sigma 0.3. A change of a 5 ms median by 10 or 20 % does not
pass the floor of 1 ms for sure, and is shown without a target.
"""

from __future__ import annotations

import argparse
import math
import random
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import product
from pathlib import Path
from typing import Any, Final

from benchmarks.support import simulated
from benchmarks.support.report import Report, say
from benchmarks.support.simulated import SHAPES, Said, Shape
from profiles.compare import Pair, judge

NONE_PAIRS: Final = 4_000
POWER_PAIRS: Final = 400
DEPENDENT_PAIRS: Final = 400
FAMILIES: Final = 200
# How many of all are drawn in a quick run.
QUICK_SHARE: Final = 0.04
COUNTS: Final = (20, 50, 200)
MEDIANS_MS: Final = (5, 50, 500)
CHANGES: Final = (0.1, 0.2, 0.5, -0.3)
TAIL_COUNT, TAIL_SHARE, TAIL_TIMES = 2_000, 0.1, 6.0
FAMILY_SIZES: Final = (20, 200)
FAMILY_CASES: Final = ((0.0, 50), (0.5, 20), (0.5, 50), (0.2, 200))
# Requests of a minute share a factor of this sigma.
MINUTE_SIGMAS: Final = (0.0, 0.15, 0.3)
A_MINUTE: Final = 20
MINUTES: Final = (5, 10, 24, 100)
USUAL: Final = "lognormal 0.3"

Row = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev bench verdicts", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report there as JSON")
    parser.add_argument("--quick", action="store_true", help="few pairs a cell; ends within a minute")
    parser.add_argument("--table", choices=TABLES, help="one table alone")
    parser.add_argument("--shape", choices=SHAPES, help="of single endpoints those of this shape alone")
    options = parser.parse_args()
    report, began = Report("verdicts"), time.process_time()
    for name, table in TABLES.items():
        if options.table in (None, name):
            say(f"table {name}")
            report.rows += table(QUICK_SHARE if options.quick else 1.0, options.shape)
    judge_rows(report)
    say(f"{time.process_time() - began:.0f} s of CPU time")
    report.write(options.json, versions={})


def alone(share: float, only: str | None) -> Iterator[Row]:
    """Single endpoints: without a change, with one, and with slow requests among the usual ones."""
    for shape, count, median_ms in product([only] if only else SHAPES, COUNTS, MEDIANS_MS):
        for change in (0.0, *CHANGES):
            pairs = NONE_PAIRS if not change else POWER_PAIRS
            yield from _cell(
                share * pairs, shape, SHAPES[shape], count=count, median_ms=median_ms, change=change
            )
    if only not in (None, USUAL):
        return
    tail = simulated.with_slow_ones(SHAPES[USUAL], share=TAIL_SHARE, times=TAIL_TIMES)
    for median_ms in MEDIANS_MS:
        yield from _cell(
            share * POWER_PAIRS, "tail only", SHAPES[USUAL], tail, count=TAIL_COUNT, median_ms=median_ms
        )
    yield from _cell(share * NONE_PAIRS, USUAL, SHAPES[USUAL], count=TAIL_COUNT, median_ms=50)
    yield from _cell(share * NONE_PAIRS, "heavy tails", SHAPES["heavy tails"], count=TAIL_COUNT, median_ms=50)


def _cell(
    pairs: float,
    name: str,
    shape: Shape,
    slower: Shape | None = None,
    *,
    count: int,
    median_ms: int,
    change: float = 0.0,
) -> Iterator[Row]:
    draw, median_us = random.Random(f"{name} {count} {median_ms} {change}"), 1_000.0 * median_ms
    found = []
    for _ in range(max(1, round(pairs))):
        base = simulated.requests(draw, shape, median_us=median_us, count=count)
        head = simulated.requests(draw, slower or shape, median_us=median_us * (1 + change), count=count)
        found.append(simulated.said(base, head))
    expected = 1 if slower or change > 0 else -1 if change else 0
    yield {
        "table": "alone",
        "shape": name,
        "n": count,
        "median_ms": median_ms,
        "change": change,
        **_shares(found, expected),
    }


def families(share: float, _only: str | None) -> Iterator[Row]:
    """Endpoints tested together, of which the first changed."""
    for size, (change, count) in product(FAMILY_SIZES, FAMILY_CASES):
        draw = random.Random(f"{size} {change} {count}")
        told = wrong = accused = 0
        times = max(2, round(share * FAMILIES * FAMILY_SIZES[0] / size)) if share < 1 else FAMILIES
        for _ in range(times):
            judged = judge({f"{place}": _drawn(draw, change * (not place), count) for place in range(size)})
            first, *others = map(simulated.direction, judged)
            told += first > 0
            wrong += first < 0
            accused += any(others) or (not change and bool(first))
        yield {
            "table": "families",
            "size": size,
            "n": count,
            "change": change,
            "families": times,
            "found": round(told / times, 4),
            "wrong_direction": round(wrong / times, 4),
            "with_false_alarm": round(accused / times, 4),
        }


def _drawn(draw: random.Random, change: float, count: int) -> Pair:
    base = simulated.requests(draw, SHAPES[USUAL], median_us=50_000, count=count)
    head = simulated.requests(draw, SHAPES[USUAL], median_us=50_000 * (1 + change), count=count)
    return simulated.pair(base, head)


def dependent(share: float, _only: str | None) -> Iterator[Row]:
    """Requests of some minutes, each of which is slow or fast as a whole."""
    for sigma, minutes, change in product(MINUTE_SIGMAS, MINUTES, (0.0, 0.5)):
        draw, found = random.Random(f"{sigma} {minutes} {change}"), []
        for _ in range(max(1, round(share * DEPENDENT_PAIRS))):
            base, head = (
                [
                    simulated.requests(
                        draw,
                        SHAPES[USUAL],
                        median_us=median_us * math.exp(sigma * draw.gauss(0, 1)),
                        count=A_MINUTE,
                    )
                    for _minute in range(minutes)
                ]
                for median_us in (50_000, 50_000 * (1 + change))
            )
            found.append(simulated.said_of_minutes(base, head))
        yield {
            "table": "dependent",
            "minute_sigma": sigma,
            "minutes": minutes,
            "n": minutes * A_MINUTE,
            "change": change,
            **_shares(found, 1 if change else 0),
        }


def _shares(found: list[Said], expected: int) -> Row:
    """How often each rule was right; where nothing changed, how often each told a change all the same."""
    rules: dict[str, Callable[[Said], int]] = {
        "verdict": lambda said: said.ours,
        "p95": lambda said: said.p95,
        "welch": lambda said: said.welch,
    }
    pairs = len(found)
    if not expected:
        return {
            "pairs": pairs,
            **{
                f"{name}_false": round(sum(map(bool, map(rule, found))) / pairs, 4)
                for name, rule in rules.items()
            },
            "inconclusive": round(sum(said.is_inconclusive for said in found) / pairs, 4),
        }
    return {
        "pairs": pairs,
        **{
            f"{name}_found": round(sum(rule(said) == expected for said in found) / pairs, 4)
            for name, rule in rules.items()
        },
        "wrong_direction": round(sum(said.ours == -expected for said in found) / pairs, 4),
        "inconclusive": round(sum(said.is_inconclusive for said in found) / pairs, 4),
    }


TABLES: Final[dict[str, Callable[[float, str | None], Iterator[Row]]]] = {
    "alone": alone,
    "families": families,
    "dependent": dependent,
}


def judge_rows(report: Report) -> None:
    single = [row for row in report.rows if row["table"] == "alone"]
    if single:
        false = max(row["verdict_false"] for row in single if "verdict_false" in row)
        report.at_most("false alarms, worst cell", 100 * false, limit=1, unit="%")
        wrong = max(row["wrong_direction"] for row in single if "wrong_direction" in row)
        report.at_most("wrong direction, worst cell", 100 * wrong, limit=0.5, unit="%")
    for change, count, least_ms, limit in ((0.5, 20, 5, 80), (0.5, 50, 5, 99), (0.2, 200, 50, 95)):
        cells = (row for row in single if (row["shape"], row["n"], row["change"]) == (USUAL, count, change))
        name = f"found alone, +{100 * change:.0f} % at n={count}"
        _found(report, name, (row for row in cells if row["median_ms"] >= least_ms), limit=limit)
    tails = (row for row in single if row["shape"] == "tail only")
    _found(report, "found alone, tail only", tails, limit=90)
    for row in report.rows:
        if row["table"] == "families" and (row["size"], row["n"], row["change"]) == (200, 50, 0.5):
            report.at_least("found among 200, +50 % at n=50", 100 * row["found"], limit=90, unit="%")


def _found(report: Report, name: str, cells: Iterable[Row], *, limit: int) -> None:
    """The cell in which a change is found least; none if it was not run."""
    found = [row["verdict_found"] for row in cells]
    if found:
        report.at_least(name, 100 * min(found), limit=limit, unit="%")


if __name__ == "__main__":
    main()
