"""A call tree as pprof reads it: gzip of the few messages of its protocol that are needed.

The fields are those of https://github.com/google/pprof/blob/main/proto/profile.proto, written as in
https://protobuf.dev/programming-guides/encoding/: a tag `number << 3 | wire type`, then a varint (type 0), or
a length and that many bytes (type 2).
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from profiles.calltree import CallTree, Function, name_of
from profiles.file_format import NotRenderable, printable

_LARGEST_INT64: Final = 2**63 - 1
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def pprof(
    tree: CallTree, *, started_at: datetime | None = None, duration_us: int = 0, interval_us: int = 0
) -> bytes:
    """Write a profile with the sample types `samples` (count) and `wall` (microseconds).

    Equal arguments give equal bytes. Raises NotRenderable where times are over 63 bits.
    """
    if sum(tree.self_us) > _LARGEST_INT64:
        raise NotRenderable("The times are too large for this format.")
    strings = _Strings()
    samples_type = _value_type(strings.number("samples"), strings.number("count"))
    wall_type = _value_type(strings.number("wall"), strings.number("microseconds"))
    body = [
        _message(1, samples_type),
        _message(1, wall_type),
        *(_message(2, sample) for sample in _samples(tree)),
        *(_message(4, _location(number, function)) for number, function in enumerate(tree.functions, 1)),
        *(
            _message(5, _function(number, function, strings))
            for number, function in enumerate(tree.functions, 1)
        ),
        *(_message(6, text.encode()) for text in strings.numbers),
        _integer(9, _nanoseconds(started_at) if started_at else 0),
        _integer(10, 1_000 * duration_us),
        _message(11, wall_type),
        _integer(12, interval_us),
        _integer(14, strings.number("wall")),
    ]
    return gzip.compress(b"".join(body), 6, mtime=0)


def _nanoseconds(instant: datetime) -> int:
    """Since 1970; 0, which stands for unknown, after the year 2262, when they have over 63 bits."""
    found = 1_000 * ((instant - _EPOCH) // timedelta(microseconds=1))
    return found if 0 <= found <= _LARGEST_INT64 else 0


class _Strings:
    """The table that messages point into; the first is the empty one."""

    def __init__(self) -> None:
        self.numbers = {"": 0}

    def number(self, text: str) -> int:
        return self.numbers.setdefault(printable(text), len(self.numbers))


def _samples(tree: CallTree) -> Iterable[bytes]:
    """One Sample for each node in which samples ended: its locations, the innermost first, and its values."""
    varints = [_varint(number) for number in range(1, len(tree.functions) + 1)]
    path: list[int] = []
    for node, parent in enumerate(tree.parent):
        while path and path[-1] != parent:
            path.pop()
        path.append(node)
        if tree.samples[node] or tree.self_us[node]:
            locations = b"".join([varints[tree.function[above]] for above in reversed(path)])
            yield _message(1, locations) + _message(
                2, _varint(tree.samples[node]) + _varint(tree.self_us[node])
            )


def _location(number: int, function: Function) -> bytes:
    line = _integer(1, number) + _integer(2, max(function.line, 0))
    return _integer(1, number) + _message(4, line)


def _function(number: int, function: Function, strings: _Strings) -> bytes:
    name = strings.number(name_of(function))
    file = strings.number(function.short_file)
    return (
        _integer(1, number)
        + _integer(2, name)
        + _integer(3, name)
        + _integer(4, file)
        + _integer(5, max(function.line, 0))
    )


def _value_type(kind: int, unit: int) -> bytes:
    return _integer(1, kind) + _integer(2, unit)


def _integer(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value) if value else b""


def _message(field: int, content: bytes) -> bytes:
    """A field of bytes: a message, a string, or packed numbers."""
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first; all but the last have the highest bit set."""
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)
