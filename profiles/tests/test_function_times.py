"""What functions take, against the plain definition; digests come back as they were."""

from __future__ import annotations

import random

import msgspec
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from profiles import function_times, packed
from profiles.calltree import CallTree, Function
from profiles.function_times import (
    FunctionTime,
    NumberedTime,
    digest,
    functions,
    pack_digest,
    pack_numbered,
    unpack_digest,
    unpack_numbered,
)
from profiles.merged import Key, from_recording, key_of, merge
from profiles.packed import Corrupt
from profiles.tests import recorded, trees


def times_of(found: list[FunctionTime]) -> dict[Key, tuple[int, int, int]]:
    return {key_of(time.function): (time.self_us, time.total_us, time.samples) for time in found}


@given(st.lists(trees.trees(), min_size=1, max_size=3))
def test_times_are_those_of_the_samples(given_trees: list[CallTree]) -> None:
    """A function's total is the time of all samples that have it anywhere on their stack, once."""
    expected: dict[Key, tuple[int, int, int]] = {}
    for way, (self_us, samples) in trees.by_way(*given_trees).items():
        for key in set(way):
            before = expected.get(key, (0, 0, 0))
            here = (self_us, samples) if key == way[-1] else (0, 0)
            expected[key] = (before[0] + here[0], before[1] + self_us, before[2] + here[1])
    found = functions(merge(given_trees))
    assert times_of(found) == expected
    assert found == sorted(found, key=lambda time: (-time.self_us, -time.total_us, time.function))


def test_recursion_counts_once() -> None:
    [walk, leaf] = sorted(functions(merge([trees.chain(4, branch_at=2)])), key=lambda time: -time.total_us)
    assert (walk.self_us, walk.total_us, walk.samples) == (4, 5, 4)
    assert (leaf.self_us, leaf.total_us, leaf.samples) == (1, 1, 1)
    assert len(functions(merge([trees.chain(10_000)]))) == 1


def test_functions_of_one_name_and_file_are_one() -> None:
    """As in merged trees; the tree of a recording tells lines apart."""
    records = [((recorded.own("<lambda>", f"shop/sort.py:{line}"),), 0.001) for line in (3, 9, 5)]
    [found] = functions(from_recording(recorded.session(records)))
    assert found == FunctionTime(Function("<lambda>", "", "", "shop/sort.py", 9, False), 3_000, 3_000, 3)


def test_an_empty_tree_has_no_functions() -> None:
    assert functions(CallTree()) == digest(CallTree()) == []


def fan(count: int) -> CallTree:
    """`outer` calls `count` wrappers without time of their own, the last the heaviest, each with a leaf."""
    records = [
        ((recorded.own("outer"), recorded.own(f"wrap_{n}"), recorded.own(f"leaf_{n}")), 0.001 * (n + 1))
        for n in range(count)
    ]
    return from_recording(recorded.session(records))


def test_digest_has_the_largest_by_self_and_by_total() -> None:
    found = {time.function.name: time for time in digest(fan(9), 4)}
    assert set(found) == {"leaf_8", "leaf_7", "leaf_6", "leaf_5", "outer", "wrap_8"}
    assert (found["outer"].self_us, found["outer"].total_us) == (0, 45_000)
    assert found["leaf_8"].function == Function("leaf_8", "", "", "shop/catalogue.py", 0, False)
    assert len(digest(fan(200))) <= 100


digests = st.lists(
    st.builds(
        FunctionTime,
        st.builds(
            Function, st.text(), st.text(), st.just(""), st.text(), st.integers(0, 2**53), st.booleans()
        ),
        st.integers(0, 2**70),
        st.integers(0, 2**70),
        st.integers(0, 2**53),
    ),
    max_size=12,
)


@given(digests)
def test_a_digest_comes_back(times: list[FunctionTime]) -> None:
    expected = sorted(times, key=lambda time: (-time.self_us, -time.total_us, time.function))
    assert unpack_digest(pack_digest(times)) == expected


def test_very_long_names_cost_functions() -> None:
    """200 functions and classes with names of 4,096 characters that cannot be compressed."""
    chance = random.Random(1)
    letters = [chr(code) for code in range(0x4E00, 0x9000)]

    def name() -> str:
        return "".join(chance.choices(letters, k=4_096))

    times = [
        FunctionTime(Function(name(), name(), "", "", 0, library=False), number, 0, 0)
        for number in range(200)
    ]
    data = pack_digest(times)
    assert len(data) <= packed.LARGEST_BYTES
    found = unpack_digest(data)
    assert 10 < len(found) < 200
    assert found == times[: -len(found) - 1 : -1]


@given(trees.trees(most=60), st.integers(1, 10))
def test_the_digest_of_a_tree_comes_back(tree: CallTree, most: int) -> None:
    found = digest(merge([tree]), most)
    assert unpack_digest(pack_digest(found)) == found


@given(st.lists(st.builds(NumberedTime, *[st.integers(0, 2**70)] * 4), max_size=12))
def test_a_numbered_digest_comes_back(times: list[NumberedTime]) -> None:
    found = unpack_numbered(pack_numbered(times))
    assert sorted(found) == sorted(times)
    assert [-time.total_us for time in found] == sorted(-time.total_us for time in times)


@pytest.mark.parametrize("unpack", [unpack_digest, unpack_numbered])
@given(data=st.binary(max_size=100), kind=st.sampled_from([b"", b"\x01", b"\x02"]))
def test_arbitrary_bytes_are_refused(unpack: object, data: bytes, kind: bytes) -> None:
    with pytest.raises(Corrupt):
        unpack(kind + data)  # type: ignore[operator]


def stored(kind: bytes, columns: object) -> bytes:
    return kind + zstandard.ZstdCompressor().compress(msgspec.json.encode(columns))


@pytest.mark.parametrize(
    "columns", [[], [[1], [1], [1], []], [[1], [1], [1], [-1]], [[1], [1], [1], ["x"]], [[1], [1], [1]]]
)
def test_columns_of_numbers_that_cannot_be(columns: object) -> None:
    with pytest.raises(Corrupt):
        unpack_numbered(stored(function_times.NUMBERED, columns))
    assert unpack_numbered(stored(function_times.NUMBERED, [[1], [2], [3], [4]])) == [(1, 2, 3, 4)]


def test_columns_of_names_that_cannot_be() -> None:
    valid: list[list[object]] = [["f"], [""], ["a.py"], [0], [True], [5], [6], [1]]
    assert unpack_digest(stored(function_times.WHOLE, valid)) == [
        FunctionTime(Function("f", "", "", "a.py", 0, True), 5, 6, 1)
    ]
    for number in range(len(valid)):
        for wrong in ([], [None], [*valid[number], *valid[number]]):
            changed = [wrong if place == number else column for place, column in enumerate(valid)]
            with pytest.raises(Corrupt):
                unpack_digest(stored(function_times.WHOLE, changed))


def test_a_digest_by_number_is_small() -> None:
    """100 functions of a table of 5,000, with times of no pattern: under 10 bytes each."""
    chance = random.Random(1)
    times = [NumberedTime(chance.randrange(5_000), 0, chance.randrange(200_000), 0) for _ in range(60)]
    times += [
        NumberedTime(chance.randrange(5_000), self_us := chance.randrange(9_000), self_us, 1)
        for _ in range(40)
    ]
    assert len(pack_numbered(times)) < 1_000
