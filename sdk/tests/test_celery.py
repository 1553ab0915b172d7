"""Celery's tasks, in real workers on a real Redis and where they are eager."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest
from fake_platform import KEY, FakePlatform

import perfplatform_sdk
from perfplatform_sdk.recorder import begin, current_record

Start = Callable[..., None]
TESTS = Path(__file__).parent

Counts = dict[str, tuple[int, int]]


def counts(platform: FakePlatform) -> Counts:
    """Count and errors of each task."""
    return {
        route.rpartition(".")[2]: (entry["count"], entry["errors"])
        for (kind, _, route), entry in platform.entries().items()
        if kind == "task"
    }


def profiles(platform: FakePlatform, task: str) -> list[dict[str, Any]]:
    return [profile for profile in platform.profiles if profile["endpoint"] == f"celery_tasks.{task}"]


# Workers


@pytest.fixture
def tasks(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The tasks, with a queue of their own."""
    assert "REDIS_URL" in os.environ, "REDIS_URL is not set: `./dev test` starts a Redis and sets it"
    import celery_tasks

    queue = f"tests-{uuid.uuid4().hex}"
    monkeypatch.setenv("TASKS_QUEUE", queue)
    celery_tasks.app.conf.update(broker_url=os.environ["REDIS_URL"], task_default_queue=queue)
    yield celery_tasks
    with celery_tasks.app.connection_for_write() as connection:
        connection.default_channel.queue_delete(queue)
    celery_tasks.app.close()


