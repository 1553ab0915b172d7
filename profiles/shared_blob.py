"""Format 2 of a stored recording: numbers that point into a book, and exact times.

What its book lacks it brings along as a page of its own; without a book it holds everything itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import msgspec

from profiles import integers, times
from profiles.frame_book import Additions, Book, Heading
from profiles.integers import Column
from profiles.recording import CorruptRecording, FrameColumns, Table
from profiles.times import Times

FORMAT: Final = b"\x02"
NO_PAGE: Final = b""

BookOf = Callable[[bytes], Book]


class _Packed(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """`samples` are ranks of leaves, counted from 1; 0 is an empty stack."""

    page: bytes
    additions: bytes
    heading: int
    target: int | str
    start_time: float
    duration: float
    cpu_time: float
    sample_count: int
    samples: Column
    times: Times


def pack(table: Table, book: Book, page: bytes = NO_PAGE) -> bytes:
    """Return a valid recording as bytes that are read with `book`, whose last page is `page`."""
    additions = Additions(book)
    heading, nodes = additions.add(table)
    brought = additions.page() if additions else b""
    known, new = book.index.leaves, additions.leaves()
    packed = _Packed(
        page=page,
        additions=brought,
        heading=heading,
        target=book.index.strings.get(table.target_description, table.target_description),
        start_time=table.start_time,
        duration=table.duration,
        cpu_time=table.cpu_time,
        sample_count=table.sample_count,
        samples=integers.pack([known.get(node, new.get(node, -1)) + 1 for node in nodes]),
        times=times.pack(table.times),
    )
    return FORMAT + msgspec.msgpack.encode(packed)


def page_of(data: bytes) -> bytes:
    """The last page of the book that a recording is read with. Raises CorruptRecording."""
    return _decode(data).page


def unpack(data: bytes, book_of: BookOf) -> Table:
    """Return the recording, numbered in the order in which things are met. Raises CorruptRecording.

    `book_of` returns the book that ends with a page; what it raises comes through.
    """
    packed = _decode(data)
    book = book_of(packed.page) if packed.page else Book()
    if packed.additions:
        book = book.extended(packed.additions)
    try:
        return _table(packed, book)
    except (msgspec.DecodeError, IndexError, ValueError, OverflowError) as error:
        raise CorruptRecording(f"a stored recording that points nowhere: {error}") from error


def _decode(data: bytes) -> _Packed:
    try:
        return msgspec.msgpack.decode(memoryview(data)[1:], type=_Packed)
    except (msgspec.DecodeError, ValueError) as error:
        raise CorruptRecording("a stored recording that can't be read") from error


def _table(packed: _Packed, book: Book) -> Table:
    heading = msgspec.msgpack.decode(_at(book.columns.headings, packed.heading), type=Heading)
    numbering = _Numbering(book)
    start_call_stack = [
        numbering.frame(_below(number, book.columns.codes)) for number in heading.start_frames
    ]
    samples = [
        numbering.node(_at(book.columns.leaves, rank - 1) if rank else -1)
        for rank in integers.unpack(packed.samples)
    ]
    target = packed.target
    return Table(
        start_time=packed.start_time,
        duration=packed.duration,
        min_interval=heading.min_interval,
        max_interval=heading.max_interval,
        sample_count=packed.sample_count,
        start_call_stack=start_call_stack,
        target_description=target if isinstance(target, str) else _at(book.columns.strings, target),
        cpu_time=packed.cpu_time,
        sys_path=heading.sys_path,
        sys_prefixes=heading.sys_prefixes,
        strings=list(numbering.strings),
        frames=numbering.columns,
        nodes=numbering.rows,
        samples=samples,
        times=times.unpack(packed.times),
    )


class _Numbering:
    """Numbers what is used of a book in the order in which it is first met (docs/wire.md, 2.2)."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.strings: dict[str, int] = {}
        self.columns: list[FrameColumns | int] = []
        self.rows: list[tuple[int, int]] = []
        self._frames: dict[int, int] = {}
        self._nodes = {-1: -1}

    def node(self, node: int) -> int:
        numbers, columns = self._nodes, self.book.columns
        if node in numbers:
            return numbers[node]
        way = []
        while node not in numbers:
            way.append(node)
            node = columns.parents[node]
        number = numbers[node]
        for node in reversed(way):
            self.rows.append((number, self.frame(columns.node_frames[node])))
            number = numbers[node] = len(self.rows) - 1
        return number

    def frame(self, frame: int) -> int:
        number = self._frames.get(frame)
        if number is None:
            number = self._frames[frame] = len(self.columns)
            self.columns.append(self._column(frame))
        return number

    def _column(self, frame: int) -> FrameColumns | int:
        parts = self.book.frame(frame)
        if isinstance(parts, str):
            return self._string(parts)
        function, file, line, attributes = parts
        return self._string(function), self._string(file), line, self._string(attributes)

    def _string(self, text: str) -> int:
        return self.strings.setdefault(text, len(self.strings))


def _below(number: int, column: Sequence[int]) -> int:
    """The number, if it is one of the column's."""
    if not 0 <= number < len(column):
        raise IndexError(number)
    return number


_Item = TypeVar("_Item")


def _at(column: Sequence[_Item], number: int) -> _Item:
    """The item of a number; a negative one is none from the end."""
    if number < 0:
        raise IndexError(number)
    return column[number]
