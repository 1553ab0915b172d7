"""A call tree as static/calltree.js takes it: flat columns, and no more nodes than a browser bears."""

from __future__ import annotations

from typing import Any, Final

from profiles.calltree import CallTree, Function

MOST_NODES: Final = 20_000


def columns(tree: CallTree, *, label: str, suspect: int, rest: str) -> dict[str, Any]:
    """`label` names the top row, `suspect` is the function to show first or -1.

    Of a larger tree the heaviest nodes are kept. What was cut from a node is one child of it, named `rest`:
    times still add up.
    """
    if len(tree.parent) > MOST_NODES:
        tree = _prune(tree, rest)
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
        },
        "parent": tree.parent,
        "function": tree.function,
        "self_us": tree.self_us,
        "total_us": tree.total_us,
        "samples": tree.samples,
    }


def _prune(tree: CallTree, rest: str) -> CallTree:
    """The heaviest half of what is allowed, which holds every ancestor; the other half is for the rests."""
    # Equal totals keep their order, and an ancestor stands before its descendants: it is never cut alone.
    by_weight = sorted(range(len(tree.parent)), key=lambda node: -tree.total_us[node])
    kept = set(by_weight[: MOST_NODES // 2])
    functions = [*tree.functions, Function(rest, "", "", "", 0, library=False)]
    functions = [*tree.functions, Function(rest, "", "", "", 0, library=False)]
    small = CallTree(functions=functions)
    shown_as: list[int] = []
    rest_below: dict[int, int] = {}
    for node, parent in enumerate(tree.parent):
        above = shown_as[parent] if parent >= 0 else -1
        if node in kept:
            shown_as.append(_append(small, above, tree.function[node], total_us=tree.total_us[node]))
        elif parent in kept:
            if above not in rest_below:
                rest_below[above] = _append(small, above, len(functions) - 1, total_us=0)
            shown_as.append(rest_below[above])
            small.total_us[rest_below[above]] += tree.total_us[node]
        else:
            shown_as.append(above)
        small.self_us[shown_as[node]] += tree.self_us[node]
        small.samples[shown_as[node]] += tree.samples[node]
    return small


def _append(tree: CallTree, parent: int, function: int, *, total_us: int) -> int:
    tree.parent.append(parent)
    tree.function.append(function)
    tree.total_us.append(total_us)
    tree.self_us.append(0)
    tree.samples.append(0)
    return len(tree.parent) - 1
