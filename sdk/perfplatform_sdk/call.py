"""`@profile` and `with profile("name")`: functions and stretches of code that are recorded as calls."""

from __future__ import annotations

import inspect
import logging
from functools import wraps
from types import TracebackType
from typing import Any, Callable, TypeVar, cast, overload

from . import client as clients
from .call_async import record_async_generator, record_coroutine, record_generator
from .event_loop import current_task
from .recorder import Record, begin, current_record

log = logging.getLogger("perfplatform_sdk")

Function = TypeVar("Function", bound=Callable[..., Any])


class Call:
    """Code that is recorded as a call of its own name: a decorator, and a context manager of both kinds."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, function: Function) -> Function:
        return record_calls(function, self._name)

    def __enter__(self) -> Call:
        begin_call(self._name, self, task=current_task())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        record = current_record()
        if record is not None and record.owner is self:
            record.end(error)

    async def __aenter__(self) -> Call:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)


@overload
def profile(function_or_name: str) -> Call: ...


@overload
def profile(function_or_name: Function) -> Function: ...


def profile(function_or_name: Any) -> Any:
    """Record the calls of a function, as `@profile` or `@profile("name")`, or a stretch of code by `with`.

    Functions, coroutine functions, generators and asynchronous generators stay what they are; `async with`
    works as well. Inside a request, or another call, it is only counted and timed: what it does is seen
    there. Classes and objects that are called are left as they are, with a line in the log.
    """
    if isinstance(function_or_name, str):
        return Call(function_or_name)
    return record_calls(function_or_name, "")


def record_calls(function: Function, name: str) -> Function:
    """A function that does the same and is recorded as `name`, else by its module and qualified name."""
    if isinstance(function, (staticmethod, classmethod)):
        return cast(Function, type(function)(record_calls(function.__func__, name)))
    endpoint = name or f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', function)}"
    if inspect.iscoroutinefunction(function):
        return cast(Function, record_coroutine(function, endpoint))
    if inspect.isasyncgenfunction(function):
        return cast(Function, record_async_generator(function, endpoint))
    if inspect.isgeneratorfunction(function):
        return cast(Function, record_generator(function, endpoint))
    if not _is_plain(function):
        log.warning("perfplatform: @profile leaves %r as it is: only functions are recorded", function)
        return function

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


def begin_call(endpoint: str, owner: Call | None, *, task: Any = None) -> Record | None:
    """Begin a call. Inside another record it is only counted and timed."""
    record = begin("call", owner=owner, task=task)
    if record is not None:
        record.name(endpoint)
    return record


def _is_plain(function: object) -> bool:
    if isinstance(function, type) or not callable(function):
        return False
    called = vars(type(function)).get("__call__")  # an object may be called as a coroutine, too
    kinds = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
    return not any(is_kind(called) for is_kind in kinds)
