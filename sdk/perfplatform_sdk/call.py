"""`@profile` and `with profile("name")` for functions that are no coroutines and no generators."""

from __future__ import annotations

import inspect
import logging
from functools import wraps
from types import TracebackType
from typing import Any, Callable, TypeVar, cast, overload

from . import client as clients
from .recorder import Record, begin, current_record

log = logging.getLogger("perfplatform_sdk")

Function = TypeVar("Function", bound=Callable[..., Any])


class Call:
    """Code that is recorded as a call of its own name: a decorator and a context manager."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, function: Function) -> Function:
        return record_calls(function, self._name)

    def __enter__(self) -> Call:
        begin_call(self._name, self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        record = current_record()
        if record is not None and record.owner is self:
            record.end(error)


@overload
def profile(function_or_name: str) -> Call: ...


@overload
def profile(function_or_name: Function) -> Function: ...


def profile(function_or_name: Any) -> Any:
    """Record the calls of a function, as `@profile` or `@profile("name")`, or a stretch of code by `with`.

    Inside a request, or another call, it is only counted and timed: what it does is seen there. Coroutine
    functions, generators and classes are left as they are, with a line in the log.
    """
    if isinstance(function_or_name, str):
        return Call(function_or_name)
    return record_calls(function_or_name, "")


def record_calls(function: Function, name: str) -> Function:
    """A function that does the same and is recorded as `name`, else by its module and qualified name."""
    if isinstance(function, (staticmethod, classmethod)):
        return cast(Function, type(function)(record_calls(function.__func__, name)))
    if not _is_plain(function):
        log.warning("perfplatform: @profile leaves %r as it is: only plain functions are recorded", function)
        return function
    endpoint = name or f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', function)}"

    @wraps(function)
    def recorded(*args: Any, **kwargs: Any) -> Any:
        record = begin_call(endpoint, None) if clients.current() is not None else None
        if record is None:
            return function(*args, **kwargs)
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            record.end(error)
            raise
        record.end()
        return result

    return cast(Function, recorded)


def begin_call(endpoint: str, owner: Call | None) -> Record | None:
    """Begin a call. Inside another record it starts no profiler: what it does is seen there."""
    nested = current_record() is not None
    record = begin("call", owner=owner)
    if record is not None:
        record.name(endpoint, count_only=nested)
    return record


def _is_plain(function: object) -> bool:
    if isinstance(function, type) or not callable(function):
        return False
    kinds = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
    candidates = [
        function,
        vars(type(function)).get("__call__"),
    ]  # an object may be called as a coroutine, too
    return not any(is_kind(candidate) for is_kind in kinds for candidate in candidates)