class Worker:
    """A worker in a process of its own, which speaks to the platform only when it ends."""

    def __init__(self, pool: str, platform: FakePlatform, folder: Path) -> None:
        self._begun = folder / "begun"
        with (folder / "worker.log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(TESTS / "celery_tasks.py"), pool],
                env={
                    **os.environ,
                    "PYTHONPATH": f"{TESTS}{os.pathsep}{TESTS.parent}",
                    "PERFPLATFORM_URL": platform.url,
                    "PERFPLATFORM_KEY": KEY,
                    "PERFPLATFORM_FLUSH_INTERVAL": "3600",
                    "PERFPLATFORM_OVERHEAD_BUDGET": "64",
                    "TASKS_LOG": str(self._begun),
                },
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def wait_for(self, *tasks: str) -> None:
        """Until these have begun, in any order, and no others."""
        deadline = time.monotonic() + 60
        while sorted(self.begun()) != sorted(tasks):
            assert time.monotonic() < deadline, (
                self.begun(),
                (self._begun.parent / "worker.log").read_text(),
            )
            time.sleep(0.02)

    def begun(self) -> list[str]:
        return self._begun.read_text().split() if self._begun.exists() else []

    def finish(self) -> None:
        """Stop it gently."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60) == 0

    def close(self) -> None:
        """Stop it anyhow."""
        self.process.kill()
        self.process.wait(10)


@pytest.fixture
def start_worker(platform: FakePlatform, tmp_path: Path) -> Iterator[Callable[[str], Worker]]:
    started: list[Worker] = []

    def start(pool: str) -> Worker:
        started.append(Worker(pool, platform, tmp_path))
        return started[-1]

    yield start
    for worker in started:
        worker.close()


POOLS = ["prefork", *(pytest.param(pool, marks=pytest.mark.slow) for pool in ("solo", "threads"))]


@pytest.mark.parametrize("pool", POOLS)
def test_worker_that_stops_gently_has_counted_all_runs(
    pool: str, tasks: Any, start_worker: Callable[[str], Worker], platform: FakePlatform
) -> None:
    tasks.fails.delay()
    tasks.tries_twice.delay()
    tasks.gives_up.delay("ignore")
    tasks.gives_up.delay("reject")
    tasks.calls_others.delay()
    tasks.work.delay(1)
    worker = start_worker(pool)
    worker.wait_for(
        *("fails", "tries_twice", "tries_twice", "gives_up", "gives_up", "calls_others", "work", "work")
    )
    worker.finish()
    assert counts(platform) == {
        "fails": (1, 1),
        "tries_twice": (2, 0),
        "gives_up": (2, 0),
        "calls_others": (1, 0),
        "work": (2, 0),
    }
    assert [profile["error_type"] for profile in profiles(platform, "fails")] == ["LookupError"]
    for task in ("work", "calls_others"):  # of the two runs of `work`, one is seen in `calls_others`
        (profile,) = profiles(platform, task)
        assert (profile["kind"], profile["method"], profile["status"]) == ("task", "", None)
        assert "marker" in profile["session"]["strings"]
    assert {batch["process"]["framework"].split()[0] for batch in platform.batches} == {"celery"}
    assert platform.dropped() == {}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "error_type", "at_least_us"),
    [
        ("dies", "billiard.exceptions.WorkerLostError", 300_000),
        ("exits", "billiard.exceptions.WorkerLostError", 0),
        ("hangs", "billiard.exceptions.TimeLimitExceeded", 900_000),
    ],
)
def test_run_that_takes_its_process_with_it_is_counted_once(
    task: str,
    error_type: str,
    at_least_us: int,
    tasks: Any,
    start_worker: Callable[[str], Worker],
    platform: FakePlatform,
) -> None:
    getattr(tasks, task).delay()
    tasks.work.delay(1)
    worker = start_worker("prefork")
    worker.wait_for(task, "work")
    worker.finish()
    assert counts(platform) == {task: (1, 1), "work": (1, 0)}
    (profile,) = profiles(platform, task)
    assert profile["error_type"] == error_type
    assert profile["duration_us"] >= at_least_us


@pytest.mark.slow
def test_run_that_ends_a_worker_of_one_process_is_counted_once(
    tasks: Any, start_worker: Callable[[str], Worker], platform: FakePlatform
) -> None:
    tasks.exits.delay()
    worker = start_worker("solo")
    worker.wait_for("exits")
    worker.process.wait(30)
    assert counts(platform) == {"exits": (1, 1)}


# Eager runs


@pytest.fixture
def eager() -> Any:
    import celery_tasks

    from perfplatform_sdk.integrations.celery import install

    install()
    install()
    return celery_tasks


def test_eager_run_is_recorded(eager: Any, platform: FakePlatform, start: Start) -> None:
    start(overhead_budget=64)
    assert eager.work.apply(args=(3,)).get() == 3
    assert perfplatform_sdk.flush(5.0)
    assert counts(platform) == {"work": (1, 0)}
    assert "marker" in platform.profiles[0]["session"]["strings"]


def test_eager_run_inside_a_request_is_counted_and_seen_there(
    eager: Any, platform: FakePlatform, start: Start
) -> None:
    start(overhead_budget=64)
    request = begin("request", "GET")
    assert request is not None
    request.name("/orders")
    assert eager.work.apply(args=(3,)).get() == 3
    assert current_record() is request
    request.end()
    assert perfplatform_sdk.flush(5.0)
    assert counts(platform) == {"work": (1, 0)}
    (profile,) = platform.profiles
    assert profile["endpoint"] == "/orders"
    assert "marker" in profile["session"]["strings"]


def test_eager_runs_fail_as_they_do_without_us(eager: Any, platform: FakePlatform, start: Start) -> None:
    start()
    for throw in (False, True):
        try:
            raise KeyError("handled meanwhile")
        except KeyError:
            assert eager.gives_up.apply(args=("ignore",), throw=throw).state == "IGNORED"
            if throw:
                with pytest.raises(LookupError, match="nothing there"):
                    eager.fails.apply(throw=True)
            else:
                assert eager.fails.apply().state == "FAILURE"
    assert eager.tries_twice.apply().state == "SUCCESS"
    with pytest.raises(SystemExit):
        eager.exits.apply()
    assert current_record() is None
    assert perfplatform_sdk.flush(5.0)
    assert counts(platform) == {
        "gives_up": (2, 0),
        "fails": (2, 2),
        "tries_twice": (2, 0),
        "exits": (1, 1),
    }
    assert "internal_error" not in platform.dropped()


def test_task_called_as_a_function_is_a_function(eager: Any, platform: FakePlatform, start: Start) -> None:
    start()
    assert eager.work(3) == 3
    assert perfplatform_sdk.flush(5.0)
    assert platform.entries() == {}


def test_nothing_is_recorded_before_init(eager: Any, platform: FakePlatform) -> None:
    assert eager.work.apply(args=(3,)).get() == 3
    assert platform.posts == []
