"""What this process says of each minute: all requests counted and timed, profiled or not. docs/wire.md, 3."""

from __future__ import annotations

import threading
from collections import deque
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any, Callable, NamedTuple, Optional

from .counters import Counters, merge, rows
from .drops import QUEUE_FULL, Drops
from .engines import Recording
from .engines.naming import Function, Key, describe
from .histogram import bucket
from .keeping import Endpoint
from .merged import MAX_NODES, OTHER, Tree
from .table import transmissible

_DRAIN_AT = 20_000
_MAX_QUEUES = 4_000
_DURATION_BITS = 37  # more than a day in microseconds
_DURATION_MASK = (1 << _DURATION_BITS) - 1
_MAX_ENDPOINTS = 1_990  # of 2,000 in a document; the rest is for (other), one a kind
_SETTLED_MINUTES = 5  # after which no more is expected to happen to a minute
_MAX_NODES = 20_000  # of all trees in a minute
_BYTES_AN_ENTRY, _BYTES_A_NODE = 1_000, 200  # in memory, about


class Event(NamedTuple):
    """One finished request, task or call; without a duration: one counted before that has failed since."""

    minute: int  # since 1970
    endpoint: Endpoint
    engine: str  # none, sampler or pyinstrument: what slowed it
    duration_us: Optional[int]
    failed: bool
    recording: Optional[Recording] = None  # if it is an unbiased one: for the merged stacks
    counters: Optional[Counters] = None


class Entry:
    """One endpoint in one minute."""

    __slots__ = ("count", "counters", "errors", "histograms", "trees")

    def __init__(self) -> None:
        self.count = 0
        self.errors = 0
        self.histograms: dict[str, tuple[dict[int, int], list[int]]] = {}
        self.trees: dict[str, Tree] = {}
        self.counters: Counters = {}

    def add(self, event: Event) -> None:
        if event.duration_us is None:
            self.errors = min(self.count, self.errors + 1)
            return
        self.errors += event.failed
        self.add_duration(event.engine, event.duration_us)
        if event.counters:
            merge(self.counters, event.counters)

    def add_duration(self, engine: str, duration_us: int) -> None:
        self.count += 1
        histogram = self.histograms.get(engine)
        if histogram is None:
            histogram = self.histograms[engine] = ({}, [0])
        buckets, total = histogram
        index = bucket(duration_us)
        buckets[index] = buckets.get(index, 0) + 1
        total[0] += duration_us

    def add_stacks(self, engine: str, recording: Recording, room: int) -> int:
        """Merge a recording; return how many nodes that took of the `room` there is."""
        tree = self.trees.get(engine)
        if tree is None:
            tree = self.trees[engine] = Tree()
        before = len(tree)
        for stack, duration_us in recording.stacks():
            tree.add(stack, duration_us, most=min(MAX_NODES, before + room))
        return len(tree) - before

    def document(self, endpoint: Endpoint, table: Table) -> dict[str, Any]:
        histograms = {
            engine: {"buckets": [[index, buckets[index]] for index in sorted(buckets)], "sum_us": total[0]}
            for engine, (buckets, total) in self.histograms.items()
        }
        return {
            "kind": endpoint.kind,
            "method": endpoint.method,
            "route": endpoint.name,
            "count": self.count,
            "errors": self.errors,
            "histograms": histograms,
            "counters": [
                [table.string(kind), table.frame(caller or OTHER), table.string(shape), count, duration_us]
                for kind, caller, shape, count, duration_us in rows(self.counters)
            ],
            "stacks": {engine: table.tree(tree) for engine, tree in self.trees.items() if len(tree)},
        }


class Table:
    """Strings and frames of a document, each once."""

    def __init__(self) -> None:
        self.strings: dict[str, int] = {}
        self.frames: dict[Function, int] = {}

    def string(self, text: str) -> int:
        return self.strings.setdefault(text, len(self.strings))

    def frame(self, key: Key) -> int:
        return self.frames.setdefault(describe(key), len(self.frames))

    def tree(self, tree: Tree) -> list[list[int]]:
        frames = [self.frame(key) for key in tree.keys]
        return [list(row) for row in zip(tree.parents, frames, tree.self_us, tree.samples)]

    def frame_rows(self) -> list[list[int]]:
        return [
            [
                self.string(frame.name),
                self.string(frame.file),
                frame.line,
                self.string(frame.class_name),
                frame.library * 1,
            ]
            for frame in self.frames
        ]


class Minute:
    """One minute's document in the making."""

    def __init__(self) -> None:
        self.entries: dict[Endpoint, Entry] = {}
        self.nodes = 0  # of all trees
        self.sent = 0  # the last sequence number that was given out
        self.changed = True

    @property
    def size_bytes(self) -> int:
        return len(self.entries) * _BYTES_AN_ENTRY + self.nodes * _BYTES_A_NODE

    def entry(self, endpoint: Endpoint) -> Entry:
        """The endpoint's entry, or that of all others once there are too many."""
        entry = self.entries.get(endpoint)
        if entry is None:
            if len(self.entries) >= _MAX_ENDPOINTS:
                endpoint = Endpoint(endpoint.kind, "", OTHER)
            entry = self.entries.setdefault(endpoint, Entry())
        self.changed = True
        return entry

    def add(self, event: Event) -> None:
        entry = self.entry(event.endpoint)
        entry.add(event)
        if event.recording is not None:
            self.nodes += entry.add_stacks(event.engine, event.recording, _MAX_NODES - self.nodes)


