"""What the recordings of an endpoint have in common: strings, frames, call paths and headings, by number.

A book grows by pages, each of which only adds. A number never changes its meaning, so a recording that knows
the last page of its time reads the same in every later book.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Hashable, Iterable
from functools import cached_property
from itertools import chain, count
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from profiles import frame_page
from profiles.frame_page import Columns, mark, unmark
from profiles.recording import CorruptRecording, FrameColumns, Table

# Attributes that end in the current line, by far the most: it is kept as a distance from the first line.
_LINE: Final = re.compile(r"\A(?:(.+)\x01)?l(0|[1-9][0-9]{0,8})\Z", re.DOTALL)
# Leaves that were met so often are numbered before the others: small numbers are short.
_FREQUENT: Final = 2

Key = TypeVar("Key", bound=Hashable)


class Heading(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """What most recordings of a process begin with."""

    min_interval: float
    max_interval: float
    start_frames: list[int]
    sys_path: list[str]
    sys_prefixes: list[str]


class Index(NamedTuple):
    """The numbers of what a book holds, by what Columns says of each; leaves by their node."""

    strings: dict[str, int]
    codes: dict[tuple[int, ...], int]
    frames: dict[tuple[int, ...], int]
    nodes: dict[tuple[int, ...], int]
    leaves: dict[int, int]
    headings: dict[bytes, int]
    digested: dict[bytes, int]

    @classmethod
    def of(cls, new: Columns, before: Index | None = None) -> Index:
        """The index of columns, behind what an index has; that one stays as it is."""
        known = before or cls({}, {}, {}, {}, {}, {}, {})
        return cls(
            _numbered(new.strings, known.strings),
            _numbered(zip(new.functions, new.files, new.lines, new.attributes, strict=True), known.codes),
            _numbered(zip(new.codes, new.distances, strict=True), known.frames),
            _numbered(zip(new.parents, new.node_frames, strict=True), known.nodes),
            _numbered(new.leaves, known.leaves),
            _numbered(new.headings, known.headings),
            _numbered(new.digested, known.digested),
        )


class Book:
    """What recordings point into. It never changes."""

    def __init__(self, columns: Columns | None = None) -> None:
        self.columns = columns or Columns.empty()

    def extended(self, page: bytes) -> Book:
        """The book with one page more. Raises CorruptRecording."""
        return self.grown([page])[0]

    def grown(self, pages: Iterable[bytes]) -> tuple[Book, list[tuple[int, ...]]]:
        """The book with these pages more, and how large it is after each. Raises CorruptRecording."""
        columns = self.columns.cut(self.columns.sizes())
        sizes = []
        index = self.__dict__.get("index")
        for page in pages:
            new = frame_page.unpack(page, first_node=len(columns.parents))
            column: Any
            for column, added in zip(columns, new, strict=True):
                column.extend(added)
            _check(columns, new)
            sizes.append(columns.sizes())
            index = Index.of(new, index) if index else None
        book = Book(columns)
        if index:
            book.__dict__["index"] = index
        return book, sizes

    def cut(self, sizes: Iterable[int]) -> Book:
        """The book as it was when it had so many of each."""
        return Book(self.columns.cut(sizes))

    @cached_property
    def index(self) -> Index:
        """The way from what a recording holds to its number."""
        return Index.of(self.columns)

    def frame(self, number: int) -> tuple[str, str, int, str] | str:
        """A frame as docs/wire.md takes it apart: function, file, line and attributes, or all in one."""
        columns = self.columns
        code, strings = columns.codes[number], columns.strings
        function, line = strings[columns.functions[code]], unmark(columns.lines[code])
        if line is None:
            return function
        attributes, distance = strings[columns.attributes[code]], unmark(columns.distances[number])
        if distance is not None:
            attributes = f"{attributes}\x01l{line + distance}" if attributes else f"l{line + distance}"
        return function, strings[columns.files[code]], line, attributes


class Additions:
    """What recordings need beyond a book, collected to become its next page."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self._new = Index({}, {}, {}, {}, {}, {}, {})
        self._sampled: Counter[int] = Counter()

    @property
    def nodes(self) -> int:
        """How many were added."""
        return len(self._new.nodes)

    def __bool__(self) -> bool:
        return bool(any(self._new) or any(self._leaves()))

    def add(self, table: Table) -> tuple[int, list[int]]:
        """Number all of a valid recording; return its heading, and the node of each sample or -1."""
        frames = _FrameNumbers(self, table)
        heading = self._heading(table, frames)
        known, new = self.book.index.nodes, self._new.nodes
        numbers = {-1: -1}
        for sample in dict.fromkeys(table.samples):
            way = []
            while sample not in numbers:
                way.append(sample)
                sample = table.nodes[sample][0]
            for node in reversed(way):
                parent, frame = table.nodes[node]
                numbers[node] = number_of((numbers[parent], frames[frame]), known, new)
        samples = [numbers[sample] for sample in table.samples]
        self._sampled.update(samples)
        return heading, samples

    def add_digested(self, function: bytes) -> int:
        """A function of a digest, as shared_digest.py writes it."""
        return number_of(function, self.book.index.digested, self._new.digested)

    def add_string(self, text: str) -> int:
        return number_of(text, self.book.index.strings, self._new.strings)

    def add_frame(self, code: tuple[int, ...], distance: int | None) -> int:
        number = number_of(code, self.book.index.codes, self._new.codes)
        return number_of((number, mark(distance)), self.book.index.frames, self._new.frames)

    def page(self) -> bytes:
        """All that was added, as `Book.extended` takes it."""
        new = self._new
        listed, others = self._leaves()
        columns: list[Any] = [
            list(new.strings),
            *_columns(new.codes, 4),
            *_columns(new.frames, 2),
            *_columns(new.nodes, 2),
            array("q", listed + others),
            list(new.headings),
            list(new.digested),
        ]
        return frame_page.pack(
            Columns(*columns), first_node=len(self.book.columns.parents), listed=len(listed)
        )

    def leaves(self) -> dict[int, int]:
        """The numbers of the leaves of the next page, by their node."""
        return dict(zip(chain(*self._leaves()), count(len(self.book.columns.leaves))))

    def _leaves(self) -> tuple[list[int], list[int]]:
        """Sampled nodes that are no leaves of the book: frequent or old ones by frequency, then others."""
        first, known, sampled = len(self.book.columns.parents), self.book.index.leaves, self._sampled
        leaves = [node for node, _ in sampled.most_common() if node >= 0 and node not in known]
        listed = [node for node in leaves if sampled[node] >= _FREQUENT or node < first]
        return listed, sorted(node for node in leaves if sampled[node] < _FREQUENT and node >= first)

    def _heading(self, table: Table, frames: _FrameNumbers) -> int:
        heading = Heading(
            table.min_interval,
            table.max_interval,
            [frames[frame] for frame in table.start_call_stack],
            table.sys_path,
            table.sys_prefixes,
        )
        return number_of(msgspec.msgpack.encode(heading), self.book.index.headings, self._new.headings)


