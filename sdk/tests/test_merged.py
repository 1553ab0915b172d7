from __future__ import annotations

from perfplatform_sdk.merged import OTHER, Tree


def test_samples_of_the_same_stack_are_one_node() -> None:
    tree = Tree()
    tree.add(["a", "b"], 10)
    tree.add(["a", "b"], 5)
    tree.add(["a"], 1)
    tree.add(["a", "c", "b"], 2)
    assert tree.keys == ["a", "b", "c", "b"]
    assert tree.parents == [-1, 0, 0, 2]
    assert tree.self_us == [1, 15, 0, 2]
    assert tree.samples == [1, 2, 0, 1]


def test_a_full_tree_keeps_all_time() -> None:
    tree = Tree()
    for number in range(100):
        tree.add(["a", f"f{number}", "leaf"], 1, most=20)
    for number in range(100):
        tree.add([f"root{number}"], 1, most=20)
    assert len(tree) == 21
    assert sum(tree.self_us) == sum(tree.samples) == 200
    assert tree.self_us[tree.keys.index(OTHER)] == 100
    assert all(parent < number for number, parent in enumerate(tree.parents))


def test_an_empty_stack_is_counted_too() -> None:
    tree = Tree()
    tree.add([], 7)
    assert (tree.keys, tree.self_us) == ([OTHER], [7])
