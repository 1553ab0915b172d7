"""What the sampler has seen of one record."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from pyinstrument.session import Session

from . import naming, walk

_ROOT = "Thread\0<thread>\x000"  # pyinstrument wants one root
_MAX_SAMPLES = 8_192
_MAX_FRAMES = 400_000


class SampledRecording:
    """The samples of one record. Written by the sampler's thread only, and read after the record's end."""

    complete = True

    def __init__(self, interval_us: int) -> None:
        self.interval_us = interval_us
        self.weight = 0  # frames in all samples, at about 8 bytes each
        self.cpu_us = 0
        self.process_cpu = 0.0
        self.duration_ns = 0
        self.began_ns = 0
        self.started_at = 0.0  # seconds since 1970
        self._samples: list[tuple[walk.Stack, int, int]] = []  # stack, when, nanoseconds it stands for

    def add(self, stack: walk.Stack, now_ns: int, stands_for_ns: int) -> None:
        self._samples.append((stack, now_ns, stands_for_ns))
        self.weight += len(stack) // 2
        if len(self._samples) > _MAX_SAMPLES or self.weight > _MAX_FRAMES:
            self._thin()

    def _thin(self) -> None:
        """Every second sample gives its time to its successor."""
        pairs = list(zip(self._samples[::2], self._samples[1::2]))
        odd = self._samples[-1:] if len(self._samples) % 2 else []
        self._samples = [(b[0], b[1], a[2] + b[2]) for a, b in pairs] + odd
        self.weight = sum(len(stack) for stack, _, _ in self._samples) // 2
        self.interval_us *= 2

    def __len__(self) -> int:
        return len(self._samples)

    def stacks(self) -> Iterator[tuple[list[naming.Key], int]]:
        """Of each regular sample the functions from the outermost in, and the microseconds it stands for."""
        for stack, _, stands_for_ns in list(self._samples):
            if stands_for_ns:
                keys: list[naming.Key] = naming.beneath_us(stack)[::2]
                keys.reverse()
                yield keys, stands_for_ns // 1000

    def session(self, description: str) -> dict[str, Any]:
        """As pyinstrument's `Session.to_json()` gives it: to a sample belongs the time before it."""
        records = []
        last_ns = self.began_ns
        for stack, now_ns, _ in list(self._samples):
            shown = naming.beneath_us(stack)
            names = [_name(shown[index], shown[index + 1]) for index in range(0, len(shown), 2)]
            records.append(([_ROOT, *reversed(names)], max(0, now_ns - last_ns) / 1e9))
            last_ns = max(last_ns, now_ns)
        session = Session(
            frame_records=records,
            start_time=self.started_at,
            duration=self.duration_ns / 1e9,
            min_interval=self.interval_us / 1e6,
            max_interval=self.interval_us / 1e6,
            sample_count=len(records),
            start_call_stack=[_ROOT],
            target_description=description,
            cpu_time=self.cpu_us / 1e6,
            sys_path=[str(entry) for entry in sys.path],
            sys_prefixes=Session.current_sys_prefixes(),
        )
        return {**session.to_json()}


def _name(code: Any, offset: int) -> str:
    return code if isinstance(code, str) else naming.pyinstrument_name(code, offset)
