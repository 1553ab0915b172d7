"""Reads protocol buffers by their specification, as far as the messages of pprof use it."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, field
from typing import Any

Fields = dict[int, list[Any]]


def varints(data: bytes) -> list[int]:
    """Numbers one behind the other: seven bits a byte, the lowest first, the eighth set where more follow."""
    found, value, shift = [], 0, 0
    for byte in data:
        value += (byte % 128) * 2**shift
        shift += 7
        if byte < 128:
            found.append(value)
            value, shift = 0, 0
    assert shift == 0, "a number is cut off"
    return found


def fields(data: bytes) -> Fields:
    """The values of a message by number of field: integers, and bytes of whatever they hold."""
    found: Fields = {}
    place = 0

    def number() -> int:
        nonlocal place
        start = place
        while data[place] >= 128:
            place += 1
        place += 1
        [value] = varints(data[start:place])
        return value

    while place < len(data):
        tag, wire_type = divmod(number(), 8)
        assert tag > 0
        assert wire_type in (0, 2)
        value: int | bytes = number()
        if wire_type == 2:
            length = int(value)
            assert place + length <= len(data), "a message is cut off"
            value = data[place : place + length]
            place += length
        found.setdefault(tag, []).append(value)
    return found


@dataclass
class Profile:
    """pprof's `Profile` with its tables looked up."""

    sample_types: list[tuple[str, str]]
    default_type: str
    # (name, file, line) from the innermost function out, and a value for each sample type.
    samples: list[tuple[list[tuple[str, str, int]], list[int]]]
    time_ns: int
    duration_ns: int
    period: int
    strings: list[str] = field(default_factory=list)


def one(message: Fields, number: int) -> Any:
    return message.get(number, [0])[-1]


def profile(data: bytes) -> Profile:
    """Read a file of pprof by the numbers of its profile.proto."""
    message = fields(gzip.decompress(data))
    strings = [text.decode() for text in message[6]]
    assert strings[0] == ""
    functions, locations = {}, {}
    for function in map(fields, message.get(5, [])):
        assert one(function, 1) not in functions
        functions[one(function, 1)] = strings[one(function, 2)], strings[one(function, 4)], one(function, 5)
    for location in map(fields, message.get(4, [])):
        [line] = map(fields, location[4])
        assert one(location, 1) not in locations
        locations[one(location, 1)] = functions[one(line, 1)]
        assert one(line, 2) == functions[one(line, 1)][2]
    assert not {0} & (set(functions) | set(locations)), "0 is no id"
    return Profile(
        sample_types=[
            (strings[one(kind, 1)], strings[one(kind, 2)]) for kind in map(fields, message.get(1, []))
        ],
        default_type=strings[one(message, 14)],
        samples=[
            ([locations[number] for number in varints(one(sample, 1))], varints(one(sample, 2)))
            for sample in map(fields, message.get(2, []))
        ],
        time_ns=one(message, 9),
        duration_ns=one(message, 10),
        period=one(message, 12),
        strings=strings,
    )
