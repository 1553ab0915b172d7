"""Recordings by a thread that looks at all others a hundred times a second.

What a look costs is spent in this thread, whatever the app does meanwhile: requests that run at their own
speed are sampled all the same, and every one of them. Each regular look stands for the time since the one
before, so the samples of many requests add up to their wall time. Looks in between belong to single requests
that are to be seen closely; they count for nothing in the sums.
"""

from __future__ import annotations

import _thread
import random
import sys
import threading
import time
from typing import Any, Optional, Protocol

from perfplatform_sdk.context import record_in
from perfplatform_sdk.green import is_green

from . import collector, naming, walk
from .interval import SwitchInterval, be_punctual, fitting
from .meter import Meter
from .room import has_room
from .sampled import SampledRecording

ENGINE = "sampler"
AWAIT = "[await]"
_MAX_WAITING = 20  # tasks looked at in one tick; of more, a random few stand for all
_LONGEST_TICK_NS = 10_000_000_000
_IDLE_TICKS = 100
_LONGEST_INTERVAL_S = 1.0
_SHARE_OF_CPU = 0.03  # of the process's own; beyond it the interval grows, but to no more than
_THRIFTY_S = 0.018
_CLOSE_AT_FIRST = 200
_CLOSE_NS = 200_000  # between looks at a request that is seen closely, at first; then a tenth of its age
_CLOSE_TASK_EVERY_NS = 100_000_000
_TASKS_TELL = sys.version_info >= (3, 12)


class Served(Protocol):
    """What the sampler knows of a record."""

    began_ns: int
    ended: bool
    samples: Optional[SampledRecording]


