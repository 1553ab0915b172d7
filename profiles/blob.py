"""How a recording is kept: columns of small numbers that compress well. The first byte names the format.

Format 1 is what ingest writes: quickly made, and read without anything else. Format 2 (shared_blob.py) needs
less than a fifth of it, together with what the recordings of an endpoint share. Both stay readable for ever.
"""

from __future__ import annotations

import re
import sys
from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate
from operator import sub
from typing import Any, Final

import msgspec
import zstandard

from profiles import shared_blob
from profiles.frame_book import Book
from profiles.recording import COMMON_FIELDS, CorruptRecording, FrameColumns, Table
from profiles.shared_blob import BookOf
from profiles.squeeze import decompress

FORMAT: Final = b"\x01"
LEVEL: Final = 3

_DOUBLE_BYTES: Final = 8
# Attributes that end in the current line, by far the most: it is kept as a distance from the first line.
_LINE: Final = re.compile(r"\A(?:(.+)\x01)?l(0|[1-9][0-9]{0,8})\Z", re.DOTALL)

# What damaged columns lead to.
_BROKEN: Final = (msgspec.DecodeError, IndexError, ValueError, TypeError, OverflowError)


class _Columns(msgspec.Struct, array_like=True, gc=False):
    """Format 1. Columns named `_steps` hold differences to the value before."""

    common: list[Any]
    strings: str | list[str]
    lone_frames: list[int]  # Numbers of the frames that are one string, in the function column.
    function_steps: list[int]
    file_steps: list[int]
    lines: list[int]
    attributes: list[int]
    line_distances: list[int | None]
    node_distances: list[int]  # How far before a node its parent stands.
    node_frame_steps: list[int]
    sample_steps: list[int]
    times: bytes


def pack(table: Table) -> bytes:
    """Return a valid recording as bytes that need nothing else to be read."""
    strings, lone, (functions, files, lines, attributes, distances) = _split_frames(table)
    joined = "\n".join(strings)
    parents, node_frames = zip(*table.nodes, strict=True) if table.nodes else ((), ())
    columns = _Columns(
        common=[getattr(table, name) for name in COMMON_FIELDS],
        strings=joined if joined.count("\n") == len(strings) - 1 else strings,
        lone_frames=lone,
        function_steps=_steps(functions),
        file_steps=_steps(files),
        lines=lines,
        attributes=attributes,
        line_distances=distances,
        node_distances=list(map(sub, range(len(parents)), parents)),
        node_frame_steps=_steps(node_frames),
        sample_steps=_steps(table.samples),
        times=_pack_times(table.times),
    )
    return FORMAT + zstandard.ZstdCompressor(level=LEVEL).compress(msgspec.msgpack.encode(columns))


def no_book(_page: bytes) -> Book:
    raise CorruptRecording("a stored recording that needs frames which are not there")


def unpack(data: bytes, book_of: BookOf = no_book) -> Table:
    """Return the recording that was packed, perhaps numbered in another order. Raises CorruptRecording.

    `book_of` returns the book that ends with a page; only format 2 asks it, and what it raises comes through.
    """
    if data[:1] == shared_blob.FORMAT:
        return shared_blob.unpack(data, book_of)
    if data[:1] == FORMAT:
        return _unpack_whole(data)
    raise CorruptRecording(f"unknown format {data[:1]!r} of a stored recording")


def _unpack_whole(data: bytes) -> Table:
    try:
        columns = msgspec.msgpack.decode(decompress(data[1:]), type=_Columns)
        strings = columns.strings.split("\n") if isinstance(columns.strings, str) else columns.strings
        frames, strings = _join_frames(columns, strings)
        parents = [number - distance for number, distance in enumerate(columns.node_distances)]
        table = Table(
            **dict(zip(COMMON_FIELDS, columns.common, strict=True)),
            strings=strings,
            frames=frames,
            nodes=list(zip(parents, accumulate(columns.node_frame_steps), strict=True)),
            samples=list(accumulate(columns.sample_steps)),
            times=_unpack_times(columns.times),
        )
        _check(table)
    except _BROKEN as error:
        raise CorruptRecording(f"a stored recording that can't be read: {error}") from error
    return table


