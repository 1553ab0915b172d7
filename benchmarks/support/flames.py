"""Call trees of any size for flame graphs, the same ones each time."""

from __future__ import annotations

from random import Random
from typing import Any

FUNCTIONS_PER_FRAME = 1 / 12
PACKAGES = 40
OWN_PACKAGES = 3
MOST_DEPTH = 45
SEED = 20_261_125


def columns(frames: int) -> dict[str, Any]:
    """What profiles.tree_columns.columns gives a page, of a tree with so many frames, not cut.

    Shaped like a recording of a web app: some stacks are deep, most functions are called in many places, and
    few of them have most of the time.
    """
    chance = Random(SEED)
    functions = max(int(frames * FUNCTIONS_PER_FRAME), 1)
    parent, depth = [-1], [0]
    path = [0]
    while len(parent) < frames:
        # Back to some caller that was seen just now, seldom far up.
        del path[max(1, len(path) - int(chance.expovariate(0.7))) :]
        if len(path) > MOST_DEPTH:
            del path[1 + chance.randrange(MOST_DEPTH) :]
        parent.append(path[-1])
        depth.append(len(path))
        path.append(len(parent) - 1)
    function = [int(functions * chance.random() ** 2) for _ in range(frames)]
    self_us = [int(chance.lognormvariate(3, 2)) if chance.random() < 0.6 else 0 for _ in range(frames)]
    self_us[-1] += 1
    return _heaviest_first(parent, function, self_us) | {
        "label": f"GET /frames/{frames}",
        "suspect": -1,
        "runs": None,
        "functions": _functions(functions),
    }


def nested(tree: dict[str, Any]) -> dict[str, Any]:
    """The same tree as d3-flame-graph takes it: {name, value, children} with totals as values."""
    names = tree["functions"]["name"]
    nodes = [
        {"name": names[function], "value": total_us, "children": []}
        for function, total_us in zip(tree["function"], tree["total_us"], strict=True)
    ]
    for node, parent in enumerate(tree["parent"]):
        if parent >= 0:
            nodes[parent]["children"].append(nodes[node])
    return {"name": tree["label"], "value": nodes[0]["value"], "children": [nodes[0]]}


def _functions(count: int) -> dict[str, list[Any]]:
    package = [number % PACKAGES for number in range(count)]
    return {
        "name": [f"function_{number}" for number in range(count)],
        "class_name": ["Worker" if number % 3 == 0 else "" for number in range(count)],
        "file": [f"/srv/app/package_{package[n]}/module_{n % 7}.py" for n in range(count)],
        "short_file": [f"package_{package[n]}/module_{n % 7}.py" for n in range(count)],
        "line": [1 + number % 900 for number in range(count)],
        "library": [int(package[number] >= OWN_PACKAGES) for number in range(count)],
    }


def _heaviest_first(parent: list[int], function: list[int], self_us: list[int]) -> dict[str, list[int]]:
    """The columns in preorder anew, with the heaviest child of each node first."""
    total_us = list(self_us)
    children: list[list[int]] = [[] for _ in parent]
    for node in range(len(parent) - 1, 0, -1):
        total_us[parent[node]] += total_us[node]
        children[parent[node]].append(node)
    found: dict[str, list[int]] = {
        name: [] for name in ("parent", "function", "self_us", "total_us", "samples")
    }
    waiting = [(0, -1)]
    while waiting:
        node, above = waiting.pop()
        number = len(found["parent"])
        values = (above, function[node], self_us[node], total_us[node], 1)
        for column, value in zip(found.values(), values, strict=True):
            column.append(value)
        lightest_first = sorted(children[node], key=lambda child: total_us[child])
        waiting.extend((child, number) for child in lightest_first)
    return found