class Sampler:
    """Who serves which record, and the thread that looks.

    Request threads write to the dictionaries, one operation each; the sampling thread reads copies, and drops
    what is not the same after it has looked.
    """

    def __init__(self, interval_s: float, budget: float) -> None:
        self.threads: dict[int, Served] = {}  # by thread id
        self.tasks: dict[Served, tuple[Any, int]] = {}  # asyncio task, and the id of its loop's thread
        self.helpers: dict[int, Served] = {}  # threads that work for a record which another one serves
        self.parked = True
        self.most = 0  # records seen at once
        self.cost = 0.0  # CPU seconds a second that sampling takes
        self.spent_us = 0  # CPU time that it has taken so far
        self._base_s = interval_s
        self._interval_s = interval_s
        self._budget = budget
        self._serving = 0  # threads that served anything at the last tick
        self._close: dict[Served, int] = {}  # when to look next at what is seen closely
        self._close_left = _CLOSE_AT_FIRST  # close looks until the next second
        self._next_close_task_ns = 0
        self._thread: Optional[threading.Thread] = None
        self._starting = threading.Lock()
        self._alarm = _thread.allocate_lock()
        self._alarm.acquire()
        self._ended = False
        self._switch = SwitchInterval()

    @property
    def interval_us(self) -> int:
        """Microseconds between regular looks."""
        return max(1, round(self._interval_s * 1e6))

    # --- Called by request threads: each takes less than a microsecond ---------------------------------

    def enter(self, record: Served, task: Any = None) -> None:
        """This thread, or the asyncio task that runs in it, serves the record from now on."""
        if task is None:
            self.threads[_thread.get_ident()] = record
        else:
            self.tasks[record] = (task, _thread.get_ident())
            if record.began_ns >= self._next_close_task_ns:
                # Which endpoint it is, is known too late to decide by that.
                self._next_close_task_ns = record.began_ns + _CLOSE_TASK_EVERY_NS
                self.look_closely(record)
        if self.parked:
            self._wake()

    def leave(self, record: Served) -> None:
        """Nobody serves the record any more."""
        if self.tasks:
            self.tasks.pop(record, None)
        thread = _thread.get_ident()
        if self.threads.get(thread) is record:
            self.threads.pop(thread, None)  # a signal handler may come in between

    def look_closely(self, record: Served) -> None:
        """Take more samples of this one."""
        if self._close_left > 0:
            self._close[record] = record.began_ns + _CLOSE_NS
            self._ring()

    # --- The thread ------------------------------------------------------------------------------------

    def end(self) -> None:
        self._ended = True
        self._switch.restore()
        self._ring()

    def restore_switch_interval(self) -> None:
        """For the child of a fork: it has the interval, but not the thread that would restore it."""
        self._switch.restore()

    def _ring(self) -> None:
        try:
            self._alarm.release()
        except RuntimeError:
            return  # it is ringing already

    def _wake(self) -> None:
        if self._thread is not None:
            self._ring()
        elif is_green():
            self._ended, self.parked = True, False  # they became greenlets only after init()
        # Near the recursion limit a start could fail midway, with the thread running and unknown.
        elif not self._ended and has_room() and self._starting.acquire(blocking=False):
            try:
                if self._thread is None:
                    thread = threading.Thread(target=self._run, name="perfplatform-sampler", daemon=True)
                    thread.start()
                    self._thread = thread
            finally:
                self._starting.release()

    def _run(self) -> None:
        be_punctual()
        while not self._ended:
            try:
                self._sample_while_busy()
                self._park()
            except Exception:  # noqa: BLE001 - the thread must go on
                self._switch.restore()
                time.sleep(1.0)

    def _park(self) -> None:
        """Sleep until a request comes."""
        self._switch.restore()
        self._close.clear()
        self.parked = True
        if not (self.threads or self.tasks or self._ended):
            self._alarm.acquire()
        self.parked = False

    def _sample_while_busy(self) -> None:
        self.parked = False
        idle = 0
        meter = Meter()
        last_ns = time.perf_counter_ns()
        due_ns = last_ns + self._pause_ns()
        while idle < _IDLE_TICKS and not self._ended:
            next_ns = min(due_ns, *self._close.copy().values()) if self._close else due_ns
            self._switch.set(fitting(self._serving, meter.process))
            meter.looks += 1
            self._alarm.acquire(timeout=max(0.0, (next_ns - time.perf_counter_ns()) / 1e9))
            # Whoever waits for the lock now would else take it in the middle of a look.
            self._switch.restore()
            now_ns = time.perf_counter_ns()
            if now_ns >= due_ns:
                seen = self._tick(now_ns, min(now_ns - last_ns, _LONGEST_TICK_NS))
                idle = 0 if seen else idle + 1
                last_ns, due_ns = now_ns, now_ns + self._pause_ns()
                if meter.read(now_ns):
                    self._keep_to_the_budget(meter)
            elif self._close:
                self._look_at_close_ones(now_ns)

    def _pause_ns(self) -> int:
        # Never in step with the app.
        return int(self._interval_s * random.uniform(0.5, 1.5) * 1e9)  # noqa: S311

    def _keep_to_the_budget(self, meter: Meter) -> None:
        """Look less often where looking costs more than it may; a little less often where little is done."""
        self.cost = meter.thread
        self.spent_us = time.thread_time_ns() // 1000
        least_s = meter.look_s / self._budget if self._budget > 0 else _LONGEST_INTERVAL_S
        thrifty_s = min(_THRIFTY_S, meter.look_s / max(_SHARE_OF_CPU * meter.process, 1e-9))
        self._interval_s = min(_LONGEST_INTERVAL_S, max(self._base_s, least_s, thrifty_s))
        # As much again at most for close looks.
        self._close_left = int(self._budget / max(meter.look_s, 1e-6))

    def _tick(self, now_ns: int, stands_for_ns: int) -> bool:
        """One regular look at everything; False where nothing is being served."""
        threads, tasks = self.threads.copy(), self.tasks.copy()
        self.most = max(self.most, len(threads) + len(tasks))
        self._serving = len(threads) + len({thread for _, thread in tasks.values()})
        if not threads and not tasks:
            return False
        self._look(threads, tasks, now_ns, stands_for_ns)
        return True

    def _look_at_close_ones(self, now_ns: int) -> None:
        self._close_left -= 1
        if self._close_left <= 0:
            self._close.clear()
            return
        threads = {thread: record for thread, record in self.threads.copy().items() if record in self._close}
        tasks = {record: task for record, task in self.tasks.copy().items() if record in self._close}
        current = {*threads.values(), *tasks}
        for record in list(self._close):
            age_ns = now_ns - record.began_ns
            next_ns = now_ns + max(_CLOSE_NS, age_ns // 10)
            if record not in current or next_ns > now_ns + self._interval_s * 1e9:
                self._close.pop(record, None)
            else:
                self._close[record] = next_ns
        self._look(threads, tasks, now_ns, 0)

    @collector.held
    def _look(
        self,
        threads: dict[int, Served],
        tasks: dict[Served, tuple[Any, int]],
        now_ns: int,
        stands_for_ns: int,
    ) -> None:
        helpers = self.helpers.copy()
        running = _running_tasks(tasks)
        frames = sys._current_frames()
        elsewhere = self._helping(helpers, frames)
        for thread, record in threads.items():
            if thread not in frames or record.ended:
                # The thread has ended and its record never will, or another thread has ended the record.
                if self.threads.get(thread) is record:
                    self.threads.pop(thread, None)
                continue
            stack = _steady(frames.get(thread))
            if stack and self.threads.get(thread) is record:
                self._add(record, elsewhere.get(record, []) + stack, now_ns, stands_for_ns)
        if tasks:
            stacks = self._running(tasks, running, frames)
            for record, stack in stacks.items():
                self._add(record, elsewhere.get(record, []) + stack, now_ns, stands_for_ns)
            waiting = [record for record in tasks if record not in stacks]
            self._look_at_waiting(tasks, waiting, elsewhere, now_ns, stands_for_ns)
        del frames

    def _helping(self, helpers: dict[int, Served], frames: dict[int, Any]) -> dict[Served, walk.Stack]:
        """What other threads do for a record; where there are several, one of them by chance."""
        found: dict[Served, walk.Stack] = {}
        in_any_order = list(helpers.items())
        random.shuffle(in_any_order)
        for thread, record in in_any_order:
            if record not in found:
                stack = _steady(frames.get(thread))
                if stack and self.helpers.get(thread) is record:
                    found[record] = naming.beneath_us(stack)
        return found

    def _running(
        self,
        tasks: dict[Served, tuple[Any, int]],
        running: dict[int, tuple[Any, Any]],
        frames: dict[int, Any],
    ) -> dict[Served, walk.Stack]:
        """The stacks of those whose task, or a task that it has started, runs at this moment."""
        by_task = {task: record for record, (task, _) in tasks.items()}
        found: dict[Served, walk.Stack] = {}
        for thread, (loop, task) in running.items():
            # Tasks tell their context since Python 3.12.
            record = by_task.get(task) or (record_in(task.get_context()) if _TASKS_TELL else None)
            outermost = walk.first_frame(task.get_coro())
            if record not in tasks or outermost is None:
                continue
            stack = _steady(frames.get(thread), outermost)
            if not stack or _current_task(loop) is not task or record not in self.tasks:
                continue
            if stack[-2] is not outermost.f_code and "greenlet" not in sys.modules:
                continue  # the loop has gone on from one task to another in between
            if task not in by_task:
                stack += walk.suspended(tasks[record][0].get_coro())
            found[record] = stack
        return found

    def _look_at_waiting(
        self,
        tasks: dict[Served, tuple[Any, int]],
        waiting: list[Served],
        elsewhere: dict[Served, walk.Stack],
        now_ns: int,
        stands_for_ns: int,
    ) -> None:
        if len(waiting) > _MAX_WAITING:
            stands_for_ns = stands_for_ns * len(waiting) // _MAX_WAITING
            waiting = random.sample(waiting, _MAX_WAITING)
        for record in waiting:
            if record.ended or tasks[record][0].done():
                self.tasks.pop(record, None)
                continue
            stack = walk.suspended(tasks[record][0].get_coro())
            inner = elsewhere.get(record) or [AWAIT, 0]
            if stack and record in self.tasks:
                self._add(record, inner + stack, now_ns, stands_for_ns)

    def _add(self, record: Served, stack: walk.Stack, now_ns: int, stands_for_ns: int) -> None:
        if record.samples is None:
            record.samples = SampledRecording(self.interval_us)
        record.samples.add(stack, now_ns, stands_for_ns)


def _current_task(loop: Any) -> Any:
    """The task that a loop runs at this moment."""
    return sys.modules["asyncio"].current_task(loop)


def _running_tasks(tasks: dict[Served, tuple[Any, int]]) -> dict[int, tuple[Any, Any]]:
    """Of each thread with a loop that serves records: the loop, and the task that it runs."""
    loops = {thread: task.get_loop() for task, thread in tasks.values()}
    current = ((thread, loop, _current_task(loop)) for thread, loop in loops.items())
    return {thread: (loop, task) for thread, loop, task in current if task is not None}


def _steady(frame: Any, outermost: Any = None) -> walk.Stack:
    """The stack; empty where the thread has run on meanwhile: then what was seen was never a stack."""
    if frame is None:
        return []
    offset = frame.f_lasti
    stack = walk.running(frame, outermost)
    return stack if frame.f_lasti == offset else []
