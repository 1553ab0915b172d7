"""Python 3.11's garbage collector, held while another thread's frames are read.

There `frame.f_back` and `cr_frame` make a frame object of the callee's or coroutine's frame, and making one
may set off a collection. A finalizer that it runs, the closing of a socket for example, may hand the
interpreter over to the very thread that is being read, whose frame is gone when the making goes on: the new
object then points to whatever lies there now, and the process crashes later. Python 3.10 keeps real frame
objects, and since 3.12 collections wait for the next instruction.
"""

from __future__ import annotations

import _thread
import gc
import sys
from functools import wraps
from typing import Any, Callable, TypeVar, cast

Look = TypeVar("Look", bound=Callable[..., None])

NEEDED = sys.version_info[:2] == (3, 11)

_reading = _thread.allocate_lock()  # for a moment there may be two samplers
_is_off = False  # by us


def held(look: Look) -> Look:
    """Let no collection start during `look`. An app that has turned collections off keeps them off."""
    if not NEEDED:
        return look

    @wraps(look)
    def guarded(*args: Any) -> None:
        global _is_off
        with _reading:
            if gc.isenabled():
                _is_off = True  # first, so that the child of a fork knows
                gc.disable()
            try:
                look(*args)
            finally:
                _turn_on()

    return cast(Look, guarded)


def restore() -> None:
    """In the child of a fork: what the sampling thread held there is held by nobody here."""
    global _reading
    _reading = _thread.allocate_lock()
    _turn_on()


def _turn_on() -> None:
    global _is_off
    if _is_off:
        gc.enable()
        _is_off = False
