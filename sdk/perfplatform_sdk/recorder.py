"""The life of one request, task or call: begun, named, ended, counted, and kept where it is worth it.

All that integrations and `@profile` call, on the threads of the app. Nothing here raises into it or waits.
"""

from __future__ import annotations

import _thread
import sys
import time
import uuid
from functools import wraps
from types import TracebackType
from typing import Any, Callable, TypeVar, cast

from . import client as clients
from .batch import Profile
from .client import Client, Known
from .context import current, innermost, outermost
from .drops import INTERNAL_ERROR, RATE_LIMITED
from .engines.pyinstrument import PyinstrumentRecording
from .engines.sampled import SampledRecording
from .event_loop import current_task
from .keeping import ERROR, SAMPLED, SLOW, Endpoint
from .ledger import Event

Function = TypeVar("Function", bound=Callable[..., Any])

_naming = _thread.allocate_lock()

NONE, PYINSTRUMENT = "none", "pyinstrument"
NOT_FOUND = "(not found)"

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
            count_error()
            return None

    return cast(Function, guarded)


def count_error() -> None:
    """Something of ours went wrong."""
    client = clients.current()
    if client is not None:
        client.drops.add(INTERNAL_ERROR)


class Record:
    """One request, task or call that is under way."""

    __slots__ = (
        "_client",
        "_cpu_ns",
        "_id",
        "_minute",
        "_precise",
        "_sampler",
        "_task",
        "_thread",
        "_trigger",
        "began_ns",
        "config",
        "counters",
        "ended",
        "error_type",
        "kind",
        "method",
        "outer",
        "owner",
        "route",
        "samples",
        "status",
        "streaming",
        "tags",
        "trace_id",
    )

    def __init__(self, client: Client, kind: str, method: str, owner: object, task: Any) -> None:
        self.kind = kind
        self.method = method
        self.owner = owner  # whoever ends it, or the request as its integration knows it
        self.route = NOT_FOUND
        self.status: int | None = None
        self.error_type = ""
        self.streaming: bool | None = None  # not known yet
        self.ended = False
        self.samples: SampledRecording | None = None  # written by the sampler
        self.counters: dict[Any, Any] | None = None
        self.tags: dict[str, str] | None = None
        self.trace_id = ""
        self.config = client.config  # the settings that it is recorded with
        self._client = client
        self._id = ""
        self._minute = 0
        self._task = task
        self._thread = 0  # that it began in, where a thread serves it
        self._trigger: str | None = None  # not decided yet
        self._precise: PyinstrumentRecording | None = None
        sampler = client.sampler
        outer = current.get()
        if outer is not None:
            outer = innermost(outer)
            # One that was begun before a fork or another init() is not ours.
            outer = outer if outer is not None and outer._client is client else None
            if outer is not None:
                sampler = None  # what a nested one does is seen in the outer one
        self.outer: Record | None = outer
        self._sampler = sampler
        current.set(self)
        self.began_ns = time.perf_counter_ns()
        if sampler is not None:
            if task is None:
                self._thread = _thread.get_ident()
                self._cpu_ns = time.thread_time_ns()
            sampler.enter(self, task)

    @property
    def profile_id(self) -> str:
        """The id under which it is kept, if it is kept: 32 hexadecimal digits."""
        if not self._id:
            with _naming:  # threads may work for it at once
                self._id = self._id or new_id()
        return self._id

    @property
    def is_nested(self) -> bool:
        """It began inside another one, whose recording shows it."""
        return self.outer is not None

    def name(self, name: str) -> None:
        """Now its endpoint is known: the route's pattern, never the raw path."""
        try:
            self.route = name
            if self.outer is None and self._trigger is None and not self.ended:
                self._pick()
        except _RAISED:
            raise
        except Exception:  # noqa: BLE001 - the border to the app
            count_error()

    def _pick(self) -> None:
        """Decide, once, whether it is kept whatever becomes of it, and how it is recorded."""
        client = self._client
        engine = client.config.engine
        if engine == NONE:
            return
        known = client.known.get((self.kind, self.method, self.route)) or self._learn()
        trigger = self._trigger = "" if known.is_left_out else client.keeping.pick(known.endpoint)
        if engine == PYINSTRUMENT or (trigger and engine == "auto" and client.may_be_precise(self._task)):
            recording = PyinstrumentRecording(client.config.interval)
            if recording.resume():
                self._precise = recording
                if self._sampler is not None:
                    self._sampler.leave(self)
                    self._sampler = None
                return
        if trigger and self._sampler is not None and self._task is None:
            self._sampler.look_closely(self)

    @harmless
    def leave(self) -> None:
        """The thread leaves the record for now; what it does next belongs to the one around it."""
        current.set(self.outer)
        if self._sampler is not None:
            self._sampler.leave(self)
        if self._precise is not None:
            self._precise.pause()

    @harmless
    def enter(self) -> None:
        """This thread or asyncio task goes on with it, maybe another one than before."""
        self.outer = current_record()
        current.set(self)
        self._task = current_task()
        # Inside another one, which goes on serving, it is seen there.
        if self._sampler is not None and self.outer is None:
            self._sampler.enter(self, self._task)
        if self._precise is not None and not self._precise.resume():
            self._precise.complete = False

    def end(self, error: BaseException | None = None) -> None:
        """All is done, or the first byte of a stream is out: count it, keep it if it is worth it. Once."""
        if self.ended:
            return
        duration_ns = time.perf_counter_ns() - self.began_ns
        self.ended = True
        try:
            self._end(duration_ns, error)
        except _RAISED:
            raise
        except Exception:  # noqa: BLE001 - the border to the app
            count_error()

    def _end(self, duration_ns: int, error: BaseException | None) -> None:
        client, sampler, outer = self._client, self._sampler, self.outer
        if self._precise is not None:
            self._precise.pause()
        if sampler is not None:
            sampler.leave(self)
        if current.get() is self:
            current.set(outer)
        if error is not None and not self.error_type:
            self.error_type = type_name(error)
        # In the child of a fork, the request is still the parent's.
        if client is not clients.current():
            return
        known = client.known.get((self.kind, self.method, self.route)) or self._learn()
        if known.is_left_out:
            return
        trigger = self._trigger
        if trigger is None and sampler is not None:
            trigger = self._trigger = client.keeping.pick(known.endpoint)
        duration_us = duration_ns // 1000
        now = time.time()
        self._minute = minute = int(now) // 60
        if (
            trigger
            or outer is not None
            or self.samples is not None
            or self._precise is not None
            or self.error_type
            or self.counters
            or self.streaming
            or duration_us >= client.slow_us
            or (self.status or 0) >= 500
        ):
            self._end_specially(known.endpoint, duration_ns, now)
        else:
            known.tally(minute, duration_us)
        # Nothing of the app is held by whoever still has the record.
        self._precise = self._sampler = self.outer = self.owner = self._task = None

    def _end_specially(self, endpoint: Endpoint, duration_ns: int, now: float) -> None:
        """There is more to tell than that it took so long."""
        client, precise = self._client, self._precise
        duration_us, failed = duration_ns // 1000, self._failed()
        recording = self._recording(duration_ns, now)
        merged = recording if precise is None or client.is_unbiased(self._trigger) else None
        engine = self._slowed_by()
        client.count(Event(self._minute, endpoint, engine, duration_us, failed, merged, self.counters))
        if precise is not None:
            client.keeping.charge(precise.process_cpu)
        if self._trigger or failed or duration_us >= client.slow_us:
            self._keep(endpoint, recording, engine, duration_us, now)

    def _learn(self) -> Known:
        return self._client.learn(self.kind, self.method, self.route)

    @harmless
    def fail_late(self, error: BaseException) -> None:
        """A stream broke after its first byte, when it was counted already."""
        client = self._client
        if self.ended and not self._failed() and client is clients.current():
            self.error_type = type_name(error)
            known = self._learn()
            if not known.is_left_out:
                client.count(Event(self._minute, known.endpoint, NONE, None, failed=True))

    def _failed(self) -> bool:
        return bool(self.error_type) or (self.status is not None and self.status >= 500)

    def _slowed_by(self) -> str:
        """The engine that slowed it, by recording it or one around it."""
        record: Record | None = self
        while record is not None:
            if record._precise is not None:
                return PYINSTRUMENT
            record = record.outer
        return self._client.engine

    def _recording(self, duration_ns: int, now: float) -> PyinstrumentRecording | SampledRecording | None:
        if self._precise is not None:
            return self._precise
        samples = self.samples
        if samples is None:
            return None  # it was too short for one
        samples.began_ns = self.began_ns
        samples.duration_ns = duration_ns
        samples.started_at = now - duration_ns / 1e9
        if self._task is None and self._thread == _thread.get_ident():
            samples.cpu_us = (time.thread_time_ns() - self._cpu_ns) // 1000
        return samples

    def _keep(
        self,
        endpoint: Any,
        recording: PyinstrumentRecording | SampledRecording | None,
        engine: str,
        duration_us: int,
        now: float,
    ) -> None:
        client = self._client
        case = ERROR if self._failed() else SLOW if duration_us >= client.slow_us else ""
        trigger = self._trigger or case
        if trigger == SAMPLED and not recording:
            # Too short for a sample: it says nothing, unless it failed.
            trigger = case
        if not trigger:
            return
        if recording is None:
            if client.sampler is None or self.is_nested:
                return
            recording = SampledRecording(client.sampler.interval_us)
            recording.began_ns, recording.duration_ns = self.began_ns, duration_us * 1000
            recording.started_at = now - duration_us / 1e6
        if not recording.complete:
            client.drops.add(INTERNAL_ERROR)
        elif trigger == self._trigger or client.keeping.keeps(endpoint, trigger):
            client.keep(
                Profile(
                    endpoint=endpoint,
                    trigger=trigger,
                    status=self.status,
                    error_type=self.error_type,
                    started_at=now - duration_us / 1e6,
                    duration_us=duration_us,
                    streaming=bool(self.streaming),
                    engine=engine,
                    recording=recording,
                    profile_id=self.profile_id,
                    tags=self.tags,
                    trace_id=self.trace_id,
                    counters=self.counters,
                )
            )
        else:
            client.drops.add(RATE_LIMITED)


