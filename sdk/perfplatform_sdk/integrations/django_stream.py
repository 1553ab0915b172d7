"""What Django's streaming responses iterate. A request ends with the first part; the rest passes through."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from perfplatform_sdk.event_loop import failure
from perfplatform_sdk.recorder import Record


class Stream:
    """The parts of a streaming response."""

    __slots__ = ("_enters", "_parts", "_record")

    def __init__(self, parts: Any, record: Record, *, enters: bool) -> None:
        """`enters`: whoever makes the parts works for the record meanwhile."""
        self._parts = parts
        self._record = record
        self._enters = enters

    def _begin(self) -> bool:
        """Whether the first part is to come."""
        if self._record.ended:
            return False
        if self._enters:
            self._record.enter()
        return True

    def _take(self, part: Any) -> None:
        """The first byte is there, unless the part is empty."""
        if part:
            self._record.end()
        elif self._enters:
            self._record.leave()

    def _fail(self, error: BaseException) -> None:
        """The stream is over or has failed."""
        is_over = isinstance(error, (StopIteration, StopAsyncIteration))
        failed = None if is_over else failure(error)
        if not self._record.ended:
            self._record.end(failed)
        elif failed is not None:
            self._record.fail_late(failed)


class Parts(Stream):
    """Of a synchronous one."""

    __slots__ = ()

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        is_first = self._begin()
        try:
            part = next(self._parts)
        except BaseException as error:
            self._fail(error)
            raise
        if is_first:
            self._take(part)
        return part


class AsyncParts(Stream):
    """Of an asynchronous one."""

    __slots__ = ()

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        is_first = self._begin()
        try:
            part = await self._parts.__anext__()
        except BaseException as error:
            self._fail(error)
            raise
        if is_first:
            self._take(part)
        return part
