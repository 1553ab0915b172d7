"""How far the SDK is from what was promised of it. docs/performance.md explains each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.sdk_apps import modes, shop
from benchmarks.support.report import Report

from .cost import MIXED, MIXED_AT_ONCE, Cell
from .long import Aftermath
from .popular import Coverage
from .rare import Found
from .shares import Share
from .volume import Volume

# Of one process: less than 1 GB a day, however many requests it serves.
MOST_SENT_BYTES_PER_SECOND = 10_000


def judge_cost(report: Report, cells: Sequence[Cell]) -> None:
    """Of several frameworks and loads the worst counts."""
    none = pick(cells, modes.NONE, shop.TRIVIAL)
    auto = pick(cells, modes.AUTO, shop.TRIVIAL)
    mixed = pick(cells, modes.AUTO, MIXED, MIXED_AT_ONCE)
    report.at_most(
        "engine none, added to a trivial request",
        max(cell.added_us("process_cpu_us").value for cell in none),
        limit=5,
        unit="us of CPU",
    )
    report.at_most(
        "auto, added to a trivial request",
        max(cell.added_us("process_cpu_us").value for cell in auto),
        limit=15,
        unit="us of CPU",
    )
    report.at_most(
        "auto, mean process CPU of mixed requests",
        max(cell.mean_ratio("process_cpu_us").value for cell in mixed),
        limit=1.05,
        unit="ratio",
    )
    report.at_most(
        "auto, p99 of mixed requests that were not kept",
        max(cell.p99_ratio().value for cell in mixed),
        limit=1.10,
        unit="ratio",
    )
    report.at_most(
        "pyinstrument, cost beside that of a bare Profiler",
        max(recording_cost_ratio(cells, framework) for framework in profiled(cells)),
        limit=1.10,
        unit="ratio",
    )


def pick(cells: Iterable[Cell], mode: str, *loads: str) -> list[Cell]:
    return [cell for cell in cells if (cell.mode, cell.base) == (mode, modes.BARE) and cell.load in loads]


def profiled(cells: Iterable[Cell]) -> list[str]:
    """Frameworks on which both were measured."""
    return sorted({cell.framework for cell in cells if cell.mode == modes.PYINSTRUMENT})


def recording_cost_ratio(cells: Sequence[Cell], framework: str) -> float:
    """CPU time of the request's thread that recording the five views adds, by the SDK and by Profiler."""
    added_us = {
        mode: sum(
            cell.added_us("thread_cpu_us").value
            for cell in pick(cells, mode, *shop.VIEWS)
            if cell.framework == framework
        )
        for mode in (modes.PYINSTRUMENT, modes.PROFILER)
    }
    return added_us[modes.PYINSTRUMENT] / added_us[modes.PROFILER]


def judge_aftermath(report: Report, rows: Sequence[Aftermath]) -> None:
    report.at_most(
        "after a request of 200 samples, in its thread",
        max(row.added.value for row in rows),
        limit=50,
        unit="us of CPU",
    )


def judge_truth(
    report: Report, shares: Sequence[Share], coverages: Sequence[Coverage], found: Sequence[Found]
) -> None:
    for engine in modes.ENGINES:
        own = [share for share in shares if share.program.engine == engine]
        seen = [share for share in own if share.samples]
        worst = max(share.worst_points() for share in seen)
        report.at_most(f"{engine}, share of a function beside the truth", worst, limit=5, unit="points")
        # pyinstrument keeps off event loops.
        if engine != modes.PYINSTRUMENT:
            report.at_least(f"{engine}, programs with a tree", len(seen) / len(own), limit=1, unit="share")
    report.at_least(
        "endpoints of 200 with a stored function chain",
        min(coverage.chain_share for coverage in coverages),
        limit=1,
        unit="share",
    )
    with_long = [coverage for coverage in coverages if coverage.long]
    if with_long:  # a quick run has no time for them
        report.at_least(
            "endpoints of 10 s and more with 500 samples",
            min(coverage.samples_share for coverage in with_long),
            limit=1,
            unit="share",
        )
    # Without any to find, none was missed, and nothing was shown.
    report.at_least(
        "rare slow requests that were recorded themselves",
        min(row.slow_found / row.slow if row.slow else 0 for row in found),
        limit=1,
        unit="share",
    )
    report.at_least(
        "rare failures that were recorded themselves",
        min(row.failed_found / row.failed if row.failed else 0 for row in found),
        limit=1,
        unit="share",
    )


def judge_volume(report: Report, volumes: Sequence[Volume]) -> None:
    for volume in volumes:
        report.at_most(
            f"sent at {volume.per_second:,} requests/s",
            volume.bytes_per_second,
            limit=MOST_SENT_BYTES_PER_SECOND,
            unit="bytes/s",
        )
