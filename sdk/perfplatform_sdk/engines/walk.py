"""Stacks of running threads and of suspended coroutines, read by another thread.

A stack is a flat list: code object, offset of the last instruction, and so on, innermost frame first.
Nothing is looked up here, for the whole process stands still meanwhile: a frame costs about 0.2 µs. No frame
is held.
"""

from __future__ import annotations

import gc
from types import FrameType
from typing import Any, Optional

MAX_DEPTH = 2_000

Stack = list[Any]

# Attributes that lead from an awaitable to its frame and to what it awaits.
_LINKS = (("cr_frame", "cr_await"), ("gi_frame", "gi_yieldfrom"), ("ag_frame", "ag_await"))


def running(frame: Optional[FrameType], outermost: Optional[FrameType] = None) -> Stack:
    """The stack from a frame out to the thread's first, or to `outermost`, which is the last one in it."""
    stack: Stack = []
    append = stack.append
    while frame is not None and len(stack) < 2 * MAX_DEPTH:
        append(frame.f_code)
        append(frame.f_lasti)
        if frame is outermost:
            break
        frame = frame.f_back
    return stack


def suspended(awaitable: Any) -> Stack:
    """The chain of coroutines that wait for each other, from the one that waits for no other."""
    pairs: list[tuple[Any, int]] = []
    while awaitable is not None and len(pairs) < MAX_DEPTH:
        for frame_name, next_name in _LINKS:
            frame = getattr(awaitable, frame_name, None)
            if frame is not None:
                pairs.append((frame.f_code, frame.f_lasti))
                awaitable = getattr(awaitable, next_name, None)
                break
        else:
            awaitable = _inside(awaitable)
    return [part for pair in reversed(pairs) for part in pair]


def first_frame(coroutine: Any) -> Optional[FrameType]:
    """The frame of a coroutine or generator itself; None when it has ended."""
    for frame_name, _ in _LINKS:
        frame: Optional[FrameType] = getattr(coroutine, frame_name, None)
        if frame is not None:
            return frame
    return None


def _inside(awaitable: Any) -> Any:
    """What the wrappers of `__anext__` and `__await__` hold, which they name nowhere."""
    if type(awaitable).__name__ not in (
        "async_generator_asend",
        "async_generator_athrow",
        "coroutine_wrapper",
    ):
        return None
    for inner in gc.get_referents(awaitable):
        if first_frame(inner) is not None:
            return inner
    return None
