"""What each function takes in a call tree, and the small record of it that is kept of every profile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, NamedTuple

import msgspec
from msgspec import Meta

from profiles import packed
from profiles.calltree import CallTree, Function
from profiles.merged import Key, greater, key_of
from profiles.packed import Corrupt

MOST_FUNCTIONS: Final = 50
WHOLE: Final = b"\x01"
NUMBERED: Final = b"\x02"

_Natural = Annotated[int, Meta(ge=0)]


class FunctionTime(NamedTuple):
    """A function with `file` empty, as in merged trees. `samples` counts those that ended in it."""

    function: Function
    self_us: int
    total_us: int
    samples: int


class NumberedTime(NamedTuple):
    """The same of a function that has its number in a table elsewhere."""

    function: int
    self_us: int
    total_us: int
    samples: int


class Sums(NamedTuple):
    """Columns, one entry a group of functions."""

    self_us: list[int]
    total_us: list[int]
    samples: list[int]


def functions(tree: CallTree) -> list[FunctionTime]:
    """Return the functions of a tree in preorder, most self time first, then most total, then by key.

    Functions are told apart as in merged trees; of equal ones the greatest line counts, and a library among
    them. Costs about 0.9 ms for 1,000 nodes.
    """
    numbers: dict[Key, int] = {}
    merged: list[Function] = []
    groups: list[int] = []
    for function in tree.functions:
        number = numbers.setdefault(key_of(function), len(numbers))
        if number == len(merged):
            merged.append(function._replace(file=""))
        else:
            merged[number] = greater(merged[number], function)
        groups.append(number)
    times = [FunctionTime(*row) for row in zip(merged, *sums(tree, groups, len(merged)), strict=True)]
    return sorted(times, key=_rank)


def sums(tree: CallTree, groups: Sequence[int], count: int) -> Sums:
    """Add times up by group: `groups` has a number below `count` for each function of a tree in preorder.

    What a group calls in itself, by recursion, counts once in its total.
    """
    self_us, total_us, samples = [0] * count, [0] * count, [0] * count
    on_path = [0] * count
    path: list[int] = []
    for node, parent in enumerate(tree.parent):
        while path and path[-1] != parent:
            on_path[groups[tree.function[path.pop()]]] -= 1
        group = groups[tree.function[node]]
        self_us[group] += tree.self_us[node]
        samples[group] += tree.samples[node]
        if not on_path[group]:
            total_us[group] += tree.total_us[node]
        on_path[group] += 1
        path.append(node)
    return Sums(self_us, total_us, samples)


def digest(tree: CallTree, most: int = MOST_FUNCTIONS) -> list[FunctionTime]:
    """Return the functions with the `most` largest self times and those with the `most` largest totals.

    One list in the order of `functions`, without lines, which the trees of the version have.
    """
    times = functions(tree)
    by_total = sorted(times, key=lambda time: -time.total_us)[:most]
    chosen = {time.function for time in (*times[:most], *by_total)}
    return [
        time._replace(function=time.function._replace(line=0)) for time in times if time.function in chosen
    ]


def pack_digest(times: Sequence[FunctionTime]) -> bytes:
    """Return a digest as at most 1 MB that need nothing else to be read: about 18 bytes for each function.

    Of a digest that would be larger, which takes very long names, the half with the most self time is kept.
    """
    while True:
        try:
            return packed.pack(_whole(times), kind=WHOLE)
        except packed.TooLarge:
            times = sorted(times, key=_rank)[: len(times) // 2]


def unpack_digest(data: bytes) -> list[FunctionTime]:
    """Return the digest that `pack_digest` was given, in the order of `functions`. Raises packed.Corrupt."""
    columns = packed.unpack(data, _wholes, kind=WHOLE)
    names = (columns.name, columns.class_name, [""] * len(columns.name), columns.short_file)
    try:
        found = map(Function._make, zip(*names, columns.line, columns.library, strict=True))
        rows = zip(found, columns.self_us, columns.total_us, columns.samples, strict=True)
        times = list(map(FunctionTime._make, rows))
    except ValueError as error:
        raise Corrupt("A stored digest has columns that differ in length.") from error
    return sorted(times, key=_rank)


def pack_numbered(times: Sequence[NumberedTime]) -> bytes:
    """Return a digest whose functions are kept elsewhere: about 6 bytes for each function."""
    ordered = sorted(times, key=lambda time: (-time.total_us, time.function))
    return packed.pack(
        _Numbered(
            function=[time.function for time in ordered],
            self_us=[time.self_us for time in ordered],
            total_us=[time.total_us for time in ordered],
            samples=[time.samples for time in ordered],
        ),
        kind=NUMBERED,
    )


def unpack_numbered(data: bytes) -> list[NumberedTime]:
    """Return the digest that `pack_numbered` was given, the largest total first. Raises packed.Corrupt."""
    columns = packed.unpack(data, _numbereds, kind=NUMBERED)
    try:
        rows = zip(columns.function, columns.self_us, columns.total_us, columns.samples, strict=True)
        return list(map(NumberedTime._make, rows))
    except ValueError as error:
        raise Corrupt("A stored digest has columns that differ in length.") from error


class _Whole(msgspec.Struct, array_like=True, forbid_unknown_fields=True, gc=False):
    """Format 1: columns, one entry a function."""

    name: list[str]
    class_name: list[str]
    short_file: list[str]
    line: list[int]
    library: list[bool]
    self_us: list[_Natural]
    total_us: list[_Natural]
    samples: list[_Natural]


class _Numbered(msgspec.Struct, array_like=True, forbid_unknown_fields=True, gc=False):
    """Format 2: columns, one entry a function."""

    function: list[_Natural]
    self_us: list[_Natural]
    total_us: list[_Natural]
    samples: list[_Natural]


_wholes = msgspec.json.Decoder(_Whole)
_numbereds = msgspec.json.Decoder(_Numbered)


def _whole(times: Sequence[FunctionTime]) -> _Whole:
    # By file, so that names that repeat stand together.
    ordered = sorted(times, key=lambda time: (time.function.short_file, time.function))
    functions = [time.function for time in ordered]
    return _Whole(
        name=[function.name for function in functions],
        class_name=[function.class_name for function in functions],
        short_file=[function.short_file for function in functions],
        line=[function.line for function in functions],
        library=[function.library for function in functions],
        self_us=[time.self_us for time in ordered],
        total_us=[time.total_us for time in ordered],
        samples=[time.samples for time in ordered],
    )


def _rank(time: FunctionTime) -> tuple[int, int, Function]:
    return -time.self_us, -time.total_us, time.function
