"""What the recordings of an endpoint have in common: strings, frames, call paths and headings, by number.

A book grows by pages, each of which only adds. A number never changes its meaning, so a recording that knows
the last page of its time reads the same in every later book.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from profiles import frame_page
from profiles.frame_page import Code, Entries, Frame, Node
from profiles.recording import CorruptRecording, FrameColumns, Table

# Attributes that end in the current line, by far the most: it is kept as a distance from the first line.
_LINE: Final = re.compile(r"\A(?:(.+)\x01)?l(0|[1-9][0-9]{0,8})\Z", re.DOTALL)
# Leaves that were met so often are numbered before the others: small numbers are short.
_FREQUENT: Final = 2


class Heading(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """What most recordings of a process begin with."""

    min_interval: float
    max_interval: float
    start_frames: list[int]
    sys_path: list[str]
    sys_prefixes: list[str]


class Index(NamedTuple):
    """The numbers of what a book holds; leaves by their node."""

    strings: dict[str, int]
    codes: dict[Code, int]
    frames: dict[Frame, int]
    nodes: dict[Node, int]
    leaves: dict[int, int]
    headings: dict[bytes, int]

    def extended(self, new: Entries) -> Index:
        """The index of a book with one page more."""
        return Index(
            _numbered(new.strings, self.strings),
            _numbered(new.codes, self.codes),
            _numbered(new.frames, self.frames),
            _numbered(new.nodes, self.nodes),
            _numbered(new.leaves, self.leaves),
            _numbered(new.headings, self.headings),
        )


@dataclass(frozen=True, eq=False)
class Book:
    """Everything by number; what a number points to has a lower one, or is of another kind."""

    strings: list[str] = field(default_factory=list)
    codes: list[Code] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    parents: array[int] = field(default_factory=lambda: array("i"))
    node_frames: array[int] = field(default_factory=lambda: array("i"))
    leaves: array[int] = field(default_factory=lambda: array("i"))
    headings: list[bytes] = field(default_factory=list)

    def extended(self, page: bytes) -> Book:
        """The book with one page more; this one stays as it is. Raises CorruptRecording."""
        new = frame_page.unpack(page, first_node=len(self.parents))
        book = Book(
            self.strings + new.strings,
            self.codes + new.codes,
            self.frames + new.frames,
            self.parents + _column(parent for parent, _ in new.nodes),
            self.node_frames + _column(frame for _, frame in new.nodes),
            self.leaves + _column(new.leaves),
            self.headings + new.headings,
        )
        book._check(new)
        if "index" in self.__dict__:
            book.__dict__["index"] = self.index.extended(new)
        return book

    @cached_property
    def index(self) -> Index:
        """The way from what a recording holds to its number."""
        return Index(
            _numbered(self.strings),
            _numbered(self.codes),
            _numbered(self.frames),
            _numbered(zip(self.parents, self.node_frames, strict=True)),
            _numbered(self.leaves),
            _numbered(self.headings),
        )

    def attributes(self, frame: Frame) -> str:
        """All that follows the first U+0001 of a frame, or the empty string."""
        code = self.codes[frame.code]
        text = self.strings[code.attributes]
        if frame.distance is None or code.line is None:
            return text
        line = f"l{code.line + frame.distance}"
        return f"{text}\x01{line}" if text else line

    def _check(self, new: Entries) -> None:
        """What is new must point to something that is there."""
        strings = [number for code in new.codes for number in (code.function, code.file, code.attributes)]
        first = len(self.parents) - len(new.nodes)
        if not (
            _within(strings, len(self.strings))
            and _within([frame.code for frame in new.frames], len(self.codes))
            and _within([frame for _, frame in new.nodes], len(self.frames))
            and _within(new.leaves, len(self.parents))
            and all(-1 <= parent < number for number, (parent, _) in enumerate(new.nodes, first))
        ):
            raise CorruptRecording("a page of frames that points nowhere")


class Additions:
    """What recordings need beyond a book, collected to become its next page."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self._new = Index({}, {}, {}, {}, {}, {})
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
        numbers = {-1: -1}
        for sample in dict.fromkeys(table.samples):
            way = []
            while sample not in numbers:
                way.append(sample)
                sample = table.nodes[sample][0]
            for node in reversed(way):
                parent, frame = table.nodes[node]
                numbers[node] = self._number("nodes", (numbers[parent], frames[frame]))
        samples = [numbers[sample] for sample in table.samples]
        self._sampled.update(samples)
        return heading, samples

    def add_string(self, text: str) -> int:
        return self._number("strings", text)

    def add_code(self, code: Code) -> int:
        return self._number("codes", code)

    def add_frame(self, frame: Frame) -> int:
        return self._number("frames", frame)

    def page(self) -> bytes:
        """All that was added, as `Book.extended` takes it."""
        first, new = len(self.book.parents), self._new
        listed, others = self._leaves()
        entries = Entries(
            list(new.strings),
            list(new.codes),
            list(new.frames),
            list(new.nodes),
            listed + others,
            list(new.headings),
        )
        return frame_page.pack(entries, first_node=first, listed=len(listed))

    def leaves(self) -> dict[int, int]:
        """The numbers of the leaves of the next page, by their node."""
        listed, others = self._leaves()
        return {node: number for number, node in enumerate(listed + others, len(self.book.leaves))}

    def _leaves(self) -> tuple[list[int], list[int]]:
        """Sampled nodes that are no leaves of the book: frequent or old ones by frequency, then others."""
        first, known, sampled = len(self.book.parents), self.book.index.leaves, self._sampled
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
        return self._number("headings", msgspec.msgpack.encode(heading))

    def _number(self, kind: str, key: Any) -> int:
        known: dict[Any, int] = getattr(self.book.index, kind)
        number = known.get(key)
        if number is None:
            new: dict[Any, int] = getattr(self._new, kind)
            number = new.setdefault(key, len(known) + len(new))
        return number


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
            return add.add_frame(Frame(add.add_code(Code(number, number, None, number)), None))
        text, line, distance = strings[frame[3]], frame[2], None
        if found := _LINE.match(text):
            text, distance = found[1] or "", int(found[2]) - line
        function, file = add.add_string(strings[frame[0]]), add.add_string(strings[frame[1]])
        return add.add_frame(Frame(add.add_code(Code(function, file, line, add.add_string(text))), distance))


_Key = TypeVar("_Key")


def _numbered(keys: Iterable[_Key], known: dict[_Key, int] | None = None) -> dict[_Key, int]:
    numbers = dict(known or {})
    numbers.update(zip(keys, count(len(numbers))))
    return numbers


def _column(values: Iterable[int]) -> array[int]:
    try:
        return array("i", values)
    except OverflowError as error:
        raise CorruptRecording("a page of frames with a number out of all bounds") from error


def _within(numbers: Sequence[int], end: int) -> bool:
    return not numbers or (min(numbers) >= 0 and max(numbers) < end)
