from __future__ import annotations

from profiles import calltree, tree_rows
from profiles.calltree import CallTree
from profiles.tests.recorded import library, own, session

A, B, C = own("a", "x.py:1"), own("b", "x.py:2", owner="Klass"), own("c", "x.py:3")
LIB = library("lib", "lib.py:1")


def tree(*records: tuple[tuple[str, ...], float]) -> CallTree:
    return calltree.from_session(session(records))


def test_recursion_counts_once_in_a_total() -> None:
    found = tree_rows.top_functions(tree(((A, B, A, B, A), 0.004), ((A, B), 0.001), ((A, C), 0.002)), 10)
    by_name = {row.name: row for row in found}
    assert (by_name["a"].self_us, by_name["a"].total_us) == (4_000, 7_000)
    assert (by_name["Klass.b"].self_us, by_name["Klass.b"].total_us) == (1_000, 5_000)
    assert (by_name["c"].self_us, by_name["c"].total_us, by_name["c"].samples) == (2_000, 2_000, 1)
    assert [row.name for row in found] == ["a", "c", "Klass.b"]


def test_totals_of_siblings_add_up() -> None:
    found = tree_rows.top_functions(tree(((A, B, C), 0.003), ((A, LIB, C), 0.002)), 1)
    assert [(row.name, row.self_us, row.total_us, row.samples) for row in found] == [("c", 5_000, 5_000, 2)]


def test_functions_without_self_time_are_left_out() -> None:
    assert [row.name for row in tree_rows.top_functions(tree(((A, B), 0.001)), 10)] == ["Klass.b"]


def test_hot_path_goes_to_where_the_time_is() -> None:
    rows = tree_rows.hot_path(tree(((A, LIB, B), 0.006), ((A, C), 0.004)))
    assert [(row.name, row.place, row.library) for row in rows] == [
        ("a", "x.py:1", False),
        ("lib", "lib.py:1", True),
        ("Klass.b", "x.py:2", False),
    ]


def test_suspect_has_the_time_of_its_library_calls() -> None:
    found = tree_rows.suspect(tree(((A, LIB), 0.005), ((A, LIB, B), 0.003), ((A,), 0.001)))
    assert found is not None
    assert (found.name, found.place, found.time_us) == ("a", "x.py:1", 6_000)


def test_nobody_is_suspect_where_only_libraries_ran() -> None:
    assert tree_rows.suspect(tree(((LIB,), 0.005))) is None


def test_deep_recursion_is_no_problem() -> None:
    stack = tuple(own(f"f{depth % 7}", "deep.py:1") for depth in range(4_000))
    deep = tree((stack, 0.004))
    assert tree_rows.top_functions(deep, 3)[0].self_us == 4_000
    assert len(tree_rows.hot_path(deep)) == 4_000