def _check(table: Table) -> None:
    """Raise ValueError unless every number points to something."""
    rows = [frame for frame in table.frames if isinstance(frame, tuple)]
    strings = [number for row in rows for number in (row[0], row[1], row[3])]
    strings += [frame for frame in table.frames if isinstance(frame, int)]
    parents, node_frames = zip(*table.nodes, strict=True) if table.nodes else ((), ())
    if not (
        _within(strings, 0, len(table.strings))
        and _within([*table.start_call_stack, *node_frames], 0, len(table.frames))
        and all(-1 <= parent < number for number, parent in enumerate(parents))
        and _within(table.samples, -1, len(parents))
        and len(table.samples) == len(table.times)
    ):
        raise ValueError("numbers that point nowhere")


def _within(numbers: Sequence[int], lowest: int, end: int) -> bool:
    return not numbers or (min(numbers) >= lowest and max(numbers) < end)


_FrameColumns = tuple[list[int], list[int], list[int], list[int], list[int | None]]


def _split_frames(table: Table) -> tuple[list[str], list[int], _FrameColumns]:
    """Take the current line out of the attributes; return the strings still used, lone frames and columns."""
    strings, match = table.strings, _LINE.match
    numbers: dict[str, int] = {}
    number = numbers.setdefault
    lone: list[int] = []
    columns: _FrameColumns = ([], [], [], [], [])
    functions, files, lines, attributes, distances = columns
    for place, frame in enumerate(table.frames):
        if isinstance(frame, int):
            lone.append(place)
            function, file, line, text, distance = strings[frame], strings[frame], 0, strings[frame], None
        else:
            function, file, line, text = strings[frame[0]], strings[frame[1]], frame[2], strings[frame[3]]
            distance = None
            if found := match(text):
                text, distance = found[1] or "", int(found[2]) - line
        functions.append(number(function, len(numbers)))
        files.append(number(file, len(numbers)))
        lines.append(line)
        attributes.append(number(text, len(numbers)))
        distances.append(distance)
    return list(numbers), lone, columns


def _join_frames(columns: _Columns, strings: list[str]) -> tuple[list[FrameColumns | int], list[str]]:
    numbers = {text: number for number, text in enumerate(strings)}
    lone = set(columns.lone_frames)
    frames: list[FrameColumns | int] = []
    rows = zip(
        accumulate(columns.function_steps),
        accumulate(columns.file_steps),
        columns.lines,
        columns.attributes,
        columns.line_distances,
        strict=True,
    )
    for place, (function, file, line, attributes, distance) in enumerate(rows):
        if place in lone:
            frames.append(function)
            continue
        if distance is not None:
            before = strings[attributes]
            text = f"{before}\x01l{line + distance}" if before else f"l{line + distance}"
            attributes = numbers.setdefault(text, len(numbers))
        frames.append((function, file, line, attributes))
    return frames, list(numbers)


def _steps(values: Sequence[int]) -> list[int]:
    return list(map(sub, values, (0, *values)))


def _pack_times(times: Iterable[float]) -> bytes:
    """Exact doubles, all first bytes before all second ones: exponents repeat, mantissas do not."""
    packed = _little_endian(array("d", times)).tobytes()
    return b"".join(packed[byte::_DOUBLE_BYTES] for byte in range(_DOUBLE_BYTES))


def _unpack_times(packed: bytes) -> list[float]:
    count = len(packed) // _DOUBLE_BYTES
    times = array("d", b"".join(packed[sample::count] for sample in range(count)))
    return _little_endian(times).tolist()


def _little_endian(values: array[float]) -> array[float]:
    if sys.byteorder == "big":
        values.byteswap()
    return values
