"""Celery: `install()`. Each run of a task is recorded under the task's name, in workers and eager ones.

A retried run is no error, nor is a rejected one. A run that takes its process with it (killed, out of memory,
over its hard time limit) is counted by the worker's main process.
"""

from __future__ import annotations

import sys
import time
from typing import Any
from weakref import WeakValueDictionary

import billiard
import celery
from billiard.exceptions import TimeLimitExceeded, WorkerLostError
from celery import signals, states
from celery.exceptions import Ignore, Reject, Retry

from perfplatform_sdk import client
from perfplatform_sdk.context import current
from perfplatform_sdk.event_loop import failure
from perfplatform_sdk.instance import name_framework
from perfplatform_sdk.recorder import Record, begin, harmless

# Requests of the worker's main process by task id, as long as Celery itself has them.
_received: WeakValueDictionary[str, Any] = WeakValueDictionary()


def install() -> None:
    """Record the tasks of this process, of whichever app; a second time changes nothing."""
    signals.task_prerun.connect(_begin)
    signals.task_postrun.connect(_end)
    signals.task_received.connect(_remember)
    signals.task_failure.connect(_end_lost)
    signals.worker_init.connect(_name_worker)
    signals.worker_process_init.connect(_name_worker)
    signals.worker_process_shutdown.connect(_send)


@harmless
def _begin(task_id: str, task: Any, **_: object) -> None:
    record = begin("task", owner=task_id)
    if record is not None:
        record.name(task.name)


@harmless
def _end(task_id: str, task: Any, retval: Any, state: str | None, **_: object) -> None:
    record = _record_of(task_id)
    if record is None:
        return
    _received.pop(task_id, None)
    if state is not None:
        record.end(failure(retval) if state == states.FAILURE else None)
        return
    error = sys.exc_info()[1]  # passes through
    if error is None or isinstance(error, (Retry, Ignore, Reject)):
        record.end()
    elif not isinstance(error, Exception) and _is_pool_process() and not task.request.is_eager:
        record.leave()  # the process ends, and the main process counts it as lost
    else:
        record.end(failure(error))


def _record_of(task_id: str) -> Record | None:
    record: Record | None = current.get()
    while record is not None and (record.ended or record.owner != task_id):
        record = record.outer
    return record


@harmless
def _remember(request: Any, **_: object) -> None:
    _received[request.id] = request


@harmless
def _end_lost(sender: Any, task_id: str, exception: BaseException, **_: object) -> None:
    """In the main process: a process is gone. Other failures were recorded where they happened."""
    request = _received.pop(task_id, None)
    if request is None or not isinstance(exception, (WorkerLostError, TimeLimitExceeded)):
        return
    record = begin("task", owner=task_id)
    if record is not None:
        seconds = max(0.0, time.time() - request.time_start) if request.time_start else 0.0
        record.began_ns -= int(seconds * 1e9)
        record.name(sender.name)
        record.end(exception)


def _is_pool_process() -> bool:
    return billiard.current_process().name != "MainProcess"


@harmless
def _name_worker(**_: object) -> None:
    name_framework(f"celery {celery.__version__}")


@harmless
def _send(**_: object) -> None:
    """Processes of a pool end without what Python does at exit."""
    client.shutdown()
