"""What the sampler costs, and how busy the process is."""

from __future__ import annotations

import time

_SECOND_NS = 1_000_000_000


class Meter:
    """What looking costs, and what the process does, measured once a second."""

    def __init__(self) -> None:
        self.looks = 0  # since the last reading
        self.look_s = 0.0  # CPU seconds of one look, with its share of waking up
        self.thread = 0.0  # CPU seconds a second of this thread
        self.process = 0.0  # and of the whole process
        self._at_ns = time.perf_counter_ns()
        self._thread_ns = time.thread_time_ns()
        self._process_ns = time.process_time_ns()

    def read(self, now_ns: int) -> bool:
        """True where a second has passed and the figures are new."""
        elapsed_ns = now_ns - self._at_ns
        if elapsed_ns < _SECOND_NS:
            return False
        thread_ns, process_ns = time.thread_time_ns(), time.process_time_ns()
        self.look_s = (thread_ns - self._thread_ns) / 1e9 / max(1, self.looks)
        self.thread = (thread_ns - self._thread_ns) / elapsed_ns
        self.process = (process_ns - self._process_ns) / elapsed_ns
        self._at_ns, self._thread_ns, self._process_ns, self.looks = now_ns, thread_ns, process_ns, 0
        return True
