"""What a book of frames consists of, and how what is added to it at once is written."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from itertools import accumulate
from operator import sub
from typing import Any, Final, NamedTuple

import msgspec

from profiles import planes
from profiles.integers import zigzag
from profiles.recording import CorruptRecording
from profiles.squeeze import restore, shrink

# What a page begins with, so that there can be others.
FORMAT: Final = b"\x01"
NOTHING: Final = 0


class Columns(NamedTuple):
    """Everything by number. What a number points to is of another kind, or has a lower number.

    A code is what a frame says but for its current line; `lines` are first lines. A code that can't be taken
    apart is all `functions`, and has no line. `distances` are how far behind it the current line is. A node
    is a frame below another node, or below -1. Of `lines` and `distances`, 0 is none, and others are marked.
    """

    strings: list[str]
    functions: array[int]
    files: array[int]
    lines: array[int]
    attributes: array[int]
    codes: array[int]
    distances: array[int]
    parents: array[int]
    node_frames: array[int]
    leaves: array[int]  # Nodes in which samples ended.
    headings: list[bytes]
    digested: list[bytes]  # Functions of digests.

    @classmethod
    def empty(cls) -> Columns:
        columns: list[Any] = [[], *(array("q") for _ in range(9)), [], []]
        return cls(*columns)

    def sizes(self) -> tuple[int, ...]:
        columns: tuple[Any, ...] = self
        return tuple(map(len, columns))

    def cut(self, sizes: Iterable[int]) -> Columns:
        """A copy of the first so many of each."""
        columns: tuple[Any, ...] = self
        cut: list[Any] = [column[:size] for column, size in zip(columns, sizes, strict=True)]
        return Columns(*cut)


def mark(value: int | None) -> int:
    """Turn a number or none into one number."""
    return NOTHING if value is None else zigzag(value) + 1


def unmark(value: int) -> int | None:
    return None if value == NOTHING else (value - 1 >> 1) ^ -(value - 1 & 1)


class _Page(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """Columns named `_steps` hold differences to the value before."""

    strings: bytes
    function_steps: bytes
    file_steps: bytes
    lines: bytes
    attribute_steps: bytes
    code_steps: bytes
    distances: bytes
    parent_distances: bytes  # How far before a node its parent stands.
    frame_steps: bytes
    listed_leaves: bytes  # How far before the last node.
    other_leaves: bytes  # One byte for each new node: 1 where it is a leaf that is not listed.
    headings: list[bytes]
    digested: bytes


def pack(new: Columns, *, first_node: int, listed: int) -> bytes:
    """Return columns as bytes. The first `listed` leaves keep their order, the others are new nodes."""
    joined = "\n".join(new.strings)
    strings = joined if joined.count("\n") == len(new.strings) - 1 else new.strings
    end = first_node + len(new.parents)
    others = bytearray(len(new.parents))
    for node in new.leaves[listed:]:
        others[node - first_node] = 1
    page = _Page(
        shrink(msgspec.msgpack.encode(strings)),
        _steps(new.functions),
        _steps(new.files),
        planes.pack(new.lines),
        _steps(new.attributes),
        _steps(new.codes),
        planes.pack(new.distances),
        planes.pack(map(sub, range(first_node, end), new.parents)),
        _steps(new.node_frames),
        planes.pack(end - 1 - node for node in new.leaves[:listed]),
        shrink(bytes(others)),
        new.headings,
        shrink(msgspec.msgpack.encode(new.digested)),
    )
    return FORMAT + msgspec.msgpack.encode(page)


def unpack(data: bytes, *, first_node: int) -> Columns:
    """Return the columns of a page. Raises CorruptRecording; where numbers point to is not looked at."""
    if data[:1] != FORMAT:
        raise CorruptRecording(f"unknown format {data[:1]!r} of a page of frames")
    try:
        page = msgspec.msgpack.decode(memoryview(data)[1:], type=_Page)
        joined = msgspec.msgpack.decode(restore(page.strings), type=str | list[str])
        distances = planes.unpack(page.parent_distances)
        end = first_node + len(distances)
        leaves = array("q", (end - 1 - distance for distance in planes.unpack(page.listed_leaves)))
        others = enumerate(restore(page.other_leaves), first_node)
        leaves.extend(node for node, is_leaf in others if is_leaf)
        return Columns(
            joined.split("\n") if isinstance(joined, str) else joined,
            _summed(page.function_steps),
            _summed(page.file_steps),
            array("q", planes.unpack(page.lines)),
            _summed(page.attribute_steps),
            _summed(page.code_steps),
            array("q", planes.unpack(page.distances)),
            array("q", map(sub, range(first_node, end), distances)),
            _summed(page.frame_steps),
            leaves,
            page.headings,
            msgspec.msgpack.decode(restore(page.digested), type=list[bytes]),
        )
    except (msgspec.DecodeError, ValueError, OverflowError) as error:
        raise CorruptRecording(f"a page of frames that can't be read: {error}") from error


def _steps(column: array[int]) -> bytes:
    return planes.pack(map(sub, column, (0, *column)))


def _summed(data: bytes) -> array[int]:
    return array("q", accumulate(planes.unpack(data)))
