"""A call tree as `pstats` and its viewers read it: the file that cProfile's `dump_stats` writes.

For each function (file, line, name) it has the calls without recursion, all calls, own seconds and cumulative
seconds; then the same by caller, with the first two the other way round (CPython's Lib/cProfile.py,
`snapshot_stats`). A sampling profiler knows no calls: here they are the samples that have a function on their
stack.
"""

from __future__ import annotations

import marshal
from typing import Any, Final

from profiles.calltree import MICROSECONDS, CallTree, name_of, totals
from profiles.file_format import printable

# The one that every Python since 3.4 reads.
_MARSHAL_VERSION: Final = 4

Place = tuple[str, int, str]
# `pstats.Stats` refuses a file without a function.
_NOTHING: Final[dict[Place, Any]] = {("", 0, "(no samples)"): (0, 0, 0.0, 0.0, {})}


class _Sums:
    """Of a function, or of one function's calls of another; `open` counts those around the present node."""

    __slots__ = ("all_samples", "open", "outer_samples", "self_us", "total_us")

    def __init__(self) -> None:
        self.open = self.outer_samples = self.all_samples = self.self_us = self.total_us = 0

    def enter(self, *, self_us: int, total_us: int, samples: int) -> None:
        self.all_samples += samples
        self.self_us += self_us
        if not self.open:
            self.outer_samples += samples
            self.total_us += total_us
        self.open += 1

    @property
    def seconds(self) -> tuple[float, float]:
        return self.self_us / MICROSECONDS, self.total_us / MICROSECONDS


def pstats(tree: CallTree) -> bytes:
    """Write the statistics of a tree in preorder, for `pstats.Stats(file)`. Totals count recursion once."""
    places: list[Place] = [
        (printable(function.file or function.short_file), function.line, printable(name_of(function)))
        for function in tree.functions
    ]
    sums: dict[Place, _Sums] = {place: _Sums() for place in places}
    callers: dict[Place, dict[Place, _Sums]] = {place: {} for place in places}
    samples = totals(tree.parent, tree.samples)
    path: list[tuple[int, list[_Sums]]] = []
    for node, parent in enumerate(tree.parent):
        while path and path[-1][0] != parent:
            _close(path.pop()[1])
        place = places[tree.function[node]]
        entered = [sums[place]]
        if parent >= 0:
            entered.append(callers[place].setdefault(places[tree.function[parent]], _Sums()))
        for found in entered:
            found.enter(self_us=tree.self_us[node], total_us=tree.total_us[node], samples=samples[node])
        path.append((node, entered))
    stats = {
        place: (found.outer_samples, found.all_samples, *found.seconds, _by_caller(callers[place]))
        for place, found in sums.items()
    }
    return marshal.dumps(stats or _NOTHING, _MARSHAL_VERSION)


def _close(entered: list[_Sums]) -> None:
    for found in entered:
        found.open -= 1


def _by_caller(callers: dict[Place, _Sums]) -> dict[Place, tuple[int, int, float, float]]:
    return {
        caller: (found.all_samples, found.outer_samples, *found.seconds) for caller, found in callers.items()
    }
