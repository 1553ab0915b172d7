"""How a call tree is kept: columns that compress well. The first byte names the format."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from profiles import packed
from profiles.calltree import CallTree, Function, totals
from profiles.merged import prune
from profiles.packed import Corrupt

FORMAT: Final = b"\x01"

_Natural = Annotated[int, Meta(ge=0)]


class _Columns(msgspec.Struct, array_like=True, forbid_unknown_fields=True, gc=False):
    """Format 1. The first six columns are of functions, the others of nodes in preorder.

    `returns` says how many calls end before a node begins: 0 for the first child of the node before it.
    """

    name: list[str]
    class_name: list[str]
    file: list[str]
    short_file: list[str]
    line: list[int]
    library: list[bool]
    returns: list[_Natural]
    function: list[_Natural]
    self_us: list[_Natural]
    samples: list[_Natural]


def pack(tree: CallTree) -> bytes:
    """Return a tree in preorder as at most 1 MB that need nothing else to be read.

    Equal trees give equal bytes. Of a tree that would be larger, which takes very long names, the heavier
    half is kept, as often as it takes. Costs about 1 ms and 5 KB for 1,000 nodes.
    """
    most = len(tree.parent)
    while True:
        try:
            return packed.pack(_columns(tree), kind=FORMAT)
        except packed.TooLarge:
            most //= 2
            tree = prune(tree, most)


def unpack(data: bytes) -> CallTree:
    """Return the tree that `pack` was given. Raises packed.Corrupt. Costs about 0.6 ms for 1,000 nodes."""
    return _tree(packed.unpack(data, _decoder, kind=FORMAT))


_decoder = msgspec.json.Decoder(_Columns)


def _columns(tree: CallTree) -> _Columns:
    depths = [0]
    for parent in tree.parent:
        depths.append(depths[parent + 1] + 1)
    return _Columns(
        name=[function.name for function in tree.functions],
        class_name=[function.class_name for function in tree.functions],
        file=[function.file for function in tree.functions],
        short_file=[function.short_file for function in tree.functions],
        line=[function.line for function in tree.functions],
        library=[function.library for function in tree.functions],
        returns=[before + 1 - depth for before, depth in pairwise(depths)],
        function=tree.function,
        self_us=tree.self_us,
        samples=tree.samples,
    )


def _tree(columns: _Columns) -> CallTree:
    names = (columns.name, columns.class_name, columns.file, columns.short_file)
    try:
        functions = list(map(Function._make, zip(*names, columns.line, columns.library, strict=True)))
        nodes = zip(columns.returns, columns.function, columns.self_us, columns.samples, strict=True)
        parents = _parents([returns for returns, *_rest in nodes])
    except ValueError as error:
        raise Corrupt(f"A stored call tree has columns that do not fit together: {error}.") from error
    if max(columns.function, default=-1) >= len(functions):
        raise Corrupt("A stored call tree has a node without a function.")
    total_us = totals(parents, columns.self_us)
    return CallTree(functions, parents, columns.function, columns.self_us, total_us, columns.samples)


def _parents(returns: list[int]) -> list[int]:
    path, parents = [-1], []
    for node, count in enumerate(returns):
        if count >= len(path):
            raise ValueError("more calls end than began")
        del path[len(path) - count :]
        parents.append(path[-1])
        path.append(node)
    return parents