def begin(kind: str, method: str = "", *, owner: object = None, task: Any = None) -> Record | None:
    """Begin a record; None when nothing is recorded. `task`: the asyncio task that serves it, if one does."""
    try:
        client = clients.current()
        if client is None:
            clients.remind()
            return None
        return Record(client, kind, method, owner, task)
    except _RAISED:
        raise
    except Exception:  # noqa: BLE001 - the border to the app
        count_error()
        return None


def current_record() -> Record | None:
    """The innermost record that is under way in this context."""
    record: Record | None = innermost(current.get())
    return record


class serving:  # noqa: N801 - used as a function is
    """While the block runs, this thread works for a record that another thread or task serves."""

    __slots__ = ("_record", "_sampler", "_thread")

    def __init__(self, record: Record | None) -> None:
        self._record = outermost(record)
        self._sampler = None if self._record is None else self._record._sampler

    def __enter__(self) -> None:
        if self._sampler is not None and self._record is not None:
            self._thread = _thread.get_ident()
            self._sampler.helpers[self._thread] = self._record

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._sampler is not None:
            self._sampler.helpers.pop(self._thread, None)


def new_id() -> str:
    """32 hexadecimal digits: the time, then chance. Ids that ascend make an index of them half as large."""
    return f"{time.time_ns() // 1_000_000:012x}{uuid.uuid4().hex[12:]}"


def type_name(error: BaseException) -> str:
    """The qualified name of an exception's class, `builtins` left out."""
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
