"""How soon the sampler gets the interpreter's lock from code that computes.

Python hands the lock over after `sys.getswitchinterval()`, 5 ms, or when the code waits for something. With
5 ms, a sample that falls into a shorter stretch of computing is taken only when that stretch is over: the
time is given to the wait that follows. For 3 ms requests that compute 80% of their time, nearly all samples
then show the wait. A shorter interval mends that. It costs nothing while one thread serves requests, for
nobody else competes for the lock, and much when many threads compute at once, where it is needed least: what
they wait for is the lock itself, and their stacks can be read any time.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys

DEFAULT_S = 0.005
_PR_SET_TIMERSLACK = 29
_ALONE_S = 0.00002
_SHARED_S = 0.0001
_CROWDED_S = 0.001
_CROWDED_CPU = 0.8


def fitting(threads: int, cpu: float) -> float:
    """Seconds, for this many serving threads and this many CPU seconds used in a second by the process."""
    if threads <= 1:
        return _ALONE_S
    return _SHARED_S if cpu < _CROWDED_CPU else _CROWDED_S


def be_punctual() -> None:
    """Let this thread's waits end within a microsecond or so; Linux adds up to 50 to save power."""
    if sys.platform == "linux":
        with contextlib.suppress(Exception):  # a libc without it: then samples come a little later
            ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, ctypes.c_ulong(1), *[ctypes.c_ulong(0)] * 3)


class SwitchInterval:
    """Python's switch interval, shortened for as long as it is ours to change.

    An app that has set one of its own, before or meanwhile, keeps it.
    """

    def __init__(self) -> None:
        self._set = DEFAULT_S  # what we have set, or found
        self._given_up = False

    def set(self, seconds: float) -> None:
        if seconds == self._set or self._given_up:
            return
        # Python keeps whole microseconds.
        if abs(sys.getswitchinterval() - self._set) > 1.5e-6:
            self._given_up = True
            return
        sys.setswitchinterval(seconds)
        self._set = seconds

    def restore(self) -> None:
        self.set(DEFAULT_S)
