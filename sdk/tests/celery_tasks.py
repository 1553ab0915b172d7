"""Tasks for the tests, and `python celery_tasks.py POOL`: a worker that runs them."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import celery
from celery.exceptions import Ignore, Reject

import perfplatform_sdk
from perfplatform_sdk.integrations.celery import install

app = celery.Celery("celery_tasks", broker=os.environ.get("REDIS_URL", "memory://"))
app.conf.update(
    task_default_queue=os.environ.get("TASKS_QUEUE", "tests"),
    broker_connection_retry_on_startup=True,
    worker_hijack_root_logger=False,
)


def begun(name: str) -> None:
    """Say that a run has begun, to whoever waits for it."""
    if "TASKS_LOG" in os.environ:
        with Path(os.environ["TASKS_LOG"]).open("a") as log:
            log.write(f"{name}\n")


def marker() -> None:
    """Takes CPU time."""
    until = time.thread_time() + 0.15
    while time.thread_time() < until:
        len(str(until))


@app.task
def work(number: int) -> int:
    begun("work")
    marker()
    return number


@app.task
def fails() -> None:
    begun("fails")
    raise LookupError("nothing there")


@app.task(bind=True, max_retries=1, default_retry_delay=0)
def tries_twice(self: Any) -> None:
    begun("tries_twice")
    if self.request.retries == 0:
        raise self.retry(exc=OSError("not yet"))


@app.task
def gives_up(how: str) -> None:
    begun("gives_up")
    raise {"ignore": Ignore, "reject": Reject}[how]()


@app.task
def calls_others() -> int:
    begun("calls_others")
    return int(work.apply(args=(2,)).get(disable_sync_subtasks=False))


@app.task
def exits() -> None:
    begun("exits")
    sys.exit(3)


@app.task
def dies() -> None:
    begun("dies")
    time.sleep(0.3)
    os.kill(os.getpid(), signal.SIGKILL)


@app.task(time_limit=1)
def hangs() -> None:
    begun("hangs")
    time.sleep(60)


if __name__ == "__main__":
    perfplatform_sdk.init()
    install()
    app.worker_main(
        [
            *("worker", "--pool", sys.argv[1], "--concurrency", "1", "--loglevel", "WARNING"),
            *("--without-gossip", "--without-mingle", "--without-heartbeat"),
        ]
    )
