"""The merged stacks of all endpoints as one tree: above each endpoint's roots stands one node that names it.

So all that processes say of a minute is merged in one go, and its strings are kept once. Cost for a ledger
document of 200 endpoints with 20 nodes each: 4 ms to read and 4 ms to merge, more where its stacks are new;
packing costs 7 µs a node, splitting 0.3 µs.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Final, NamedTuple

import msgspec

from profiles import tree_blob
from profiles.calltree import CallTree, Function
from profiles.merged import merge, prune
from profiles.rollup import EndpointKey

# Of a minute of one version, about 0.3 MB packed.
MOST_NODES: Final = 60_000
# Whose samples there are. The first is the one that hardly slows what it sees.
ENGINES: Final = ("sampler", "pyinstrument")

StackRow = tuple[int, int, int, int]


class TreeKey(NamedTuple):
    """Whose tree it is: an endpoint's, as one engine class (`sampler`, `pyinstrument`) saw it."""

    kind: str
    method: str
    route: str
    engine: str

    @property
    def endpoint(self) -> EndpointKey:
        return EndpointKey(self.kind, self.method, self.route)


class _Endpoint(msgspec.Struct, gc=False):
    kind: str
    method: str
    route: str
    stacks: dict[str, list[StackRow]]


class LedgerStacks(msgspec.Struct, gc=False):
    """A stored ledger document without its metrics. It was checked when it came."""

    strings: list[str]
    frames: list[tuple[int, int, int, int, int]]
    endpoints: list[_Endpoint]


def from_ledger(document: LedgerStacks) -> CallTree:
    """Return the stacks of a document as a tree that is to be merged: without totals, nodes as they came."""
    strings, tree = document.strings, CallTree()
    tree.functions = [
        Function(strings[name], strings[class_name], "", strings[file], line, bool(library))
        for name, file, line, class_name, library in document.frames
    ]
    for entry in document.endpoints:
        key = EndpointKey.named(entry.kind, entry.method, entry.route)
        for engine, rows in entry.stacks.items():
            if rows:
                _plant(tree, _root(TreeKey(*key, engine)))
                above = len(tree.parent)
                parents, frames, self_us, samples = zip(*rows, strict=True)
                # The parent of a root is -1, which is the node that was planted.
                tree.parent += [parent + above for parent in parents]
                tree.function += frames
                tree.self_us += self_us
                tree.samples += samples
    return tree


def split(forest: CallTree) -> dict[TreeKey, CallTree]:
    """Return the tree of each endpoint and engine. `forest` is in preorder, as `merge` gives it."""
    roots = [node for node, parent in enumerate(forest.parent) if parent < 0]
    return {
        _key(forest.functions[forest.function[root]]): _cut(forest, root + 1, end)
        for root, end in pairwise([*roots, len(forest.parent)])
    }


def join(trees: Mapping[TreeKey, CallTree]) -> CallTree:
    """Return the forest of these trees, to be merged: without totals."""
    forest = CallTree()
    for key, tree in trees.items():
        _plant(forest, _root(key))
        above, offset = len(forest.parent), len(forest.functions)
        forest.functions += tree.functions
        forest.parent += [parent + above for parent in tree.parent]
        forest.function += [function + offset for function in tree.function]
        forest.self_us += tree.self_us
        forest.samples += tree.samples
    return forest


def pack(forest: CallTree, most: int = MOST_NODES) -> bytes:
    """Return a merged forest as bytes for `tree_blob.unpack`, thinned to what these may hold.

    The times of each endpoint stay whole: where there are too many nodes each tree is pruned to its share.
    """
    while True:
        thinned = _thin(forest, most)
        data = tree_blob.pack(thinned)
        # Short of room it prunes too, and of endpoints as of any nodes.
        if most <= 1 or len(tree_blob.unpack(data).parent) == len(thinned.parent):
            return data
        most = min(most, len(thinned.parent)) // 2


def _thin(forest: CallTree, most: int) -> CallTree:
    if len(forest.parent) <= most:
        return forest
    trees = split(forest)
    return merge([join({key: prune(tree, max(1, most // len(trees))) for key, tree in trees.items()})])


def _plant(tree: CallTree, root: Function) -> None:
    tree.parent.append(-1)
    tree.function.append(len(tree.functions))
    tree.functions.append(root)
    tree.self_us.append(0)
    tree.samples.append(0)


def _root(key: TreeKey) -> Function:
    return Function(key.route, f"{key.kind} {key.method}", "", key.engine, 0, library=False)


def _key(root: Function) -> TreeKey:
    kind, _space, method = root.class_name.partition(" ")
    return TreeKey(kind, method, root.name, root.short_file)


def _cut(forest: CallTree, start: int, end: int) -> CallTree:
    """The nodes from `start` up to `end` as a tree of their own, without the node that they stand below."""
    numbers: dict[int, int] = {}
    function = [numbers.setdefault(number, len(numbers)) for number in forest.function[start:end]]
    return CallTree(
        [forest.functions[number] for number in numbers],
        [max(parent - start, -1) for parent in forest.parent[start:end]],
        function,
        forest.self_us[start:end],
        forest.total_us[start:end],
        forest.samples[start:end],
    )
