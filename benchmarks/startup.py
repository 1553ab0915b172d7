"""./dev bench startup: how long ./dev run takes to be ready, the first time and again on the same data."""

from __future__ import annotations

import argparse
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.support.report import Report

ROOT = Path(__file__).resolve().parent.parent
READY = re.compile(rb"ready after")
LONGEST_START_S = 300.0
LATER_START_LIMIT_S = 10.0
NOT_BY_DEFAULT = 8399


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev bench startup", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report there as JSON")
    parser.add_argument("--quick", action="store_true", help="one later start instead of five")
    parser.add_argument("--port", type=int, default=NOT_BY_DEFAULT, help="port of the measured instance")
    options = parser.parse_args()
    report = Report("startup")
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        first = seconds_until_ready(data, port=options.port)
        later = [seconds_until_ready(data, port=options.port) for _start in range(1 if options.quick else 5)]
    report.rows.append({"start": "first", "seconds": round(first, 2)})
    report.rows += [{"start": "later", "seconds": round(seconds, 2)} for seconds in later]
    report.at_most("later start, median", median(later), limit=LATER_START_LIMIT_S, unit="s")
    report.write(options.json, versions={})


def seconds_until_ready(data: Path, *, port: int) -> float:
    """Start the product with its demo, stop it again, and return the seconds between start and readiness."""
    log = data.with_suffix(".log")
    command = [sys.executable, str(ROOT / "dev"), "run", "--data", str(data), "--port", str(port)]
    began = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        while not READY.search(log.read_bytes()):
            if process.poll() is not None or time.perf_counter() - began > LONGEST_START_S:
                raise SystemExit(log.read_text())
            time.sleep(0.02)
        return time.perf_counter() - began
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


if __name__ == "__main__":
    main()
