from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles import calltree, tree_columns
from profiles.calltree import CallTree, Function, Timeline
from profiles.tests.recorded import library, own, session


def random_tree(nodes: int, seed: int) -> CallTree:
    """A tree in preorder with totals that are the sums of selves."""
    chance = random.Random(seed)
    tree = CallTree(functions=[Function(f"f{number}", "", "", "", 1, library=False) for number in range(5)])
    path: list[int] = []
    for node in range(nodes):
        del path[chance.randint(1, len(path)) if path else 0 :]
        tree.parent.append(path[-1] if path else -1)
        tree.function.append(chance.randrange(5))
        tree.self_us.append(chance.choice([0, 1, 50, 3_000]))
        tree.samples.append(chance.randrange(3))
        path.append(node)
    tree.total_us = list(tree.self_us)
    for node in range(nodes - 1, 0, -1):
        tree.total_us[tree.parent[node]] += tree.total_us[node]
    return tree


def test_columns_are_those_of_the_tree() -> None:
    tree = calltree.from_session(session([((own("a"), library("b")), 0.002), ((own("a"),), 0.001)]))
    found = tree_columns.columns(tree, label="GET /", suspect=0, rest="rest")
    assert found["functions"]["name"] == ["a", "b"]
    assert found["functions"]["library"] == [0, 1]
    assert (found["parent"], found["self_us"], found["total_us"]) == ([-1, 0], [1_000, 2_000], [3_000, 2_000])


@pytest.fixture
def small_limit(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(tree_columns, "MOST_NODES", 40)
    return 40


@given(nodes=st.integers(41, 300), seed=st.integers(0, 2**32))
def test_cut_tree_adds_up(nodes: int, seed: int) -> None:
    whole = random_tree(nodes, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tree_columns, "MOST_NODES", 40)
        found = tree_columns.columns(whole, label="", suspect=-1, rest="rest")
    size = len(found["parent"])
    assert size <= 40
    assert sum(found["self_us"]) == sum(whole.self_us)
    assert sum(found["samples"]) == sum(whole.samples)
    assert found["total_us"][0] == whole.total_us[0]
    totals = list(found["self_us"])
    for node in range(size - 1, 0, -1):
        assert found["parent"][node] < node
        totals[found["parent"][node]] += totals[node]
    assert totals == found["total_us"]


def test_what_was_cut_has_a_name(small_limit: int) -> None:
    found = tree_columns.columns(random_tree(200, 1), label="", suspect=-1, rest="(many small calls)")
    rest = found["functions"]["name"].index("(many small calls)")
    assert rest in found["function"]
    assert found["functions"]["library"][rest] == 0


def test_the_function_to_show_first_is_found_in_what_is_left(small_limit: int) -> None:
    whole = random_tree(200, 1)
    shown = {
        suspect: tree_columns.columns(whole, label="", suspect=suspect, rest="rest")
        for suspect in range(-1, 5)
    }
    assert shown[-1]["suspect"] == -1
    for suspect in range(5):
        assert shown[suspect]["functions"]["name"][shown[suspect]["suspect"]] == f"f{suspect}"
    assert [shown[suspect]["suspect"] for suspect in range(5)] != list(range(5))
    lost = CallTree([*whole.functions, Function("lost", "", "", "", 1, library=False)])
    lost.parent, lost.function = [*whole.parent, 0], [*whole.function, 5]
    lost.self_us, lost.total_us, lost.samples = [*whole.self_us, 0], [*whole.total_us, 0], [*whole.samples, 1]
    assert tree_columns.columns(lost, label="", suspect=5, rest="rest")["suspect"] == -1


def test_tree_within_the_limit_is_not_cut(small_limit: int) -> None:
    found = tree_columns.columns(random_tree(40, 1), label="", suspect=-1, rest="rest")
    assert len(found["parent"]) == 40
    assert "rest" not in found["functions"]["name"]


# The order of time


def test_runs_are_told_where_the_tree_has_them() -> None:
    recorded = session([((own("a"), own("b")), 0.002), ((own("a"),), 0.001), ((own("a"), own("b")), 0.004)])
    tree, timeline = calltree.in_time_order(recorded)
    found = tree_columns.columns(tree, label="", suspect=-1, rest="rest", timeline=timeline)
    assert found["runs"] == {"node": [1, 0, 1], "duration_us": [2_000, 1_000, 4_000]}
    assert tree_columns.columns(tree, label="", suspect=-1, rest="rest")["runs"] is None


def test_cut_tree_has_no_runs(small_limit: int) -> None:
    tree = random_tree(41, 1)
    timeline = Timeline([40], [1])
    assert tree_columns.columns(tree, label="", suspect=-1, rest="rest", timeline=timeline)["runs"] is None


@pytest.mark.parametrize(("limit", "fits"), [("MOST_RUNS", 5), ("MOST_FRAMES_IN_TIME", 9)])
def test_runs_end_where_a_browser_would_have_too_much(
    monkeypatch: pytest.MonkeyPatch, limit: str, fits: int
) -> None:
    # Five runs; 3 calls, then only the innermost changes, then all but the root twice: 3 + 1 + 1 + 2 + 2.
    a, b, c, d = own("a"), own("b"), own("c"), own("d")
    stacks = [(a, b, c), (a, b, d), (a, b, c), (a, c, d), (a, b, d)]
    tree, timeline = calltree.in_time_order(session([(stack, 0.001) for stack in stacks]))
    for most, expected in ((fits, True), (fits - 1, False)):
        monkeypatch.setattr(tree_columns, limit, most)
        found = tree_columns.columns(tree, label="", suspect=-1, rest="rest", timeline=timeline)
        assert (found["runs"] is not None) is expected
