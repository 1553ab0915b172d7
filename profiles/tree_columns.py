"""A call tree as the call tree and the flame graph of a page take it: flat columns, as many as they bear."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from profiles.calltree import CallTree, Function, Timeline
from profiles.merged import prune

MOST_NODES: Final = 20_000
# About 10 bytes each. A recording of 20 s at the shortest interval has as many samples.
MOST_RUNS: Final = 20_000
# What they make in a flame graph: a frame for each call that was seen.
MOST_FRAMES_IN_TIME: Final = 200_000


def columns(
    tree: CallTree,
    *,
    label: str,
    suspect: int,
    rest: str,
    timeline: Timeline | None = None,
    link_of: Callable[[Function], str | None] | None = None,
) -> dict[str, Any]:
    """`label` names the top row, `suspect` is the function to show first or -1.

    Of a larger tree the heaviest nodes are kept. What was cut from a node is one child of it, named `rest`:
    times still add up. `timeline` is that of the tree if it is of one recording; it is told as `runs`, which
    is None without one, where the tree was cut, and where a browser would have too much to draw.
    `link_of` says where a function's source can be read.
    """
    runs = None
    if timeline and len(tree.parent) <= MOST_NODES and _can_be_drawn(tree, timeline):
        runs = {"node": timeline.node, "duration_us": timeline.duration_us}
    if len(tree.parent) > MOST_NODES:
        first = tree.functions[suspect] if suspect >= 0 else None
        tree = prune(tree, MOST_NODES, rest=rest)
        suspect = tree.functions.index(first) if first in tree.functions else -1
    functions = tree.functions
    return {
        "label": label,
        "suspect": suspect,
        "functions": {
            "name": [function.name for function in functions],
            "class_name": [function.class_name for function in functions],
            "file": [function.file for function in functions],
            "short_file": [function.short_file for function in functions],
            "line": [function.line for function in functions],
            "library": [int(function.library) for function in functions],
            **({"link": [link_of(function) or "" for function in functions]} if link_of else {}),
        },
        "parent": tree.parent,
        "function": tree.function,
        "self_us": tree.self_us,
        "total_us": tree.total_us,
        "samples": tree.samples,
        "runs": runs,
    }


def _can_be_drawn(tree: CallTree, timeline: Timeline) -> bool:
    """Count the calls: where the way down to a run leaves that to the run before, each node is a new one."""
    if len(timeline.node) > MOST_RUNS:
        return False
    calls = 0
    before = -1
    for node in timeline.node:
        one, other = node, before
        # A parent has a lower number than its children: the higher of two is never above the other.
        while one != other:
            if one > other:
                one = tree.parent[one]
                calls += 1
            else:
                other = tree.parent[other]
        if calls > MOST_FRAMES_IN_TIME:
            return False
        before = node
    return True
