from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from profiles import forest, merged, tree_blob
from profiles.calltree import CallTree
from profiles.forest import LedgerStacks, TreeKey
from profiles.ledger import LedgerDocument
from profiles.tests import ledgers

MINUTE = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)


@st.composite
def rows(draw: st.DrawFn) -> list[list[int]]:
    """A tree of up to 30 nodes in which equal siblings occur."""
    found: list[list[int]] = []
    for number in range(draw(st.integers(0, 30))):
        parent = draw(st.integers(-1, number - 1))
        found.append([parent, draw(st.integers(0, 2)), draw(st.integers(0, 99)), draw(st.integers(0, 9))])
    return found


documents = st.lists(
    st.builds(
        ledgers.endpoint,
        st.sampled_from(["/a", "/b c", "*"]),
        method=st.sampled_from(["GET", "", "MY METHOD"]),
        stacks=st.dictionaries(st.sampled_from(["sampler", "pyinstrument"]), rows()),
    ),
    max_size=4,
    unique_by=lambda entry: (entry["route"], entry["method"]),
).map(lambda endpoints: ledgers.document(MINUTE, *endpoints))


def one_by_one(found: list[dict[str, Any]]) -> dict[TreeKey, CallTree]:
    """Each endpoint merged for itself."""
    trees: dict[TreeKey, list[CallTree]] = {}
    for sent in found:
        document = msgspec.convert(sent, LedgerDocument)
        for entry in document.endpoints:
            for engine, stacks in entry.stacks.items():
                if stacks:
                    route = entry.route.replace("*", "(*)")
                    key = TreeKey(entry.kind, entry.method, route, engine)
                    trees.setdefault(key, []).append(merged.from_ledger(document, entry, engine))
    return {key: merged.merge(parts) for key, parts in trees.items()}


def grown(found: list[dict[str, Any]]) -> CallTree:
    return merged.merge(forest.from_ledger(msgspec.convert(sent, LedgerStacks)) for sent in found)


@given(st.lists(documents, max_size=5))
def test_all_at_once_is_each_for_itself(found: list[dict[str, Any]]) -> None:
    assert forest.split(grown(found)) == one_by_one(found)


@given(st.lists(documents, max_size=5))
def test_forests_are_merged_like_trees(found: list[dict[str, Any]]) -> None:
    packed = [tree_blob.unpack(forest.pack(grown([sent]))) for sent in found]
    assert merged.merge(packed) == grown(found)


@given(st.lists(documents, max_size=5))
def test_joining_undoes_splitting(found: list[dict[str, Any]]) -> None:
    whole = grown(found)
    assert merged.merge([forest.join(forest.split(whole))]) == whole


@given(st.lists(documents, min_size=1, max_size=5), st.integers(1, 40))
def test_what_is_too_large_keeps_the_times_of_each_endpoint(found: list[dict[str, Any]], most: int) -> None:
    kept = forest.split(tree_blob.unpack(forest.pack(grown(found), most)))
    trees = one_by_one(found)
    assert {key: (sum(tree.self_us), sum(tree.samples)) for key, tree in kept.items()} == {
        key: (sum(tree.self_us), sum(tree.samples)) for key, tree in trees.items()
    }
    assert sum(len(tree.parent) for tree in kept.values()) <= max(most, len(trees))


def test_names_that_fill_a_megabyte_keep_the_times_of_each_endpoint() -> None:
    import random

    chance = random.Random(1)
    strings = ["".join(chr(chance.randint(0x4E00, 0x9FFF)) for _ in range(4_000)) for _ in range(400)]
    frames = [[number, number, 1, number, 0] for number in range(400)]
    stacks = {"sampler": [[number - 1, number, 1, 1] for number in range(400)]}
    routes = [ledgers.endpoint(f"/{number}", stacks=stacks) for number in range(5)]
    sent = ledgers.document(MINUTE, *routes, strings=strings, frames=frames)
    data = forest.pack(grown([sent]))
    kept = forest.split(tree_blob.unpack(data))
    assert len(data) <= 1024 * 1024
    assert {key.route: (sum(tree.self_us), sum(tree.samples)) for key, tree in kept.items()} == {
        f"/{number}": (400, 400) for number in range(5)
    }