class Ledger:
    """Collects events from any thread without making one wait; documents are made on the sending thread."""

    def __init__(self, drops: Drops, max_minutes: int = 60, max_bytes: int = 10 * 1024 * 1024) -> None:
        self.events = 0  # requests, tasks and calls since the instance began
        self._max_minutes = max_minutes
        self._max_bytes = max_bytes
        self._events: deque[Event] = deque()
        # Most events are a duration in a minute, and that is one number: what is kept by the thousand must be
        # nothing that the garbage collector goes through again and again.
        self._plain: dict[tuple[Endpoint, str], deque[int]] = {}
        self._minutes: dict[int, Minute] = {}
        # Reentrant: a signal handler may interrupt this very code and record something itself.
        self._lock = threading.RLock()
        self._drops = drops
        self._draining = False
        self._reported: dict[str, int] = {}

    def add(self, event: Event) -> None:
        self._events.append(event)
        if len(self._events) >= _DRAIN_AT:
            self._shorten()

    def counter(self, endpoint: Endpoint, engine: str) -> Callable[[int, int], None]:
        """Adds as `add` does, by minute and microseconds, events that have nothing else to tell."""
        durations = self._plain.get((endpoint, engine))
        if durations is None:
            if len(self._plain) >= _MAX_QUEUES:  # an app makes up names
                return lambda minute, us: self.add(Event(minute, endpoint, engine, us, failed=False))
            durations = self._plain.setdefault((endpoint, engine), deque())
        append = durations.append

        def add(minute: int, duration_us: int) -> None:
            append(minute << _DURATION_BITS | min(duration_us, _DURATION_MASK))
            if len(durations) >= _DRAIN_AT:
                self._shorten()

        return add

    def _shorten(self) -> None:
        """Whoever meets a long queue sorts it in, unless another is at it: nobody waits."""
        if self._lock.acquire(blocking=False):
            try:
                self._drain()
            finally:
                self._lock.release()

    def drain(self) -> None:
        """Sort in what has come since. The sending thread does it every second."""
        with self._lock:
            self._drain()

    def has_news(self) -> bool:
        with self._lock:
            self._drain()
            changed = any(minute.changed for minute in list(self._minutes.values()))
        return changed or self._drops.counts() != self._reported

    def documents(self, now: float) -> dict[int, dict[str, Any]]:
        """The documents that changed since they were given out, by minute; `now` in seconds since 1970."""
        with self._lock:
            self._drain()
            dropped = self._drops.counts()
            if dropped != self._reported:
                newest = max(self._minutes, default=int(now // 60))
                self._minutes.setdefault(newest, Minute()).changed = True
                self._reported = dropped
            return {
                number: self._document(number, minute, dropped)
                for number, minute in list(self._minutes.items())
                if minute.changed
            }

    def arrived(self, minutes: list[int], now: float) -> None:
        """The platform has these documents: those of the past need not be kept."""
        with self._lock:
            for number in minutes:
                minute = self._minutes.get(number)
                if minute and not minute.changed and number < int(now // 60) - _SETTLED_MINUTES:
                    self._minutes.pop(number, None)

    def send_again(self, minutes: list[int]) -> None:
        """Documents that were given out did not arrive: give them out once more."""
        with self._lock:
            for number in minutes:
                if number in self._minutes:
                    self._minutes[number].changed = True

    def _document(self, number: int, minute: Minute, dropped: dict[str, int]) -> dict[str, Any]:
        minute.changed = False
        minute.sent += 1
        table = Table()
        endpoints = [entry.document(endpoint, table) for endpoint, entry in list(minute.entries.items())]
        frames = table.frame_rows()
        return {
            "minute": datetime.fromtimestamp(number * 60, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "seq": minute.sent,
            "strings": list(table.strings),
            "frames": frames,
            "endpoints": endpoints,
            "dropped": dropped,
        }

    def _drain(self) -> None:
        if self._draining:
            return  # a signal handler has interrupted this very loop, which goes on after it
        self._draining = True
        try:
            # A signal handler may add to them meanwhile.
            while self._events or any(self._plain.values()):
                # What has failed since is counted first.
                number = len(self._events)
                for endpoint, engine in list(self._plain):
                    self._sort_in_plain(endpoint, engine)
                for _ in range(number):
                    self._sort_in(self._events.popleft())
        finally:
            self._draining = False

    def _sort_in(self, event: Event) -> None:
        self.events += event.duration_us is not None
        if event.duration_us is None and event.minute not in self._minutes:
            return  # the minute in which it was counted is gone
        self._minute(event.minute).add(event)

    def _sort_in_plain(self, endpoint: Endpoint, engine: str) -> None:
        durations = self._plain[(endpoint, engine)]
        number, entry = -1, None
        while durations:
            packed = durations.popleft()
            if entry is None or packed >> _DURATION_BITS != number:
                number = packed >> _DURATION_BITS
                entry = self._minute(number).entry(endpoint)
            entry.add_duration(engine, packed & _DURATION_MASK)
            self.events += 1

    def _minute(self, number: int) -> Minute:
        minute = self._minutes.get(number)
        if minute is None:
            self._forget(number)
            minute = self._minutes[number] = Minute()
        return minute

    def _forget(self, current: int) -> None:
        """Let go of old minutes, and of the oldest while all of them are too large."""
        size_bytes = sum(minute.size_bytes for minute in self._minutes.values())
        for number in sorted(self._minutes):
            if number >= current - self._max_minutes and size_bytes <= self._max_bytes:
                return
            minute = self._minutes.pop(number)
            size_bytes -= minute.size_bytes
            if minute.changed:
                self._drops.add(QUEUE_FULL)


@lru_cache(maxsize=4_096)
def named(kind: str, method: str, name: str) -> Endpoint:
    """An endpoint within the bounds of the wire format."""
    return Endpoint(kind, transmissible(method, 16), transmissible(name, 512) or "(unnamed)")