class _FrameNumbers(dict[int, int]):
    """From a frame of a recording to its number in a book."""

    def __init__(self, additions: Additions, table: Table) -> None:
        self.additions = additions
        self.table = table

    def __missing__(self, frame: int) -> int:
        number = self[frame] = self._add(self.table.frames[frame])
        return number

    def _add(self, frame: FrameColumns | int) -> int:
        strings, add = self.table.strings, self.additions
        if isinstance(frame, int):
            number = add.add_string(strings[frame])
            return add.add_frame((number, number, mark(None), number), None)
        text, line, distance = strings[frame[3]], frame[2], None
        if found := _LINE.match(text):
            text, distance = found[1] or "", int(found[2]) - line
        function, file = add.add_string(strings[frame[0]]), add.add_string(strings[frame[1]])
        return add.add_frame((function, file, mark(line), add.add_string(text)), distance)


def number_of(key: Key, known: dict[Key, int], new: dict[Key, int]) -> int:
    """The number of a key that is known, or new, or becomes new."""
    number = known.get(key)
    return new.setdefault(key, len(known) + len(new)) if number is None else number


def _check(columns: Columns, new: Columns) -> None:
    """What is new must point to something that is there."""
    first = len(columns.parents) - len(new.parents)
    if not (
        len(new.functions) == len(new.files) == len(new.lines) == len(new.attributes)
        and len(new.codes) == len(new.distances)
        and len(new.parents) == len(new.node_frames)
        and all(_within(part, len(columns.strings)) for part in (new.functions, new.files, new.attributes))
        and _within(new.codes, len(columns.functions))
        and _within(new.node_frames, len(columns.codes))
        and _within(new.leaves, len(columns.parents))
        and min(new.parents, default=0) >= -1
        and all(map(int.__lt__, new.parents, count(first)))
    ):
        raise CorruptRecording("a page of frames that points nowhere")


def _within(numbers: array[int], end: int) -> bool:
    return not numbers or (min(numbers) >= 0 and max(numbers) < end)


def _columns(keys: Iterable[tuple[int, ...]], width: int) -> list[array[int]]:
    rows = list(keys)
    return [array("q", (row[place] for row in rows)) for place in range(width)]


def _numbered(keys: Iterable[Key], known: dict[Key, int]) -> dict[Key, int]:
    numbers = dict(known)
    numbers.update(zip(keys, count(len(numbers))))
    return numbers
