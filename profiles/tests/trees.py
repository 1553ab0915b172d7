"""Call trees of every shape for hypothesis, and what holds for every one of them. No Django here."""

from __future__ import annotations

from collections import Counter

from hypothesis import strategies as st

from profiles.calltree import CallTree, Function
from profiles.merged import DEEPER, SMALL, Key, key_of

Way = tuple[Key, ...]

_NAMES = [
    "f",
    "g",
    "<lambda>",
    "a;b",
    "line\nbreak",
    "\0",
    "\x1b[2J",
    "函数",
    SMALL,
    DEEPER,
    "[await]",
    "[root]",
    "",
]

functions = st.builds(
    Function,
    name=st.sampled_from(_NAMES),
    class_name=st.sampled_from(["", "Order"]),
    file=st.just(""),
    short_file=st.sampled_from(["", "shop/orders.py", "C:\\x.py"]),
    line=st.integers(-1, 3),
    library=st.booleans(),
)
# A minute's sum may be anything that the wire format lets through.
times = st.one_of(st.integers(0, 5), st.integers(0, 2**53 - 1))


@st.composite
def trees(draw: st.DrawFn, *, most: int = 25) -> CallTree:
    """Parents before children, in no other order, with siblings that may be equal, and without totals."""
    pool = draw(st.lists(functions, min_size=1, max_size=4))
    rows = draw(
        st.lists(
            st.tuples(st.integers(0, most), st.integers(0, len(pool) - 1), times, st.integers(0, 3)),
            max_size=most,
        )
    )
    return CallTree(
        functions=pool,
        parent=[parent % (node + 1) - 1 for node, (parent, *_rest) in enumerate(rows)],
        function=[function for _parent, function, *_rest in rows],
        self_us=[self_us for *_rest, self_us, _samples in rows],
        samples=[samples for *_rest, samples in rows],
    )


def chain(depth: int, *, branch_at: int = 0) -> CallTree:
    """One stack, a microsecond and a sample in each function; below `branch_at` hangs a leaf more."""
    functions = [Function(name, "", "", "shop/walk.py", 7, library=False) for name in ("walk", "leaf")]
    branch = [branch_at] if branch_at else []
    return CallTree(
        functions=functions,
        parent=[*range(-1, depth - 1), *branch],
        function=[0] * depth + [1] * len(branch),
        self_us=[1] * (depth + len(branch)),
        samples=[1] * (depth + len(branch)),
    )


def ways(tree: CallTree) -> list[Way]:
    """For each node the keys from its root down to it."""
    found: list[Way] = []
    for function, parent in zip(tree.function, tree.parent, strict=True):
        above = found[parent] if parent >= 0 else ()
        found.append((*above, key_of(tree.functions[function])))
    return found


def by_way(*trees: CallTree) -> dict[Way, tuple[int, int]]:
    """Self time and samples of everything with the same way from the root, added up the plain way."""
    self_us: Counter[Way] = Counter()
    samples: Counter[Way] = Counter()
    for tree in trees:
        for node, way in enumerate(ways(tree)):
            self_us[way] += tree.self_us[node]
            samples[way] += tree.samples[node]
    return {way: (self_us[way], samples[way]) for way in self_us}


def check_canonical(tree: CallTree) -> None:
    """Fail unless a tree has the one form that its contents can have."""
    all_ways = ways(tree)
    assert len(set(all_ways)) == len(all_ways)
    totals = list(tree.self_us)
    path: list[int] = []
    children: dict[int, list[int]] = {}
    for node, parent in enumerate(tree.parent):
        while path and path[-1] != parent:
            path.pop()
        assert (path[-1] if path else -1) == parent, "not in preorder"
        path.append(node)
        children.setdefault(parent, []).append(node)
    for node in range(len(totals) - 1, -1, -1):
        if tree.parent[node] >= 0:
            totals[tree.parent[node]] += totals[node]
    assert tree.total_us == totals
    for siblings in children.values():
        ranks = [(-totals[node], all_ways[node][-1]) for node in siblings]
        assert ranks == sorted(ranks)
    assert list(dict.fromkeys(tree.function)) == list(range(len(tree.functions)))
    assert len(set(tree.functions)) == len(tree.functions)
    assert not any(function.file for function in tree.functions)
