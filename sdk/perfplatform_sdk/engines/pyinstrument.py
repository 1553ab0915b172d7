"""Recordings by pyinstrument: precise, and dear to code that makes many calls.

pyinstrument keeps one `StackSampler` a thread, shared by all profilers of that thread. A recording puts a
guarded one there, so that a profiler that the app itself starts meanwhile works beside it, and takes it away
again.
"""

from __future__ import annotations

import platform
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any

from pyinstrument.session import Session
from pyinstrument.stack_sampler import StackSampler, thread_locals

from .naming import Key, names_beneath_us, without_line
from .room import has_room
from .stack import BuildStack, stack_builder

ENGINE = "pyinstrument"
_MAX_SAMPLES = 8_192
_MAX_FRAMES = 400_000
_MAX_DEPTH = 2_000
_SPACING = 10  # times as long as a sample took: sampling itself stays within a tenth of the time
# Before 3.9.10 (bpo-45806) a RecursionError caught near the limit, as by `has_room`, can abort the process.
SUPPORTED = platform.python_implementation() == "CPython" and sys.version_info >= (3, 9, 10)


class PyinstrumentRecording:
    """What happened in the stretches between `resume()` and `pause()`, each of which is one thread's.

    Memory is bounded: when there are too many samples, every second one gives its time to its successor.
    """

    def __init__(self, interval: float) -> None:
        self.interval = interval  # seconds
        self.records: list[tuple[list[str], float]] = []
        self.weight = 0  # frames in all records, at about 8 bytes each
        self.complete = True
        self.started_at = 0.0
        self.start_stack: list[str] = []
        self.duration = 0.0
        self.cpu_us = 0  # of the recorded thread
        self.process_cpu = 0.0  # seconds, of all threads meanwhile
        self._sampler: GuardedSampler | None = None
        self._stride = 1
        self._ticks = 0
        self._seconds = 0.0
        self._names: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self.records)

    @property
    def interval_us(self) -> int:
        return max(1, round(self.interval * self._stride * 1e6))

    def resume(self) -> bool:
        """Start to record in this thread. False, and nothing is touched, where that could harm the app."""
        if not _may_start():
            return False
        build = stack_builder()
        if not self.started_at:
            self.started_at = time.time()
            self.start_stack = build(sys._getframe(1), "initial", None)[:_MAX_DEPTH]
        self._thread = threading.get_ident()
        self._former = getattr(thread_locals, "stack_sampler", None)
        sampler = thread_locals.stack_sampler = GuardedSampler(self, build)
        self._clocks = time.perf_counter(), time.process_time(), time.thread_time_ns()
        try:
            sampler.subscribe(self.take, desired_interval=self.interval, use_async_context=False)
        except Exception:
            sampler.let_go()
            sampler.give_way(self._former)
            raise
        self._sampler = sampler
        return True

    def pause(self) -> None:
        """Stop to record. Must be called in the thread of `resume()`; does nothing when not recording."""
        sampler = self._sampler
        if sampler is None:
            return
        self._sampler = None
        if self._thread != threading.get_ident():
            # Only a thread itself can take its profile function away: it does so at its next sample.
            self.complete = False
            sampler.abandoned = True
            return
        self.complete = sampler.let_go() and self.complete
        wall, cpu, thread_cpu_ns = self._clocks
        self.duration += time.perf_counter() - wall
        self.process_cpu += time.process_time() - cpu
        self.cpu_us += (time.thread_time_ns() - thread_cpu_ns) // 1000
        sampler.give_way(self._former)

    def take(self, stack: list[str], seconds: float, _state: object) -> None:
        """Take a sample: names root first, and the time since the one before."""
        self._seconds += seconds
        self._ticks += 1
        if self._ticks < self._stride:
            return
        names = self._names
        self.records.append(([names.setdefault(name, name) for name in stack[:_MAX_DEPTH]], self._seconds))
        self.weight += len(stack)
        self._ticks, self._seconds = 0, 0.0
        if len(self.records) > _MAX_SAMPLES or self.weight > _MAX_FRAMES:
            self._thin()

    def _thin(self) -> None:
        pairs = zip(self.records[::2], self.records[1::2])
        odd = self.records[-1:] if len(self.records) % 2 else []
        self.records = [(later[0], earlier[1] + later[1]) for earlier, later in pairs] + odd
        self.weight = sum(len(stack) for stack, _ in self.records)
        self._stride *= 2

    def stacks(self) -> Iterator[tuple[list[Key], int]]:
        """Of each sample the functions from the outermost in, and the microseconds before it."""
        for stack, seconds in self.records:
            names = [name for name in names_beneath_us(stack) if "\0<thread>\0" not in name]
            yield [without_line(name) for name in names], round(seconds * 1e6)

    def session(self, description: str) -> dict[str, Any]:
        """The recording as pyinstrument's `Session.to_json()` gives it."""
        session = Session(
            frame_records=self.records,
            start_time=self.started_at,
            duration=self.duration,
            min_interval=self.interval,
            max_interval=self.interval * self._stride,
            sample_count=len(self.records),
            start_call_stack=self.start_stack,
            target_description=description,
            cpu_time=self.process_cpu,
            sys_path=[str(entry) for entry in sys.path],
            sys_prefixes=Session.current_sys_prefixes(),
        )
        return {**session.to_json()}


