"""What is added to a book of frames at once, as columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate
from operator import sub
from typing import NamedTuple

import msgspec

from profiles import integers
from profiles.integers import Column, unzigzag, zigzag
from profiles.recording import CorruptRecording
from profiles.squeeze import restore, shrink


class Code(NamedTuple):
    """What a frame says but for its current line: three numbers of strings, with the first line between.

    A frame that can't be taken apart is all `function`, and its line is None.
    """

    function: int
    file: int
    line: int | None
    attributes: int


class Frame(NamedTuple):
    """A number of a code, and how far behind its first line the current one is, if it says so."""

    code: int
    distance: int | None


Node = tuple[int, int]  # parent (-1 at a root) and frame


class Entries(NamedTuple):
    """New things by kind, each numbered on from what the book has."""

    strings: list[str]
    codes: list[Code]
    frames: list[Frame]
    nodes: list[Node]
    leaves: list[int]  # Nodes in which samples ended.
    headings: list[bytes]


class _Page(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """Columns named `_steps` hold differences to the value before."""

    strings: bytes
    function_steps: Column
    file_steps: Column
    lines: Column
    attribute_steps: Column
    code_steps: Column
    distances: Column
    parent_distances: Column  # How far before a node its parent stands.
    frame_steps: Column
    listed_leaves: Column  # How far before the last node.
    other_leaves: bytes  # One byte for each new node: 1 where it is a leaf that is not listed.
    headings: list[bytes]


def pack(entries: Entries, *, first_node: int, listed: int) -> bytes:
    """Return entries as bytes. The first `listed` leaves keep their order, the others are new nodes."""
    joined = "\n".join(entries.strings)
    strings = joined if joined.count("\n") == len(entries.strings) - 1 else entries.strings
    end = first_node + len(entries.nodes)
    others = bytearray(len(entries.nodes))
    for node in entries.leaves[listed:]:
        others[node - first_node] = 1
    page = _Page(
        shrink(msgspec.msgpack.encode(strings)),
        _steps(code.function for code in entries.codes),
        _steps(code.file for code in entries.codes),
        _optional(code.line for code in entries.codes),
        _steps(code.attributes for code in entries.codes),
        _steps(frame.code for frame in entries.frames),
        _optional(frame.distance for frame in entries.frames),
        integers.pack([number - parent for number, (parent, _) in enumerate(entries.nodes, first_node)]),
        _steps(frame for _, frame in entries.nodes),
        integers.pack([end - 1 - node for node in entries.leaves[:listed]]),
        shrink(bytes(others)),
        entries.headings,
    )
    return msgspec.msgpack.encode(page)


def unpack(data: bytes, *, first_node: int) -> Entries:
    """Return the entries of a page. Raises CorruptRecording; where numbers point to is not looked at."""
    try:
        page = msgspec.msgpack.decode(data, type=_Page)
        joined = msgspec.msgpack.decode(restore(page.strings), type=str | list[str])
        codes = zip(
            _summed(page.function_steps),
            _summed(page.file_steps),
            _optionals(page.lines),
            _summed(page.attribute_steps),
            strict=True,
        )
        frames = zip(_summed(page.code_steps), _optionals(page.distances), strict=True)
        distances = integers.unpack(page.parent_distances)
        parents = [number - distance for number, distance in enumerate(distances, first_node)]
        end = first_node + len(parents)
        listed = [end - 1 - distance for distance in integers.unpack(page.listed_leaves)]
        others = [number for number, is_leaf in enumerate(restore(page.other_leaves), first_node) if is_leaf]
        return Entries(
            joined.split("\n") if isinstance(joined, str) else joined,
            list(map(Code._make, codes)),
            list(map(Frame._make, frames)),
            list(zip(parents, _summed(page.frame_steps), strict=True)),
            listed + others,
            page.headings,
        )
    except (msgspec.DecodeError, ValueError) as error:
        raise CorruptRecording(f"a page of frames that can't be read: {error}") from error


def _steps(values: Iterable[int]) -> Column:
    column: Sequence[int] = list(values)
    return integers.pack([zigzag(step) for step in map(sub, column, (0, *column))])


def _summed(column: Column) -> list[int]:
    return list(accumulate(map(unzigzag, integers.unpack(column))))


def _optional(values: Iterable[int | None]) -> Column:
    return integers.pack([0 if value is None else zigzag(value) + 1 for value in values])


def _optionals(column: Column) -> list[int | None]:
    return [unzigzag(value - 1) if value else None for value in integers.unpack(column)]
