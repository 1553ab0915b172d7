"""The benchmark of the SDK as a whole."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = {"cost", "after the handler", "shares", "coverage", "rare", "volume"}
MODES = {"no SDK again", "none", "auto", "sampler", "pyinstrument", "bare Profiler", "sentry-sdk"}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_quick_run_has_rows_of_all_kinds(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    command = [sys.executable, "-m", "benchmarks.sdk", "--quick", "--json", str(file)]
    python_path = os.pathsep.join([str(ROOT / "sdk"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": python_path}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(file.read_text())
    assert report["bench"] == "sdk"
    assert {row["part"] for row in report["rows"]} == PARTS
    cost = [row for row in report["rows"] if row["part"] == "cost"]
    assert {row["mode"] for row in cost} == MODES
    assert {row["framework"] for row in cost} == {"flask", "django", "fastapi"}
    assert all({"name", "value", "unit", "limit", "ok"} == set(target) for target in report["targets"])
    # Not how much it costs, but that what it cost was looked for where it is.
    [rare] = [row for row in report["rows"] if row["part"] == "rare" and row["framework"] == "flask"]
    assert rare["slow"] == rare["failed"] > 0
    assert all(row["counted"] == row["requests"] for row in report["rows"] if row["part"] == "coverage")
