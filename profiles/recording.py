"""A recording as it comes from outside, in two forms (docs/wire.md, 2.1 and 2.2), and what makes it valid."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from profiles import bounds
from profiles.bounds import Count, CpuSeconds, Integer, Number, NumberOrNone, Seconds, Text, Timestamp
from profiles.frame import ATTRIBUTE_SEPARATOR, PART_SEPARATOR, SYNTHETIC_LEAVES, identifier

FrameColumns = tuple[Number, Number, Integer, Number]
Column = Meta(max_length=bounds.LARGEST_COLUMN)
Stack = Annotated[list[Text], Meta(max_length=bounds.DEEPEST_STACK)]
StartStack = Meta(min_length=1, max_length=bounds.DEEPEST_STACK)

# What both forms share, in pyinstrument's own order; `start_call_stack` holds numbers in the table.
COMMON_FIELDS: Final = (
    "start_time",
    "duration",
    "min_interval",
    "max_interval",
    "sample_count",
    "start_call_stack",
    "target_description",
    "cpu_time",
    "sys_path",
    "sys_prefixes",
)


class InvalidRecording(ValueError):
    """A recording that pyinstrument could not render, or that is over a bound; the text says where."""


class CorruptRecording(ValueError):
    """Stored bytes that no packing of a recording made, or whose shared frames are not the ones they need."""


class Common(msgspec.Struct, kw_only=True, gc=False):
    """Times in seconds, `start_time` since 1970."""

    start_time: Timestamp
    duration: Seconds
    min_interval: Seconds
    max_interval: Seconds
    sample_count: Count
    target_description: Text
    cpu_time: CpuSeconds
    sys_path: Annotated[list[Text], Meta(max_length=1_000)]
    sys_prefixes: Annotated[list[Text], Meta(max_length=16)]


class Plain(Common, kw_only=True, gc=False):
    """pyinstrument's own form: `frame_records` holds a stack (root first) and its seconds for each sample."""

    start_call_stack: Annotated[list[Text], StartStack]
    frame_records: Annotated[list[tuple[Stack, Seconds]], Column]

    def as_dict(self) -> dict[str, Any]:
        """The same as `pyinstrument.session.Session.to_json()`."""
        return {name: getattr(self, name) for name in (*COMMON_FIELDS, "frame_records")}


class Table(Common, kw_only=True, gc=False):
    """The form without repetition: everything is a number that points into a column."""

    start_call_stack: Annotated[list[Number], StartStack]
    strings: Annotated[list[Text], Column]
    # Not `| Number`: in msgspec 0.22 a constrained int beside a fixed tuple crashes the garbage collector.
    frames: Annotated[list[FrameColumns | int], Column]
    nodes: Annotated[list[tuple[NumberOrNone, Number]], Column]
    samples: Annotated[list[NumberOrNone], Column]
    times: Annotated[list[Seconds], Column]


def check(table: Table) -> None:
    """Raise InvalidRecording unless every number points somewhere and pyinstrument can render the whole."""
    leaves = _check_frames(table)
    if max(table.start_call_stack) >= len(table.frames):
        raise InvalidRecording("start_call_stack points to no frame")
    depths = _check_nodes(table, leaves)
    if len(table.times) != len(table.samples):
        raise InvalidRecording("times and samples differ in length")
    if table.samples and max(table.samples) >= len(table.nodes):
        raise InvalidRecording("samples point to no node")
    if sum([depths[node + 1] for node in table.samples]) > bounds.MOST_STACK_FRAMES:
        raise InvalidRecording(f"samples hold over {bounds.MOST_STACK_FRAMES} frames together")


def _check_frames(table: Table) -> set[int]:
    """Check what frames point to; return the numbers of those below which nothing may be."""
    strings = table.strings
    columns = [frame for frame in table.frames if isinstance(frame, tuple)]
    if columns:
        functions, files, _lines, attributes = zip(*columns, strict=True)
        if max(*functions, *files, *attributes) >= len(strings):
            raise InvalidRecording("frames point to no string")
        for number in {*functions, *files}:
            if PART_SEPARATOR in strings[number] or ATTRIBUTE_SEPARATOR in strings[number]:
                raise InvalidRecording("frames have a separator in a function or file")
    leaves = set()
    if len(columns) < len(table.frames):
        for number, frame in enumerate(table.frames):
            if isinstance(frame, int) and _is_leaf(strings, frame):
                leaves.add(number)
    return leaves


def _is_leaf(strings: list[str], number: int) -> bool:
    if not 0 <= number < len(strings):
        raise InvalidRecording("frames point to no string")
    return check_frame(strings[number])


def check_frame(text: str) -> bool:
    """Raise InvalidRecording where pyinstrument could not read a frame; tell if nothing may be below it."""
    name = identifier(text)
    pieces = name.split(PART_SEPARATOR)
    if len(pieces) > 2:
        try:
            int(pieces[2])
        except ValueError:
            raise InvalidRecording(f"frame {text[:80]!r} has a line that is no number") from None
    return name in SYNTHETIC_LEAVES


def _check_nodes(table: Table, leaves: set[int]) -> list[int]:
    """Check the tree; return the depth of each node, behind a 0 that stands for the empty stack (-1)."""
    depths = [0]
    if not table.nodes:
        return depths
    parents, frames = zip(*table.nodes, strict=True)
    if max(frames) >= len(table.frames):
        raise InvalidRecording("nodes point to no frame")
    try:
        for parent in parents:
            depths.append(depths[parent + 1] + 1)
    except IndexError:
        raise InvalidRecording("nodes point to no earlier node") from None
    if max(depths) > bounds.DEEPEST_STACK:
        raise InvalidRecording(f"nodes: a stack is over {bounds.DEEPEST_STACK} frames deep")
    if leaves and any(parent >= 0 and frames[parent] in leaves for parent in parents):
        raise InvalidRecording("nodes stand below a frame that stands for time")
    return depths
