"""The life of one request, task or call: begun, named, ended, counted, and kept where it is worth it.

All that integrations and `@profile` call, on the threads of the app. Nothing here raises into it or waits.
"""

from __future__ import annotations

import sys
import time
from contextvars import ContextVar
from functools import wraps
from typing import Any, Callable, Optional, TypeVar, cast

from . import client as clients
from .batch import Profile
from .client import Client
from .drops import INTERNAL_ERROR, RATE_LIMITED
from .engines import Recording
from .engines.pyinstrument import ENGINE, PyinstrumentRecording
from .keeping import ERROR, SAMPLED, SLOW
from .ledger import Event, named

Function = TypeVar("Function", bound=Callable[..., Any])

# Before 3.9.10 a RecursionError that is caught near the limit can abort the process later on.
_RAISED: tuple[type[BaseException], ...] = (RecursionError,) if sys.version_info < (3, 9, 10) else ()


def harmless(function: Function) -> Function:
    """Keep our own errors from the app: they are counted, and None is returned."""

    @wraps(function)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except _RAISED:
            raise
        except Exception:  # noqa: BLE001 - the border to the app
            client = clients.current()
            if client is not None:
                client.drops.add(INTERNAL_ERROR)
            return None

    return cast(Function, guarded)


class Record:
    """One request, task or call that is under way."""

    __slots__ = (
        "_began_ns",
        "_client",
        "_ended_minute",
        "_outer",
        "_recording",
        "_watched",
        "endpoint",
        "error_type",
        "kind",
        "method",
        "owner",
        "started_at",
        "status",
        "streaming",
    )

    def __init__(self, client: Client, kind: str, method: str, owner: object) -> None:
        self.kind = kind
        self.method = method
        self.owner = owner  # who ends it
        self.endpoint = named(kind, method, "(not found)")
        self.status: int | None = None
        self.error_type = ""
        self.streaming: bool | None = None  # not known yet
        self._client = client
        self._recording: Recording | None = None
        self._watched = ""
        self._ended_minute: int | None = None
        self._outer = current_record()
        _current.set(self)
        self.started_at = time.time()
        self._began_ns = time.perf_counter_ns()

    @property
    def ended(self) -> bool:
        return self._ended_minute is not None

    @harmless
    def name(self, name: str, *, count_only: bool = False) -> None:
        """Now its endpoint is known: the route's pattern, never the raw path. Record it if that is wanted."""
        self.endpoint = named(self.kind, self.method, name)
        if count_only or self._recording is not None or self._client.config.engine == "none":
            return
        self._watched = self._client.keeping.wants(self.endpoint)
        if not self._watched:
            return
        recording = PyinstrumentRecording(self._client.config.interval)
        if recording.resume():
            self._recording = recording
            if self._watched == SAMPLED:
                self._client.keeping.sampled(self.endpoint)

    @harmless
    def leave(self) -> None:
        """The thread leaves the request for now; what it does next belongs to the one around it."""
        _current.set(self._outer)
        if self._recording is not None:
            self._recording.pause()

    @harmless
    def enter(self) -> None:
        """A thread, maybe another one, goes on with the request."""
        self._outer = current_record()
        _current.set(self)
        if self._recording is not None and not self._recording.resume():
            self._recording.complete = False

    @harmless
    def end(self, error: BaseException | None = None) -> None:
        """All is done, or the first byte of a stream is out: count it, keep it if it is worth it. Once."""
        if self.ended:
            return
        duration_us = (time.perf_counter_ns() - self._began_ns) // 1000
        self._ended_minute = int(time.time() // 60)
        if self._recording is not None:
            self._recording.pause()
        if _current.get() is self:
            _current.set(self._outer)
        self._note(error)
        # In the child of a fork, the request is still the parent's.
        if self._client is not clients.current():
            return
        slowed_by, self._outer = self._slowed_by(), None
        self._client.count(Event(self._ended_minute, self.endpoint, slowed_by, duration_us, self._failed()))
        if self._recording is not None:
            self._keep(self._recording, duration_us)
            self._recording = None

    @harmless
    def fail_late(self, error: BaseException) -> None:
        """A stream broke after its first byte, when it was counted already."""
        if self._ended_minute is not None and not self._failed() and self._client is clients.current():
            self._note(error)
            self._client.count(Event(self._ended_minute, self.endpoint, "none", None, failed=True))

    def _note(self, error: BaseException | None) -> None:
        if error is not None and not self.error_type:
            self.error_type = type_name(error)

    def _failed(self) -> bool:
        return bool(self.error_type) or (self.status is not None and self.status >= 500)

    def _slowed_by(self) -> str:
        record: Record | None = self
        while record is not None:
            if record._recording is not None:
                return ENGINE
            record = record._outer
        return "none"

    def _keep(self, recording: Recording, duration_us: int) -> None:
        client = self._client
        client.keeping.charge(recording.process_cpu)
        trigger = self._trigger(duration_us)
        if not trigger:
            return
        if not recording.complete:
            client.drops.add(INTERNAL_ERROR)
        elif trigger == SAMPLED or client.keeping.keeps(self.endpoint, trigger):
            client.keep(
                Profile(
                    endpoint=self.endpoint,
                    trigger=trigger,
                    status=self.status,
                    error_type=self.error_type,
                    started_at=self.started_at,
                    duration_us=duration_us,
                    streaming=bool(self.streaming),
                    engine=ENGINE,
                    recording=recording,
                )
            )
        else:
            client.drops.add(RATE_LIMITED)

    def _trigger(self, duration_us: int) -> str:
        if self._watched == SAMPLED:
            return SAMPLED
        if self._failed():
            return ERROR
        return SLOW if duration_us >= self._client.slow_us else ""


_current: ContextVar[Optional[Record]] = ContextVar("perfplatform_record", default=None)


@harmless
def begin(kind: str, method: str = "", *, owner: object = None) -> Record | None:
    """Begin a record; None when nothing is recorded."""
    client = clients.current()
    if client is None:
        clients.remind()
        return None
    return Record(client, kind, method, owner)


def current_record() -> Record | None:
    """The innermost record that is under way in this context."""
    record = _current.get()
    while record is not None and record.ended:
        record = record._outer
    return record


def type_name(error: BaseException) -> str:
    """The qualified name of an exception's class, `builtins` left out."""
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