class GuardedSampler(StackSampler):
    """A `StackSampler` that leaves out samples near the recursion limit and raises nothing into the app."""

    def __init__(self, recording: PyinstrumentRecording, build: BuildStack) -> None:
        super().__init__()
        self._recording = recording
        self._build = build
        # Only its type: the hook itself holds this sampler in a way that the garbage collector can't see.
        self._hook: type | None = None
        self._due_at = 0.0
        self.abandoned = False  # paused from another thread
        self.done = False  # only profilers of the app are left

    def is_hooked(self) -> bool:
        """False where the app has put another profile function in the place of ours, or taken ours away."""
        return type(sys.getprofile()) is self._hook

    def let_go(self) -> bool:
        """Take no more samples for the recording; False where the app has come in between."""
        self.done = True
        hooked = self.is_hooked()
        if len(self.subscribers) > 1:
            self.unsubscribe(self._recording.take)
        elif hooked:
            super()._stop_sampling()  # type: ignore[no-untyped-call]
            self.subscribers.clear()
        else:
            self.subscribers.clear()
        return hooked

    def give_way(self, former: StackSampler | None) -> None:
        """Leave the thread as it was found, unless a profiler of the app has joined and still runs."""
        if not self.subscribers and getattr(thread_locals, "stack_sampler", None) is self:
            if former is None:
                del thread_locals.stack_sampler
            else:
                thread_locals.stack_sampler = former

    def _sample(self, frame: FrameType, event: str, arg: Any) -> None:
        try:
            now = time.perf_counter()  # as pyinstrument's own clock
            if self.abandoned:
                self._give_up()
            elif self.done or len(self.subscribers) > 1:
                if has_room():
                    super()._sample(frame, event, arg)
            elif now >= self._due_at and has_room():
                cpu_ns = time.thread_time_ns()
                self._recording.take(self._build(frame, event, arg), now - self.last_profile_time, None)
                self.last_profile_time = now
                # A stack of 1,000 frames takes longer than the interval: every call would be sampled.
                self._due_at = now + (time.thread_time_ns() - cpu_ns) * _SPACING / 1e9
        except RecursionError:
            return  # at the very limit; the app goes on
        except Exception:  # noqa: BLE001 - the app must not meet it
            self._recording.complete = False

    def _give_up(self) -> None:
        self.abandoned = False
        self.let_go()
        self.give_way(None)

    def _start_sampling(self, interval: float, use_timing_thread: bool) -> None:  # noqa: FBT001
        super()._start_sampling(interval, use_timing_thread)
        self._hook = type(sys.getprofile())

    def _stop_sampling(self) -> None:
        if self.is_hooked():
            super()._stop_sampling()  # type: ignore[no-untyped-call]
        else:
            self.current_sampling_interval = None

    def _check_timing_overhead(self, interval: float, timer_type: Any) -> None:
        """Measure nothing and print nothing: it is the app's time and the app's terminal."""


def _may_start() -> bool:
    """True where nobody else profiles this thread and its stack is not shared by coroutines or greenlets."""
    if not SUPPORTED or sys.getprofile() is not None:
        return False
    sampler = getattr(thread_locals, "stack_sampler", None)
    if sampler is not None and sampler.subscribers:
        return False
    if sys.version_info >= (3, 12) and sys.monitoring.get_tool(sys.monitoring.PROFILER_ID) is not None:
        return False
    asyncio = sys.modules.get("asyncio")
    if asyncio is not None and asyncio._get_running_loop() is not None:
        return False
    greenlet = sys.modules.get("greenlet")
    return greenlet is None or greenlet.getcurrent().parent is None
