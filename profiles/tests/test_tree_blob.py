"""A stored tree comes back as it was, and whatever else is stored in its place is refused."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from profiles import calltree, merged, packed, tree_blob
from profiles.calltree import CallTree, Function
from profiles.packed import Corrupt
from profiles.tests import trees, vectors

# Two functions; node 0 calls node 1.
VALID: list[Any] = [
    ["a", "b"],
    ["", ""],
    ["", ""],
    ["", ""],
    [1, 2],
    [False, True],
    [0, 0],
    [0, 1],
    [5, 7],
    [1, 1],
]


def stored(columns: object) -> bytes:
    return tree_blob.FORMAT + zstandard.ZstdCompressor().compress(msgspec.json.encode(columns))


@given(st.lists(trees.trees(), max_size=3))
def test_a_merged_tree_comes_back(given_trees: list[CallTree]) -> None:
    whole = merged.merge(given_trees)
    assert tree_blob.unpack(tree_blob.pack(whole)) == whole


@pytest.mark.parametrize("case", vectors.load("sessions.json"), ids=lambda case: case["name"])
def test_the_tree_of_a_recording_comes_back(case: dict[str, Any]) -> None:
    tree = calltree.from_session(case["session"])
    assert tree_blob.unpack(tree_blob.pack(tree)) == tree


def test_sums_beyond_64_bits_come_back() -> None:
    whole = merged.merge([trees.chain(3)] * 2)
    whole.self_us[2] = 2**80
    whole.total_us = calltree.totals(whole.parent, whole.self_us)
    assert tree_blob.unpack(tree_blob.pack(whole)) == whole


@given(st.binary(max_size=200), st.booleans())
def test_arbitrary_bytes_are_refused(data: bytes, with_format: bool) -> None:
    with pytest.raises(Corrupt):
        tree_blob.unpack(tree_blob.FORMAT + data if with_format else data)


values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-2, 3), st.floats(0, 1), st.text(max_size=2)),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=6,
)


@given(st.data())
def test_columns_that_do_not_fit_together_are_refused_or_make_a_tree(data: st.DataObject) -> None:
    columns = [list(column) for column in VALID]
    for _ in range(data.draw(st.integers(1, 3))):
        columns[data.draw(st.integers(0, 9))] = data.draw(
            st.one_of(values, st.lists(st.integers(-1, 3), max_size=3))
        )
    try:
        found = tree_blob.unpack(stored(columns))
    except Corrupt:
        return
    assert tree_blob.unpack(tree_blob.pack(found)) == found
    assert len(trees.ways(found)) == len(found.total_us) == len(found.samples)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        (0, ["a"]),
        (6, [1, 0]),
        (6, [0, 3]),
        (6, [0]),
        (6, [0, -1]),
        (7, [0, 2]),
        (7, [0, -1]),
        (8, [5, -7]),
        (8, [5, 7.5]),
        (9, [1, 1, 1]),
        (9, "11"),
    ],
)
def test_a_column_that_cannot_be(column: int, value: object) -> None:
    assert tree_blob.unpack(stored(VALID)).parent == [-1, 0]
    changed = [value if number == column else found for number, found in enumerate(VALID)]
    with pytest.raises(Corrupt):
        tree_blob.unpack(stored(changed))


@pytest.mark.parametrize("columns", [[], {}, VALID[:-1], [*VALID, []], None, "tree"])
def test_no_columns_at_all(columns: object) -> None:
    with pytest.raises(Corrupt):
        tree_blob.unpack(stored(columns))


def test_damaged_bytes_are_refused() -> None:
    data = tree_blob.pack(merged.merge([trees.chain(50)]))
    for damaged in (data[:-1], data + b"\0", data + data[1:], b"\x02" + data[1:], b""):
        with pytest.raises(Corrupt):
            tree_blob.unpack(damaged)


def test_bytes_that_would_fill_the_memory_are_refused() -> None:
    columns = msgspec.json.encode(VALID)
    padded = columns + b" " * (packed.LARGEST_PLAIN_BYTES - len(columns))
    whole = zstandard.ZstdCompressor().compress(padded)
    assert tree_blob.unpack(tree_blob.FORMAT + whole).parent == [-1, 0]
    many = zstandard.ZstdCompressor().compress(padded + b" ")
    unsized = zstandard.ZstdCompressor(write_content_size=False).compress(b"[]")
    nested = zstandard.ZstdCompressor().compress(b"[" * packed.LARGEST_PLAIN_BYTES)
    assert len(many) < 10_000
    for data in (many, unsized, nested):
        with pytest.raises(Corrupt):
            tree_blob.unpack(tree_blob.FORMAT + data)


def noise(length: int, seed: int) -> str:
    """Text that cannot be compressed."""
    return "".join(random.Random(seed).choices([chr(code) for code in range(0x4E00, 0x9000)], k=length))


@pytest.mark.parametrize("length", [4_096, 1_000_000])
def test_very_long_names_cost_nodes(length: int) -> None:
    """400 names of 4,096 characters, the most that the wire takes, are 5 MB that cannot be compressed."""
    count = 400 if length == 4_096 else 3
    whole = merged.merge(
        CallTree(
            [Function(noise(length, seed), "", "", "", 1, library=False)], [-1], [0], [count - seed], [], [1]
        )
        for seed in range(count)
    )
    data = tree_blob.pack(whole)
    assert len(data) <= packed.LARGEST_BYTES
    found = tree_blob.unpack(data)
    trees.check_canonical(found)
    assert sum(found.self_us) == sum(whole.self_us)
    assert sum(found.samples) == count
    assert len(found.parent) < count


def test_a_pruned_tree_of_real_names_is_small() -> None:
    """2,000 nodes of 300 functions: a few KB, far from the bound."""
    chance = random.Random(1)
    functions = [
        Function(f"handle_{number}", "", "", f"shop/part_{number % 40}/views.py", number, library=False)
        for number in range(300)
    ]
    parents = [chance.randrange(-1, node) for node in range(2_000)]
    calls = [chance.randrange(300) for _node in parents]
    times_us = [chance.randrange(100_000) for _node in parents]
    whole = merged.merge([CallTree(functions, parents, calls, times_us, [], [1] * 2_000)])
    assert len(tree_blob.pack(merged.prune(whole))) < 40_000
