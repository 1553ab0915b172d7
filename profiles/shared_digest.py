"""Format 3 of a stored digest: its functions are numbers in the book of its endpoint.

In a digest that stands for itself (function_times.py) four fifths are names.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from typing import Final

import msgspec

from profiles import integers
from profiles.calltree import Function
from profiles.frame_book import Book, number_of
from profiles.function_times import FunctionTime
from profiles.integers import Column
from profiles.recording import CorruptRecording
from profiles.shared_blob import BookOf
from profiles.squeeze import restore, shrink

FORMAT: Final = b"\x03"
# Functions of some endpoints: all digests of one name the same few hundred.
MOST_REMEMBERED: Final = 10_000


class _Shared(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """Columns, one entry a function, by number; `callees_us` is the total without the self time."""

    page: bytes
    known: int  # So many functions the book had; numbers behind them are of its own.
    own: bytes
    number_steps: Column
    self_us: Column
    callees_us: Column
    samples: Column


def function_key(function: Function) -> bytes:
    """What a book keeps of a function of a digest, which has no line and no whole path."""
    return msgspec.msgpack.encode((function.name, function.class_name, function.short_file, function.library))


def pack(times: Sequence[FunctionTime], book: Book, page: bytes) -> bytes:
    """Return a digest as bytes that are read with `book`, whose last page is `page`."""
    own: dict[bytes, int] = {}
    known = book.index.digested
    numbered = sorted((number_of(function_key(time.function), known, own), time) for time in times)
    numbers = [number for number, _ in numbered]
    shared = _Shared(
        page=page,
        known=len(known),
        own=shrink(msgspec.msgpack.encode(list(own))),
        number_steps=_column(after - before for before, after in pairwise([0, *numbers])),
        self_us=_column(time.self_us for _, time in numbered),
        callees_us=_column(time.total_us - time.self_us for _, time in numbered),
        samples=_column(time.samples for _, time in numbered),
    )
    return FORMAT + msgspec.msgpack.encode(shared)


def unpack(data: bytes, book_of: BookOf) -> list[FunctionTime]:
    """Return the digest, most self time first, then most total. Raises CorruptRecording.

    `book_of` returns a book that has the page, perhaps a later one; what it raises comes through.
    """
    if data[:1] != FORMAT:
        raise CorruptRecording(f"unknown format {data[:1]!r} of a shared digest")
    try:
        shared = msgspec.msgpack.decode(memoryview(data)[1:], type=_Shared)
        numbers = accumulate(integers.unpack(shared.number_steps))
        own = msgspec.msgpack.decode(restore(shared.own), type=list[bytes])
    except (msgspec.DecodeError, ValueError) as error:
        raise CorruptRecording(f"a shared digest that can't be read: {error}") from error
    # A later book has more functions, whose numbers this digest uses for its own.
    functions = [*book_of(shared.page).columns.digested[: shared.known], *own]
    try:
        times = [
            FunctionTime(_function(functions[number]), self_us, self_us + callees_us, samples)
            for number, self_us, callees_us, samples in zip(
                numbers,
                integers.unpack(shared.self_us),
                integers.unpack(shared.callees_us),
                integers.unpack(shared.samples),
                strict=True,
            )
        ]
    except (msgspec.DecodeError, ValueError, IndexError) as error:
        raise CorruptRecording(f"a shared digest that points nowhere: {error}") from error
    return sorted(times, key=lambda time: (-time.self_us, -time.total_us, time.function))


@functools.lru_cache(maxsize=MOST_REMEMBERED)
def _function(key: bytes) -> Function:
    name, class_name, short_file, library = msgspec.msgpack.decode(key, type=tuple[str, str, str, bool])
    return Function(name, class_name, "", short_file, 0, library)


def _column(values: Iterable[int]) -> Column:
    return integers.pack(list(values))
