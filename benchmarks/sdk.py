"""What the SDK costs, and whether what it says is true: in one run, against no SDK and its peers."""

from __future__ import annotations

import argparse
import importlib.metadata
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.sdk_apps.watching import FASTAPI, FLASK
from benchmarks.sdk_measures import cost, documents, long, popular, rare, shares, targets, volume
from benchmarks.sdk_measures.scale import QUICK, WHOLE, Scale
from benchmarks.support.fake_platform import FakePlatform, fake_platform
from benchmarks.support.report import Report, say

PACKAGES = ("Flask", "fastapi", "starlette", "sentry-sdk")


def main() -> None:
    options = read_arguments()
    report = Report("sdk")
    with tempfile.TemporaryDirectory() as folder, fake_platform(Path(folder)) as platform:
        measure(report, platform, QUICK if options.quick else WHOLE)
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    report.write(options.json, versions=versions)
    if options.documents:
        documents.write(report, versions)


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench sdk", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report there as JSON")
    parser.add_argument("--quick", action="store_true", help="some rows of every kind; ends within a minute")
    parser.add_argument(
        "--documents",
        action="store_true",
        help="write the tables into docs/performance.md and its translation",
    )
    options = parser.parse_args()
    if options.quick and options.documents:
        parser.error("the figures of a quick run say too little for the documents")
    return options


def measure(report: Report, platform: FakePlatform, scale: Scale) -> None:
    """First what needs a quiet machine: the cost. Then truth and coverage, into the same report."""
    cells = list(cost.measure(platform, scale))
    say("After the handler")
    aftermaths = long.measure(platform, scale)
    say("Rare requests, and the volume that is sent")
    slow, fast, *founds = at_once(
        [
            *(partial(volume.measure, platform, pace, scale) for pace in volume.PER_SECOND),
            *(partial(rare.measure, platform, framework, scale) for framework in (FLASK, FASTAPI)),
        ],
        workers=4,  # half of which wait nearly always
    )
    say("Coverage of 200 endpoints")
    coverages = at_once(
        [partial(popular.measure, platform, framework, scale) for framework in (FLASK, FASTAPI)],
        workers=2 if scale.quick else 1,
    )
    say("Shares of functions")
    told = at_once([partial(shares.measure, platform, program, scale) for program in shares.programs(scale)])
    volumes = [slow, fast]
    report.rows = [row.row() for row in (*cells, *aftermaths, *told, *coverages, *founds, *volumes)]
    targets.judge_cost(report, cells)
    targets.judge_aftermath(report, aftermaths)
    targets.judge_truth(report, told, coverages, founds)
    targets.judge_volume(report, volumes)


def at_once(parts: Sequence[Callable[[], Any]], *, workers: int = 2) -> list[Any]:
    """What each part gives. These are no matter of microseconds, so they may share the machine."""
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(lambda part: part(), parts))


if __name__ == "__main__":
    main()
