"""What each function takes in all endpoints of a version together, and in which of them it takes most.

Summed up from the call trees of an hour, so that a table of functions reads a document for each stretch of
time and not a tree for each endpoint. Cost: about that of function_times.functions for what goes in, and
about 2 ms to read and add 1,000 functions of a stretch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Annotated, Final, NamedTuple

import msgspec
from msgspec import Meta

from profiles import packed
from profiles.calltree import CallTree, Function
from profiles.forest import TreeKey
from profiles.function_times import functions
from profiles.merged import DEEPER, SMALL, Key, greater, key_of
from profiles.packed import Corrupt
from profiles.rollup import EndpointKey

FORMAT: Final = b"\x01"
# Of a stretch are kept so many functions with the most self time, and so many with the most total.
MOST_FUNCTIONS: Final = 600
# Of a function are kept so many endpoints in which its total is the largest.
MOST_ENDPOINTS: Final = 3
# Stand for many functions.
MARKS: Final = {(SMALL, "", ""), (DEEPER, "", "")}

_Natural = Annotated[int, Meta(ge=0)]


class FunctionSum(NamedTuple):
    """A function with `file` empty, as in merged trees. `samples` counts those that ended in it.

    A total counts recursion once. `endpoints` are those with the largest total, and that.
    """

    function: Function
    self_us: int
    total_us: int
    samples: int
    endpoints: tuple[tuple[EndpointKey, int], ...]


@dataclass
class Sums:
    """What one engine class saw in a stretch: the time of all samples, and of the functions that matter."""

    whole_us: int = 0
    samples: int = 0
    rows: list[FunctionSum] = field(default_factory=list)


def sum_up(trees: Iterable[tuple[TreeKey, CallTree]]) -> dict[str, Sums]:
    """Return the sums of each engine class over the trees of all endpoints."""
    grown: dict[str, _Growing] = {}
    for key, tree in trees:
        grown.setdefault(key.engine, _Growing()).add(key.endpoint, tree)
    return {engine: growing.sums() for engine, growing in grown.items()}


def pack(sums: Sums) -> bytes:
    """Return sums as at most 1 MB. Of what would be more, which takes very long names, half is kept."""
    rows = sums.rows
    while True:
        try:
            return packed.pack(_columns(sums, rows), kind=FORMAT)
        except packed.TooLarge:
            rows = rows[: len(rows) // 2]


def unpack(data: bytes) -> Part:
    """Return what `pack` was given, for `Table`. Raises packed.Corrupt."""
    part = packed.unpack(data, _decoder, kind=FORMAT)
    columns = (part.name, part.class_name, part.short_file, part.line, part.library)
    lengths = {len(column) for column in (*columns, part.self_us, part.total_us, part.samples, part.callers)}
    if len(lengths) > 1 or not sum(part.callers) == len(part.caller) == len(part.caller_us):
        raise Corrupt("Stored sums of functions have columns that differ in length.")
    if max(part.caller, default=-1) >= len(part.endpoints):
        raise Corrupt("Stored sums of functions name an endpoint that is not there.")
    return part


class Part(msgspec.Struct, array_like=True, forbid_unknown_fields=True, gc=False):
    """Format 1. Columns, one entry a function, but for the last two.

    These have an entry for each of the `callers` of each function: the number of an endpoint, and the
    function's total in it. Lists of lists would take most of the time to read.
    """

    whole_us: _Natural
    whole_samples: _Natural
    endpoints: list[tuple[str, str, str]]
    name: list[str]
    class_name: list[str]
    short_file: list[str]
    line: list[int]
    library: list[bool]
    self_us: list[_Natural]
    total_us: list[_Natural]
    samples: list[_Natural]
    callers: list[_Natural]
    caller: list[_Natural]
    caller_us: list[_Natural]


class Table:
    """Functions of several stretches added up. Rows have numbers, which `endpoints` takes."""

    def __init__(self, parts: Iterable[Part]) -> None:
        self.whole_us = self.samples = 0
        self.functions: list[Function] = []
        self.self_us: list[int] = []
        self.total_us: list[int] = []
        self.sample_counts: list[int] = []
        self._places: list[list[tuple[Part, list[int], int]]] = []
        numbers: dict[Key, int] = {}
        for part in parts:
            self.whole_us += part.whole_us
            self.samples += part.whole_samples
            self._add(part, numbers)

    def __len__(self) -> int:
        return len(self.functions)

    def endpoints(self, number: int) -> list[tuple[EndpointKey, int]]:
        """In which endpoints a function takes most, with its total there; the first is the largest."""
        found: Counter[tuple[str, str, str]] = Counter()
        for part, starts, row in self._places[number]:
            for caller in range(starts[row], starts[row] + part.callers[row]):
                found[part.endpoints[part.caller[caller]]] += part.caller_us[caller]
        return _largest(found)

    def sums(self) -> Sums:
        """The same as one stretch."""
        rows = [
            FunctionSum(
                function,
                self.self_us[number],
                self.total_us[number],
                self.sample_counts[number],
                tuple(self.endpoints(number)),
            )
            for number, function in enumerate(self.functions)
        ]
        return Sums(self.whole_us, self.samples, _chosen(rows))

    def _add(self, part: Part, numbers: dict[Key, int]) -> None:
        starts = list(accumulate(part.callers, initial=0))
        keys = zip(part.name, part.class_name, part.short_file, strict=True)
        rows = zip(keys, part.line, part.library, part.self_us, part.total_us, part.samples, strict=True)
        for row, (key, line, library, self_us, total_us, samples) in enumerate(rows):
            number = numbers.get(key)
            if number is None:
                numbers[key] = len(numbers)
                self.functions.append(Function(key[0], key[1], "", key[2], line, library))
                self.self_us.append(self_us)
                self.total_us.append(total_us)
                self.sample_counts.append(samples)
                self._places.append([(part, starts, row)])
                continue
            known = self.functions[number]
            if known.line != line or known.library != library:
                self.functions[number] = greater(known, known._replace(line=line, library=library))
            self.self_us[number] += self_us
            self.total_us[number] += total_us
            self.sample_counts[number] += samples
            self._places[number].append((part, starts, row))


class _Growing:
    """Sums while trees are added."""

    def __init__(self) -> None:
        self._whole = Sums()
        self._rows: dict[Key, tuple[Function, int, int, int]] = {}
        self._callers: dict[Key, Counter[tuple[str, str, str]]] = {}

    def add(self, endpoint: EndpointKey, tree: CallTree) -> None:
        self._whole.whole_us += sum(tree.self_us)
        self._whole.samples += sum(tree.samples)
        for time in functions(tree):
            key = key_of(time.function)
            if key in MARKS:
                continue
            function, self_us, total_us, samples = self._rows.get(key, (time.function, 0, 0, 0))
            self._rows[key] = (
                greater(function, time.function),
                self_us + time.self_us,
                total_us + time.total_us,
                samples + time.samples,
            )
            self._callers.setdefault(key, Counter())[endpoint] += time.total_us

    def sums(self) -> Sums:
        rows = [FunctionSum(*row, tuple(_largest(self._callers[key]))) for key, row in self._rows.items()]
        return Sums(self._whole.whole_us, self._whole.samples, _chosen(rows))


def _largest(found: Counter[tuple[str, str, str]]) -> list[tuple[EndpointKey, int]]:
    ranked = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return [(EndpointKey(*endpoint), total_us) for endpoint, total_us in ranked[:MOST_ENDPOINTS]]


def _chosen(rows: Iterable[FunctionSum]) -> list[FunctionSum]:
    """Those with the most self time and those with the most total, in one order whatever that of `rows`."""
    by_self = sorted(rows, key=lambda row: (-row.self_us, -row.total_us, row.function))
    by_total = sorted(by_self, key=lambda row: -row.total_us)[:MOST_FUNCTIONS]
    chosen = {row.function for row in (*by_self[:MOST_FUNCTIONS], *by_total)}
    return [row for row in by_self if row.function in chosen]


def _columns(sums: Sums, rows: Sequence[FunctionSum]) -> Part:
    numbers: dict[EndpointKey, int] = {}
    caller = [
        numbers.setdefault(endpoint, len(numbers)) for row in rows for endpoint, _total in row.endpoints
    ]
    return Part(
        whole_us=sums.whole_us,
        whole_samples=sums.samples,
        endpoints=[(endpoint.kind, endpoint.method, endpoint.route) for endpoint in numbers],
        name=[row.function.name for row in rows],
        class_name=[row.function.class_name for row in rows],
        short_file=[row.function.short_file for row in rows],
        line=[row.function.line for row in rows],
        library=[row.function.library for row in rows],
        self_us=[row.self_us for row in rows],
        total_us=[row.total_us for row in rows],
        samples=[row.samples for row in rows],
        callers=[len(row.endpoints) for row in rows],
        caller=caller,
        caller_us=[total_us for row in rows for _endpoint, total_us in row.endpoints],
    )


_decoder = msgspec.json.Decoder(Part)
