"""Puts a counting function in the place of a method, and takes it away again.

The result, the exception and, since Python 3.11, the traceback are those of the method: our frame is taken
out of it.
"""

from __future__ import annotations

import inspect
from contextvars import ContextVar
from functools import wraps
from time import perf_counter_ns
from typing import Any, Callable, NamedTuple

from perfplatform_sdk.context import current
from perfplatform_sdk.recorder import harmless

from .counting import count

Function = Callable[..., Any]
ShapeOf = Callable[[tuple[Any, ...], dict[str, Any]], str]  # arguments and keyword arguments -> shape

_MARK = "_perfplatform_counts"
# What is counted calls what is counted too: requests calls urllib3, a retry its own method.
counting: ContextVar[bool] = ContextVar("perfplatform_counting", default=False)


class Wrapped(NamedTuple):
    """A method that was replaced."""

    owner: Any
    name: str
    original: Function
    counted: Function


_wrapped: list[Wrapped] = []


def wrap(
    owner: Any, name: str, *, kind: str, shape_of: ShapeOf, sends: Callable[[Any], object] | None = None
) -> None:
    """Count the calls of a method that this very class defines. A second time nothing happens.

    `shape_of` is asked when the call is done; `sends` before, with the instance: will it send anything?
    """
    original = vars(owner)[name]
    if hasattr(original, _MARK):
        return
    make = _coroutine_function if inspect.iscoroutinefunction(original) else _function
    counted = make(original, kind, shape_of, None if sends is None else harmless(sends))
    setattr(counted, _MARK, True)
    setattr(owner, name, counted)
    _wrapped.append(Wrapped(owner, name, original, counted))


def unwrap(owner: Any) -> None:
    """Put the methods of a class back, unless somebody else has wrapped ours since."""
    for wrapped in [wrapped for wrapped in _wrapped if wrapped.owner is owner]:
        if vars(owner).get(wrapped.name) is wrapped.counted:
            setattr(owner, wrapped.name, wrapped.original)
            _wrapped.remove(wrapped)


def _function(original: Function, kind: str, shape_of: ShapeOf, sends: Function | None) -> Function:
    @wraps(original)
    def counted(*args: Any, **kwargs: Any) -> Any:
        began_ns = 0
        if current.get() is not None and not counting.get() and (sends is None or sends(args[0])):
            counting.set(True)
            began_ns = perf_counter_ns()
        try:
            return original(*args, **kwargs)
        except BaseException as error:
            hide_our_frame(error)
            raise
        finally:
            if began_ns:
                duration_ns = perf_counter_ns() - began_ns
                counting.set(False)
                count(kind, duration_ns, shape_of, args, kwargs)

    return counted


def _coroutine_function(original: Function, kind: str, shape_of: ShapeOf, sends: Function | None) -> Function:
    @wraps(original)
    async def counted(*args: Any, **kwargs: Any) -> Any:
        began_ns = 0
        if current.get() is not None and not counting.get() and (sends is None or sends(args[0])):
            counting.set(True)
            began_ns = perf_counter_ns()
        try:
            return await original(*args, **kwargs)
        except BaseException as error:
            hide_our_frame(error)
            raise
        finally:
            if began_ns:
                duration_ns = perf_counter_ns() - began_ns
                counting.set(False)
                count(kind, duration_ns, shape_of, args, kwargs)

    return counted


def hide_our_frame(error: BaseException) -> None:
    """Take the calling frame out of the traceback of an error that it is about to raise again by `raise`.

    Before Python 3.11 the interpreter keeps the traceback elsewhere, and the frame stays.
    """
    trace = error.__traceback__
    if trace is not None:
        error.__traceback__ = trace.tb_next
