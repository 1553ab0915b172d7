"""Sums of functions over endpoints and stretches: exact, whatever is added in which order."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from profiles import function_sums
from profiles.calltree import CallTree, Function
from profiles.forest import TreeKey
from profiles.function_sums import FORMAT, FunctionSum, Sums, Table, pack, sum_up, unpack
from profiles.function_times import functions
from profiles.merged import DEEPER, SMALL, key_of, merge
from profiles.packed import Corrupt
from profiles.rollup import EndpointKey
from profiles.tests.trees import trees

# At most as many as a function names.
KEYS = [TreeKey("request", "GET", f"/{name}", "sampler") for name in "abc"]
Trees = list[CallTree]


def named(some: Trees) -> list[tuple[TreeKey, CallTree]]:
    return [(KEYS[number], merge([tree])) for number, tree in enumerate(some)]


def of_sampler(found: dict[str, Sums]) -> Sums:
    return found.get("sampler", Sums())


def flat(*seconds: int, name: str = "f") -> CallTree:
    """A root for each number, with that much time of its own."""
    made = [
        Function(f"{name}{number}", "", "", "shop/a.py", 3, library=False) for number in range(len(seconds))
    ]
    count = len(seconds)
    return CallTree(made, [-1] * count, list(range(count)), list(seconds), list(seconds), [1] * count)


@given(st.lists(trees(), max_size=3))
def test_stored_sums_come_back_whole(some: Trees) -> None:
    sums = of_sampler(sum_up(named(some)))
    assert Table([unpack(pack(sums))]).sums() == sums


@given(st.lists(trees(), max_size=3), st.randoms(use_true_random=False))
def test_stretches_add_up_to_what_one_stretch_has(some: Trees, chance: random.Random) -> None:
    parts = [unpack(pack(of_sampler(sum_up([one])))) for one in named(some)]
    chance.shuffle(parts)
    assert Table(parts).sums() == of_sampler(sum_up(named(some)))


@given(trees())
def test_times_are_those_of_the_tree(tree: CallTree) -> None:
    [(key, whole)] = named([tree])
    sums = of_sampler(sum_up([(key, whole)]))
    assert (sums.whole_us, sums.samples) == (sum(tree.self_us), sum(tree.samples))
    times = {key_of(time.function): time[1:] for time in functions(whole)}
    for mark in ((SMALL, "", ""), (DEEPER, "", "")):
        times.pop(mark, None)
    assert {key_of(row.function): row[1:4] for row in sums.rows} == times
    assert all(row.endpoints == ((key.endpoint, row.total_us),) for row in sums.rows)


def test_engines_are_kept_apart() -> None:
    other = TreeKey("request", "GET", "/a", "pyinstrument")
    found = sum_up([(KEYS[0], flat(5)), (other, flat(7))])
    assert {engine: sums.whole_us for engine, sums in found.items()} == {"sampler": 5, "pyinstrument": 7}


def test_a_function_names_the_endpoints_that_it_takes_most_in() -> None:
    five = [TreeKey("request", "GET", f"/{number}", "sampler") for number in range(5)]
    first = unpack(pack(of_sampler(sum_up((key, flat(10 * n + 1)) for n, key in enumerate(five)))))
    second = unpack(pack(of_sampler(sum_up([(five[2], flat(30))]))))
    table = Table([first, second])
    assert table.endpoints(0) == [
        (EndpointKey("request", "GET", "/2"), 51),
        (EndpointKey("request", "GET", "/4"), 41),
        (EndpointKey("request", "GET", "/3"), 31),
    ]
    assert table.total_us == [1 + 11 + 21 + 31 + 41 + 30]


def test_the_newest_line_counts_and_a_library_stays_one() -> None:
    """As in merged trees."""
    [function] = flat(1).functions
    made = []
    for line, library in ((3, True), (9, False)):
        tree = flat(1)
        tree.functions = [function._replace(line=line, library=library)]
        made.append(unpack(pack(of_sampler(sum_up([(KEYS[0], tree)])))))
    for parts in (made, made[::-1]):
        assert Table(parts).functions == [function._replace(line=9, library=True)]


def test_what_matters_least_is_left_out_and_the_whole_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(function_sums, "MOST_FUNCTIONS", 2)
    chain = CallTree(
        functions=[Function(name, "", "", "a.py", 1, library=False) for name in "uvwxyz"],
        parent=[-1, 0, 1, 2, 3, 4],
        function=[0, 1, 2, 3, 4, 5],
        self_us=[0, 1, 2, 3, 40, 50],
        total_us=[96, 96, 95, 93, 90, 50],
        samples=[0, 1, 1, 1, 1, 1],
    )
    sums = of_sampler(sum_up([(KEYS[0], chain)]))
    assert [row.function.name for row in sums.rows] == ["z", "y", "v", "u"]
    assert (sums.whole_us, sums.samples) == (96, 5)


def test_names_without_end_are_cut_short() -> None:
    """1 MB of names that nothing compresses: half of the functions stay, those with the most self time."""
    chance = random.Random(7)
    rows = [
        FunctionSum(
            Function(chance.randbytes(2_000).hex(), "", "", "", 0, library=False),
            1_000 - number,
            1_000,
            1,
            (),
        )
        for number in range(900)
    ]
    data = pack(Sums(10**9, 900, rows))
    part = unpack(data)
    assert len(data) <= 1024 * 1024
    assert part.name == [row.function.name for row in rows[: len(part.name)]]
    assert 100 < len(part.name) < 900
    assert part.whole_us == 10**9


def test_nothing_adds_up_to_nothing() -> None:
    table = Table([])
    assert (len(table), table.whole_us, table.sums()) == (0, 0, Sums())
    assert sum_up([]) == {}


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for given_bytes in (data, FORMAT + data, FORMAT + zstandard.ZstdCompressor().compress(data)):
        with pytest.raises(Corrupt):
            unpack(given_bytes)


def columns(**changes: Any) -> bytes:
    part = unpack(pack(of_sampler(sum_up(named([flat(1, 2)])))))
    for name, value in changes.items():
        setattr(part, name, value)
    return FORMAT + zstandard.ZstdCompressor().compress(msgspec.json.encode(part))


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ["one"]},
        {"callers": [1]},
        {"callers": [2, 1]},
        {"caller": [0]},
        {"caller": [0, 1]},
        {"caller_us": [1]},
        {"self_us": [-1, 2]},
        {"line": ["x", 2]},
        {"endpoints": [("a", "b")]},
    ],
)
def test_columns_that_do_not_fit_are_refused(changes: dict[str, Any]) -> None:
    unpack(columns())
    with pytest.raises(Corrupt):
        unpack(columns(**changes))
