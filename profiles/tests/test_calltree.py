"""The call tree agrees with pyinstrument's own, and adds up to the microsecond."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyinstrument.frame import Frame
from pyinstrument.session import Session

from profiles import calltree
from profiles.calltree import CallTree
from profiles.tests import vectors

CASES = {case["name"]: case["session"] for case in vectors.load("sessions.json")}
MAIN = "main\x00/srv/app/main.py\x001"
LIBRARY = "/usr/local/lib/python3.11/json.py"

Path = tuple[str, ...]


def session(records: list[Any], **changes: Any) -> dict[str, Any]:
    return {**CASES["no samples"], "frame_records": records, **changes}


def own(name: str, line: int = 1) -> str:
    return f"{name}\x00/srv/app/main.py\x00{line}"


def library(name: str) -> str:
    return f"{name}\x00{LIBRARY}\x001"


def name_of(tree: CallTree, node: int) -> str:
    return tree.functions[tree.function[node]].name


def paths(tree: CallTree) -> list[Path]:
    """Return, for each node, the identifiers from the root down, as pyinstrument writes them."""
    found: list[Path] = []
    for node, parent in enumerate(tree.parent):
        function = tree.functions[tree.function[node]]
        mine = function.name
        if function.file or mine not in ("[await]", "[out-of-context]", "[root]"):
            mine = f"{function.name}|{function.file}|{function.line}"
        found.append((*found[parent], mine) if parent >= 0 else (mine,))
    return found


def theirs(root: Frame) -> tuple[dict[Path, float], dict[Path, float], dict[Path, bool]]:
    """Return pyinstrument's totals, self times (seconds) and application-code flags by path."""
    totals: dict[Path, float] = defaultdict(float)
    selfs: dict[Path, float] = defaultdict(float)
    application: dict[Path, bool] = {}
    waiting: list[tuple[Frame, Path]] = [(root, ())]
    while waiting:
        frame, above = waiting.pop()
        if frame.identifier == "[self]":
            # A root that is nothing but [self] is our [root] without children.
            key = above or ("[root]",)
            selfs[key] += frame.time
            totals[key] += 0 if above else frame.time
            continue
        mine = frame.identifier
        if not frame.is_synthetic:
            mine = f"{frame.function}|{frame.file_path or ''}|{frame.line_no or 0}"
        path = (*above, mine)
        totals[path] += frame.time
        application[path] = frame.is_application_code
        if frame.is_synthetic_leaf:
            selfs[path] += frame.time
        waiting.extend((child, path) for child in frame.children)
    return totals, selfs, application


@pytest.mark.parametrize("name", CASES)
def test_agrees_with_pyinstrument(name: str) -> None:
    tree = calltree.from_session(CASES[name])
    root = Session.from_json(CASES[name]).root_frame()
    if root is None:
        assert tree.parent == []
        return
    totals, selfs, application = theirs(root)
    ours_total: Counter[Path] = Counter()
    ours_self: Counter[Path] = Counter()
    for node, path in enumerate(paths(tree)):
        ours_total[path] += tree.total_us[node]
        ours_self[path] += tree.self_us[node]
        function = tree.functions[tree.function[node]]
        assert function.library is not application.get(path, False), path
    count = len(CASES[name]["frame_records"])
    assert set(ours_total) == set(totals)
    for path, total_us in ours_total.items():
        assert total_us / 1e6 == pytest.approx(totals[path], abs=1e-6 * count)
        assert ours_self[path] / 1e6 == pytest.approx(selfs[path], abs=1e-6 * count)


def test_totals_are_exact() -> None:
    """Samples of a third of a microsecond: each is rounded once, the sum is of whole numbers."""
    records = [[[MAIN, own("a")], 0.0001 + n / 3e6] for n in range(1000)] + [[[MAIN], 1e-7]] * 10
    tree = calltree.from_session(session(records, start_call_stack=["elsewhere"]))
    assert tree.total_us[0] == sum(round(cast(float, seconds) * 1e6) for _, seconds in records)
    assert tree.self_us == [0, tree.total_us[0]]
    assert tree.samples == [10, 1000]


stacks = st.lists(st.sampled_from([MAIN, own("a"), own("b"), library("dumps"), "[await]"]), max_size=8).map(
    lambda stack: stack[: stack.index("[await]") + 1] if "[await]" in stack else stack
)


@given(st.lists(st.tuples(stacks, st.floats(0, 10)), max_size=20))
def test_columns_fit_together(records: list[Any]) -> None:
    tree = calltree.from_session(session(records))
    below = [0] * len(tree.parent)
    for node, parent in enumerate(tree.parent):
        assert parent < node
        if parent >= 0:
            below[parent] += tree.total_us[node]
    assert [a + b for a, b in zip(tree.self_us, below, strict=True)] == tree.total_us
    assert sum(tree.self_us) == sum(round(seconds * 1e6) for _, seconds in records)
    assert sum(tree.samples) == len(records)
    for node in range(1, len(tree.parent)):
        siblings = [n for n, parent in enumerate(tree.parent) if parent == tree.parent[node]]
        heaviness = [tree.total_us[n] for n in siblings]
        assert heaviness == sorted(heaviness, reverse=True)


