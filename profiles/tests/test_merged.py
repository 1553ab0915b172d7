"""Merged trees add up exactly, in whatever order and grouping, and lose nothing but detail when pruned."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles import calltree, tree_blob
from profiles.calltree import CallTree, Function
from profiles.ledger import EndpointEntry, LedgerDocument
from profiles.merged import DEEPER, DEEPEST_STACK, SMALL, from_ledger, from_recording, key_of, merge, prune
from profiles.tests import recorded, trees


def tree(*rows: tuple[int, str, int]) -> CallTree:
    """A merged tree of (parent, name, self time) with a sample in each node."""
    names = list(dict.fromkeys(name for _parent, name, _self_us in rows))
    return merge(
        [
            CallTree(
                functions=[
                    Function(name, "", "", "" if name[0] == "(" else "a.py", 1, False) for name in names
                ],
                parent=[parent for parent, _name, _self_us in rows],
                function=[names.index(name) for _parent, name, _self_us in rows],
                self_us=[self_us for _parent, _name, self_us in rows],
                samples=[1] * len(rows),
            )
        ]
    )


def rows(found: CallTree) -> list[tuple[int, str, int]]:
    names = [found.functions[function].name for function in found.function]
    return list(zip(found.parent, names, found.self_us, strict=True))


# merge


@given(st.data())
def test_any_order_and_grouping_gives_the_same_bytes(data: st.DataObject) -> None:
    given_trees = data.draw(st.lists(trees.trees(), max_size=5))
    whole = merge(given_trees)
    shuffled = data.draw(st.permutations(given_trees))
    while len(shuffled) > 1:
        size = data.draw(st.integers(2, len(shuffled)))
        shuffled = [*shuffled[size:], merge(shuffled[:size])]
    again = merge(shuffled)
    assert again == whole
    assert tree_blob.pack(again) == tree_blob.pack(whole)


@given(st.lists(trees.trees(), max_size=4))
def test_what_comes_out_is_what_went_in(given_trees: list[CallTree]) -> None:
    found = merge(given_trees)
    trees.check_canonical(found)
    assert trees.by_way(found) == trees.by_way(*given_trees)


@given(st.lists(trees.trees(), min_size=1, max_size=3))
def test_of_equal_functions_the_greater_line_counts(given_trees: list[CallTree]) -> None:
    expected: dict[trees.Way, tuple[int, bool]] = {}
    for given_tree in given_trees:
        for way, number in zip(trees.ways(given_tree), given_tree.function, strict=True):
            function = given_tree.functions[number]
            line, library = expected.get(way, (function.line, False))
            expected[way] = max(line, function.line), library or function.library
    found = merge(given_trees)
    functions = [found.functions[number] for number in found.function]
    assert expected == {
        way: (function.line, function.library)
        for way, function in zip(trees.ways(found), functions, strict=True)
    }


def test_merging_nothing_gives_an_empty_tree() -> None:
    assert merge([]) == merge([CallTree(), CallTree()]) == CallTree()


def test_trees_are_taken_one_by_one() -> None:
    assert rows(merge(tree((-1, "view", number)) for number in range(4))) == [(-1, "view", 6)]


def test_several_roots_stay_several() -> None:
    found = merge([tree((-1, "a", 1)), tree((-1, "b", 5), (0, "a", 1)), tree((-1, "c", 1))])
    assert rows(found) == [(-1, "b", 5), (0, "a", 1), (-1, "a", 1), (-1, "c", 1)]


# prune


@given(st.lists(trees.trees(), max_size=3), st.integers(1, 40))
def test_a_pruned_tree_adds_up(given_trees: list[CallTree], most: int) -> None:
    whole = merge(given_trees)
    small = prune(whole, most)
    assert len(small.parent) <= most
    assert sum(small.self_us) == sum(whole.self_us)
    assert sum(small.samples) == sum(whole.samples)
    trees.check_canonical(small)
    assert prune(small, most) == small
    before = dict(zip(trees.ways(whole), whole.total_us, strict=True))
    for way, total_us in zip(trees.ways(small), small.total_us, strict=True):
        if way[-1] != (SMALL, "", ""):
            assert before[way] == total_us


@given(trees.trees(most=60), st.integers(2, 30))
def test_the_room_is_used(given_tree: CallTree, most: int) -> None:
    whole = merge([given_tree])
    # Earlier rests are cut whatever room there is.
    if not any(function.name == SMALL for function in whole.functions):
        assert len(prune(whole, most).parent) >= min(most - 1, len(whole.parent))


def test_what_was_cut_is_one_child_with_a_name() -> None:
    whole = tree((-1, "view", 1), (0, "query", 90), (0, "a", 5), (0, "b", 4), (0, "c", 3), (4, "d", 2))
    assert rows(prune(whole, 3)) == [(-1, "view", 1), (0, "query", 90), (0, SMALL, 14)]
    assert prune(whole, 3).samples == [1, 1, 4]
    assert rows(prune(whole, 3, rest="others"))[2] == (0, "others", 14)


def test_a_leaf_that_would_be_cut_alone_stays() -> None:
    whole = tree((-1, "view", 1), (0, "query", 90), (1, "parse", 1), (0, "a", 5), (0, "b", 4))
    assert rows(prune(whole, 4))[:3] == [(-1, "view", 1), (0, "query", 90), (1, "parse", 1)]


def test_the_rest_of_an_earlier_cut_goes_into_the_new_one() -> None:
    whole = tree((-1, "view", 1), (0, SMALL, 80), (0, "query", 9), (0, "a", 5), (0, "b", 4))
    assert rows(prune(whole, 3)) == [(-1, "view", 1), (0, SMALL, 89), (0, "query", 9)]


def test_of_several_roots_the_light_ones_are_cut() -> None:
    whole = tree((-1, "a", 9), (-1, "b", 2), (-1, "c", 1), (2, "d", 1))
    assert rows(prune(whole, 2)) == [(-1, "a", 9), (-1, SMALL, 4)]
    assert rows(prune(whole, 1)) == [(-1, SMALL, 13)]


def test_a_tree_that_is_small_enough_is_left_alone() -> None:
    whole = tree((-1, "a", 1), (0, "b", 1))
    assert prune(whole, 2) is whole


# The ways in


def document(stacks: list[list[int]], **changes: Any) -> tuple[LedgerDocument, EndpointEntry]:
    """A ledger document with the stacks of one endpoint, as the sampler saw them."""
    entry = EndpointEntry(
        kind="request",
        method="GET",
        route="/",
        count=0,
        errors=0,
        histograms={},
        counters=[],
        stacks={"sampler": [(row[0], row[1], row[2], row[3]) for row in stacks]},
    )
    fields: dict[str, Any] = {
        "strings": ["", "view", "shop/views.py", "query", "db/sql.py", "Session", "unused"],
        "frames": [(6, 6, 1, 0, 0), (3, 4, 30, 5, 1), (1, 2, 10, 0, 0)],
        **changes,
    }
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return LedgerDocument(minute=at, seq=1, endpoints=[entry], dropped={}, **fields), entry


def test_a_ledger_document_says_what_the_recording_says() -> None:
    view = recorded.own("view", "shop/views.py:10")
    query = recorded.library("query", "db/sql.py:30", owner="Session")
    session = recorded.session([((view, query), 0.002), ((view,), 0.001), ((view, query), 0.003)])
    ledger, entry = document([[-1, 2, 1_000, 1], [0, 1, 2_000, 1], [0, 1, 3_000, 1]])
    expected = CallTree(
        functions=[
            Function("view", "", "", "shop/views.py", 10, False),
            Function("query", "Session", "", "db/sql.py", 30, True),
        ],
        parent=[-1, 0],
        function=[0, 1],
        self_us=[1_000, 5_000],
        total_us=[6_000, 5_000],
        samples=[1, 2],
    )
    assert from_ledger(ledger, entry, "sampler") == expected
    assert from_recording(session) == expected


def test_an_engine_that_saw_nothing_has_an_empty_tree() -> None:
    ledger, entry = document([[-1, 2, 1_000, 1]])
    assert from_ledger(ledger, entry, "pyinstrument") == CallTree()
    assert from_recording(recorded.session([])) == CallTree()


def test_roots_of_a_recording_stand_side_by_side() -> None:
    a, b = recorded.own("a"), recorded.own("b")
    found = from_recording(recorded.session([((a,), 0.001), ((b, a), 0.002)]))
    assert rows(found) == [(-1, "b", 0), (0, "a", 2_000), (-1, "a", 1_000)]
    with_empty = from_recording(recorded.session([((a,), 0.001), ((), 0.004), ((b,), 0.002)]))
    assert rows(with_empty) == [(-1, calltree.ROOT, 4_000), (-1, "b", 2_000), (-1, "a", 1_000)]
    trees.check_canonical(with_empty)


def deep_ledger(depth: int, *, fork: int) -> CallTree:
    """A stack of `depth` frames, and another that leaves it below frame `fork`."""
    stacks = [[number - 1, 2, 1, 1] for number in range(depth)] + [[fork, 1, 10, 1]]
    ledger, entry = document(stacks)
    return from_ledger(ledger, entry, "sampler")


@pytest.mark.parametrize("depth", [DEEPEST_STACK, DEEPEST_STACK + 1, 10_000])
def test_what_is_deeper_is_one_marked_node(depth: int) -> None:
    found = deep_ledger(depth, fork=depth - 1)
    below = depth - DEEPEST_STACK
    assert len(found.parent) == DEEPEST_STACK + 1
    assert found.functions[found.function[-1]].name == DEEPER
    assert (found.self_us[-1], found.samples[-1]) == (below + 10, below + 1)
    assert found.total_us[0] == depth + 10
    trees.check_canonical(found)


def test_the_deepest_stack_that_is_kept_whole() -> None:
    found = deep_ledger(DEEPEST_STACK - 1, fork=DEEPEST_STACK - 2)
    assert DEEPER not in {function.name for function in found.functions}
    assert len(found.parent) == DEEPEST_STACK


def test_folding_before_merging_is_folding_after() -> None:
    deep, fork = deep_ledger(900, fork=700), deep_ledger(600, fork=100)
    whole = merge([deep, fork])
    assert len(whole.parent) == DEEPEST_STACK + 2
    assert whole.total_us[0] == 1_500 + 20
    assert merge([fork, merge([deep])]) == whole


def test_a_recording_10000_frames_deep() -> None:
    stack = [recorded.own("walk", f"shop/walk.py:{line}") for line in range(1, 10_001)]
    found = from_recording(recorded.session([(stack, 0.001), (stack[:-1], 0.002)]))
    assert len(found.parent) == DEEPEST_STACK + 1
    assert (found.self_us[-1], found.samples[-1]) == (3_000, 2)
    assert key_of(found.functions[found.function[-1]]) == (DEEPER, "", "")


def test_no_step_minds_10000_frames() -> None:
    whole = merge([trees.chain(10_000), trees.chain(10_000, branch_at=9_000)])
    assert len(whole.parent) == 10_001
    assert tree_blob.unpack(tree_blob.pack(whole)) == whole
    small = prune(whole)
    assert len(small.parent) == 2_000
    assert small.total_us[0] == whole.total_us[0] == 20_001
