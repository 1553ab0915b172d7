"""A call tree as static/calltree.js takes it: flat columns, and no more nodes than a browser bears."""

from __future__ import annotations

from typing import Any, Final

from profiles.calltree import CallTree
from profiles.merged import prune

MOST_NODES: Final = 20_000


def columns(tree: CallTree, *, label: str, suspect: int, rest: str) -> dict[str, Any]:
    """`label` names the top row, `suspect` is the function to show first or -1.

    Of a larger tree the heaviest nodes are kept. What was cut from a node is one child of it, named `rest`:
    times still add up.
    """
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
        },
        "parent": tree.parent,
        "function": tree.function,
        "self_us": tree.self_us,
        "total_us": tree.total_us,
        "samples": tree.samples,
    }
