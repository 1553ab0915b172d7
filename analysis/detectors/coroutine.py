"""Blocking calls inside of coroutines: nobody else's request goes on meanwhile.

Sees sleeps, locks, HTTP, queries and subprocesses that block, below frames that only an event loop runs, or
in a function that awaits elsewhere. What a thread does (`to_thread`, FastAPI's plain functions,
Django's `sync_to_async`) is no fault. Can't see what computes for long, which blocks as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from analysis.detectors.database import DATABASE
from analysis.detectors.detector import Thresholds, tell
from analysis.detectors.http import HTTP
from analysis.detectors.locks import LOCKS
from analysis.detectors.sleep import SLEEPS
from analysis.detectors.subprocesses import SUBPROCESSES
from analysis.evidence import Evidence, Frames
from analysis.finding import Confidence, Finding

AWAIT: Final = "[await]"
BLOCKING: Final = SLEEPS | LOCKS | HTTP | DATABASE | SUBPROCESSES
# Made to be awaited: what waits below them does not block.
AWAITED: Final = Frames(
    {
        "httpx/_client.py": ("AsyncClient.request", "AsyncClient.send", "AsyncClient.get"),
        "aiohttp/client.py": (),
        "asyncpg/connection.py": (),
        "redis/asyncio/client.py": (),
        "pymongo/asynchronous/collection.py": (),
        "pymongo/asynchronous/cursor.py": (),
        "aiosqlite/core.py": (),
        "sqlalchemy/util/_concurrency_py3k.py": (),
        "sqlalchemy/util/concurrency.py": (),
        "asyncio/subprocess.py": (),
    }
)
LOOP: Final = Frames(
    {
        "asyncio/events.py": ("_run", "Handle._run"),
        "asyncio/base_events.py": ("_run_once", "run_forever", "run_until_complete"),
        "asyncio/runners.py": ("run",),
        "fastapi/routing.py": ("run_endpoint_function", "app"),
        "starlette/routing.py": ("app",),
        "starlette/applications.py": ("__call__",),
        "uvicorn/protocols/http/httptools_impl.py": ("run_asgi",),
        "uvicorn/protocols/http/h11_impl.py": ("run_asgi",),
        "django/core/handlers/asgi.py": ("__call__", "handle"),
        "uvloop/__init__.py": ("run",),
        "<built-in>": ("Context.run",),
    }
)
THREAD: Final = Frames(
    {
        "threading.py": ("run", "_bootstrap", "_bootstrap_inner"),
        "concurrent/futures/thread.py": ("run", "_worker"),
        "anyio/_backends/_asyncio.py": ("run", "run_sync_in_worker_thread"),
        "starlette/concurrency.py": ("run_in_threadpool",),
        "asgiref/sync.py": ("thread_handler",),
    }
)
THRESHOLDS: Final = Thresholds(told=0.03, warning=0.03, critical=0.3, samples=4)


@dataclass(frozen=True)
class Coroutine:
    name: str = "blocking_call"
    fix_url: str = "https://docs.python.org/3/library/asyncio-dev.html#running-blocking-code"
    thresholds: Thresholds = THRESHOLDS

    def detect(self, evidence: Evidence) -> list[Finding]:
        blocking: dict[int, list[int]] = {}
        for node in self._blocking(evidence):
            blocking.setdefault(evidence.tree.function[evidence.owner[node]], []).append(node)
        found = []
        for function, nodes in blocking.items():
            group = evidence.group(function, nodes)
            share = group.time_us / max(evidence.whole_us, 1)
            if not self.thresholds.are_passed(evidence, group):
                continue
            evidence.take(nodes)
            found.append(
                tell(
                    evidence,
                    self.name,
                    group,
                    severity=self.thresholds.severity(share),
                    confidence=Confidence.MEDIUM,
                    saving_us=group.time_us,
                )
            )
        return found

    def _blocking(self, evidence: Evidence) -> Iterator[int]:
        """The nodes that block with an event loop next above them, and not a thread."""
        functions, function_of = evidence.tree.functions, evidence.tree.function
        on_loop, in_thread, awaited = map(evidence.matched, (LOOP, THREAD, AWAITED))
        awaiting = _awaiting(evidence, on_loop)
        if not any(on_loop) and not awaiting:
            return
        for node in evidence.entries(BLOCKING):
            above = (function_of[up] for up in evidence.above(node))
            first = next((up for up in above if on_loop[up] or in_thread[up] or up in awaiting), -1)
            waits = any(functions[function_of[below]].name == AWAIT for below in evidence.below(node))
            is_fault = first >= 0 and not in_thread[first] and not waits and not awaited[function_of[node]]
            if is_fault and evidence.owner[node] >= 0:
                yield node


def _awaiting(evidence: Evidence, on_loop: list[bool]) -> set[int]:
    """The functions that were seen waiting for others, up to the loop: only coroutines are."""
    functions, function_of = evidence.tree.functions, evidence.tree.function
    awaiting: set[int] = set()
    for node, function in enumerate(function_of):
        if functions[function].name != AWAIT:
            continue
        for up in evidence.above(node):
            if on_loop[function_of[up]]:
                break
            awaiting.add(function_of[up])
    return awaiting


DETECTOR: Final = Coroutine()
