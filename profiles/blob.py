"""How a recording is kept: columns of small numbers that compress well. The first byte names the format."""

from __future__ import annotations

import re
import sys
from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any, Final

import msgspec
import zstandard

from profiles.recording import COMMON_FIELDS, FrameColumns, Table

FORMAT: Final = b"\x01"
LEVEL: Final = 3

_DOUBLE_BYTES: Final = 8
# Attributes that end in the current line, by far the most: it is kept as a distance from the first line.
_LINE: Final = re.compile(r"\A(?:(.+)\x01)?l(0|[1-9][0-9]{0,8})\Z", re.DOTALL)


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
    frames, strings, lone = _split_frames(table)
    functions, files, lines, attributes, distances = zip(*frames, strict=True)
    joined = "\n".join(strings)
    columns = _Columns(
        common=[getattr(table, name) for name in COMMON_FIELDS],
        strings=joined if joined.count("\n") == len(strings) - 1 else strings,
        lone_frames=lone,
        function_steps=_steps(functions),
        file_steps=_steps(files),
        lines=list(lines),
        attributes=list(attributes),
        line_distances=list(distances),
        node_distances=[number - parent for number, (parent, _) in enumerate(table.nodes)],
        node_frame_steps=_steps([frame for _, frame in table.nodes]),
        sample_steps=_steps(table.samples),
        times=_pack_times(table.times),
    )
    return FORMAT + zstandard.ZstdCompressor(level=LEVEL).compress(msgspec.msgpack.encode(columns))


def unpack(data: bytes) -> Table:
    """Return the recording that `pack` was given, perhaps with its strings in another order."""
    if data[:1] != FORMAT:
        raise ValueError(f"unknown format {data[:1]!r} of a stored recording")
    plain = zstandard.ZstdDecompressor().decompress(data[1:])
    columns = msgspec.msgpack.decode(plain, type=_Columns)
    strings = columns.strings.split("\n") if isinstance(columns.strings, str) else columns.strings
    frames, strings = _join_frames(columns, strings)
    parents = [number - distance for number, distance in enumerate(columns.node_distances)]
    return Table(
        **dict(zip(COMMON_FIELDS, columns.common, strict=True)),
        strings=strings,
        frames=frames,
        nodes=list(zip(parents, accumulate(columns.node_frame_steps), strict=True)),
        samples=list(accumulate(columns.sample_steps)),
        times=_unpack_times(columns.times),
    )


_Row = tuple[int, int, int, int, int | None]


def _split_frames(table: Table) -> tuple[list[_Row], list[str], list[int]]:
    """Take the current line out of the attributes; return rows, the strings still used, lone frames."""
    numbers: dict[str, int] = {}
    rows: list[_Row] = []
    lone: list[int] = []

    def number(text: str) -> int:
        return numbers.setdefault(text, len(numbers))

    for place, frame in enumerate(table.frames):
        if isinstance(frame, int):
            lone.append(place)
            rows.append((number(table.strings[frame]), 0, 0, 0, None))
            continue
        function, file, line, attributes = frame
        text = table.strings[attributes]
        found, distance = _LINE.match(text), None
        if found:
            text, distance = found[1] or "", int(found[2]) - line
        called, where = number(table.strings[function]), number(table.strings[file])
        rows.append((called, where, line, number(text), distance))
    return rows, list(numbers), lone


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
    return [after - before for before, after in zip((0, *values), values, strict=False)]


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
