"""examples/celery_app, started as its README says."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_platform import KEY, REPOSITORY, FakePlatform


@pytest.fixture(params=["prefork", "solo"])
def bakery(request: pytest.FixtureRequest, platform: FakePlatform, tmp_path: Path) -> Iterator[Path]:
    """The bakery at work; the log of its worker."""
    assert "REDIS_URL" in os.environ, "REDIS_URL is not set: `./dev test` starts a Redis and sets it"
    variables = {
        **os.environ,
        "PERFPLATFORM_KEY": KEY,
        "PERFPLATFORM_URL": platform.url,
        "PERFPLATFORM_FLUSH_INTERVAL": "0.1",
        "PERFPLATFORM_OVERHEAD_BUDGET": "64",
        "PYTHONPATH": os.pathsep.join(map(str, (REPOSITORY / "sdk", REPOSITORY / "examples"))),
    }
    log = tmp_path / "worker.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "celery_app", request.param],
            env=variables,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    yield log
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0


@pytest.mark.slow
def test_its_tasks_are_recorded(bakery: Path, platform: FakePlatform) -> None:
    tasks = ("print_label", "bake", "order_flour", "share_tips")

    def have_run() -> bool:
        counts = {
            route.rpartition(".")[2]: entry["count"] for (_, _, route), entry in platform.entries().items()
        }
        return all(counts.get(task, 0) >= 4 for task in tasks)

    platform.wait_for(have_run, 60)
    errors = {route: entry["errors"] for (_, _, route), entry in platform.entries().items()}
    assert errors.pop("celery_app.tasks.share_tips") >= 1
    assert set(errors.values()) == {0}
    shown = [
        profile for profile in platform.profiles if profile["endpoint"] == "celery_app.tasks.print_label"
    ]
    assert any("find_allergens" in profile["session"]["strings"] for profile in shown)
    failed = {profile["error_type"] for profile in platform.profiles if profile.get("error_type")}
    assert failed == {"ZeroDivisionError"}
