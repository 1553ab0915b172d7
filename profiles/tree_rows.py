"""What a page says of a call tree in plain tables, for eyes without a script and beside every picture."""

from __future__ import annotations

from dataclasses import dataclass

from profiles import calltree
from profiles.calltree import CallTree, Function, name_of, place_of
from profiles.function_times import sums


@dataclass(frozen=True)
class Row:
    """A function with its times; `samples` counts those that ended in it."""

    name: str
    place: str
    library: bool
    self_us: int
    total_us: int
    samples: int
    code: Function


@dataclass(frozen=True)
class Suspect:
    """The function of the app with the most time of its own, library calls included."""

    function: int
    name: str
    place: str
    time_us: int


def hot_path(tree: CallTree) -> list[Row]:
    """The way from the root to where the time goes, one row a frame."""
    return [
        _row(tree, tree.function[node], tree.self_us[node], tree.total_us[node], tree.samples[node])
        for node in calltree.hot_path(tree)
    ]


def own_path(tree: CallTree) -> list[Row]:
    """The app's own code on the hot path."""
    return [row for row in hot_path(tree) if not row.library]


def top_functions(tree: CallTree, count: int) -> list[Row]:
    """The `count` functions with the most self time. Recursion counts once in a total."""
    self_us, total_us, samples = sums(tree, range(len(tree.functions)), len(tree.functions))
    busy = (function for function, spent in enumerate(self_us) if spent)
    busiest = sorted(busy, key=lambda function: -self_us[function])[:count]
    return [
        _row(tree, function, self_us[function], total_us[function], samples[function]) for function in busiest
    ]


def suspect(tree: CallTree) -> Suspect | None:
    """Where to look first; None where only libraries ran."""
    function = calltree.top_own_function(tree)
    if function is None:
        return None
    owner: list[int] = []
    time_us = 0
    for node, parent in enumerate(tree.parent):
        own = tree.function[node]
        if tree.functions[own].library:
            own = owner[parent] if parent >= 0 else -1
        owner.append(own)
        time_us += tree.self_us[node] if own == function else 0
    code = tree.functions[function]
    return Suspect(function, name_of(code), place_of(code), time_us)


def _row(tree: CallTree, function: int, self_us: int, total_us: int, samples: int) -> Row:
    code = tree.functions[function]
    return Row(name_of(code), place_of(code), code.library, self_us, total_us, samples, code)