@given(st.lists(st.tuples(stacks, st.floats(0, 10)), min_size=1, max_size=20))
def test_runs_are_the_samples_in_their_order(records: list[Any]) -> None:
    recorded = session(records)
    tree, timeline = calltree.in_time_order(recorded)
    assert tree == calltree.from_session(recorded)
    spent = [0] * len(tree.parent)
    for node, duration_us in zip(timeline.node, timeline.duration_us, strict=True):
        spent[node] += duration_us
    assert spent == tree.self_us
    assert all(one != other for one, other in itertools.pairwise(timeline.node))
    ways = [tuple(stack) for stack, _seconds in records]
    expected = [way for way, _samples in itertools.groupby(ways)]
    ends = [way[-1].partition("\0")[0] if way else "[root]" for way in expected]
    assert [name_of(tree, node) for node in timeline.node] == ends


def test_no_samples_have_no_order() -> None:
    assert calltree.in_time_order(session([])) == (CallTree(), calltree.Timeline([], []))


def test_thousands_of_frames_deep() -> None:
    tree = calltree.from_session(session([[[MAIN] + [own("walk")] * 4_999, 0.001]], start_call_stack=["x"]))
    assert len(tree.parent) == 5_000
    assert len(calltree.hot_path(tree)) == 5_000
    assert tree.functions[calltree.top_own_function(tree) or 0].name == "walk"


def test_classes_are_told_apart() -> None:
    save = own("save", 40)
    records = [[[MAIN, f"{save}\x01cOrder\x01l44"], 0.1], [[MAIN, f"{save}\x01cBill"], 0.2]]
    tree = calltree.from_session(session(records))
    assert [(f.class_name, f.line) for f in tree.functions] == [("", 1), ("Bill", 40), ("Order", 40)]


def test_code_run_by_exec_belongs_to_who_runs_it() -> None:
    snippet = "<module>\x00<string>\x001"
    tree = calltree.from_session(session([[[MAIN, snippet], 0.2], [[MAIN, library("run"), snippet], 0.1]]))
    assert [(f.name, f.library) for f in tree.functions] == [
        ("main", False),
        ("<module>", False),
        ("run", True),
        ("<module>", True),
    ]


def test_paths_are_shortened_by_their_own_sys_path() -> None:
    entries = ["", "/srv", "/srv/app/", "/", "C:\\shop"]
    assert calltree.shorten("/srv/app/cart/views.py", entries) == "cart/views.py"
    assert calltree.shorten("/srv/application/views.py", entries) == "application/views.py"
    assert calltree.shorten("C:\\shop\\cart\\views.py", entries) == "cart\\views.py"
    assert calltree.shorten("<frozen importlib>", entries) == "<frozen importlib>"
    assert calltree.shorten("/opt/x.py", entries) == "/opt/x.py"
    assert calltree.shorten("", entries) == ""


def test_hot_path_stops_where_the_time_splits() -> None:
    records = [[[MAIN, own("view"), own(name)], 0.1] for name in "abc"] + [[[MAIN, own("other")], 0.1]]
    tree = calltree.from_session(session(records, start_call_stack=["x"]))
    assert [name_of(tree, node) for node in calltree.hot_path(tree)] == ["main", "view"]
    assert calltree.hot_path(CallTree()) == []


def test_top_own_function_owns_the_libraries_below_it() -> None:
    records = [
        [[MAIN, own("busy")], 0.2],
        [[MAIN, own("dumps_often"), library("dumps"), library("encode")], 0.15],
        [[MAIN, own("dumps_often"), library("dumps"), "[await]"], 0.1],
        [[MAIN, library("call"), own("callback")], 0.2],
    ]
    tree = calltree.from_session(session(records))
    top = calltree.top_own_function(tree)
    assert top is not None
    assert tree.functions[top].name == "dumps_often"


def test_no_own_function_where_only_libraries_ran() -> None:
    assert calltree.top_own_function(calltree.from_session(session([[[library("run")], 0.1]]))) is None
    assert calltree.top_own_function(CallTree()) is None


@pytest.mark.parametrize("folder", ["/srv/app/sdk/perfplatform_sdk", "C:\\app\\perfplatform_sdk"])
def test_the_sdk_is_a_library_wherever_it_lies(folder: str) -> None:
    separator = folder[-len("perfplatform_sdk") - 1]
    stack = ["view\x00/srv/app/views.py\x001", f"_record\x00{folder}{separator}recorder.py\x0010"]
    tree = calltree.from_session(session([[stack, 0.5]]))
    assert [(function.name, function.library) for function in tree.functions] == [
        ("view", False),
        ("_record", True),
    ]
