"""Waiting for a lock, an event, a queue or another thread.

Sees `acquire`, `wait`, `get` and `join` of the standard library, and pymongo's and redis-py's locks. Can't
see `with lock:` on a plain lock, which no engine is told of: it is the caller's own time, and waiting.py
says that the CPU was idle. Acquiring a free lock very often looks the same in the frames; where the CPU was
busy, or each call returned at once, it is told without a warning.
"""

from __future__ import annotations

from typing import Final

from analysis.detectors.detector import CallDetector
from analysis.evidence import Frames

LOCKS: Final = Frames(
    {
        "<built-in>": (
            "lock.acquire",
            "RLock.acquire",
            "lock.__enter__",
            "RLock.__enter__",
            "lockf",
            "flock",
            "SimpleQueue.get",
        ),
        "threading.py": (
            "Condition.wait",
            "Condition.wait_for",
            "Event.wait",
            "Semaphore.acquire",
            "BoundedSemaphore.acquire",
            "Semaphore.__enter__",
            "Barrier.wait",
            "Thread.join",
            "_RLock.acquire",
            "wait",
            "wait_for",
            "join",
            "acquire",
            "_wait_for_tstate_lock",
        ),
        "queue.py": ("get", "put", "join"),
        "multiprocessing/synchronize.py": (),
        "concurrent/futures/_base.py": ("result", "wait"),
        "redis/lock.py": ("acquire",),
        "filelock/_api.py": ("acquire",),
    }
)

DETECTOR: Final = CallDetector(
    "lock_wait",
    LOCKS,
    "https://docs.python.org/3/library/threading.html#lock-objects",
    waits=True,
    may_be_quick=True,
)
