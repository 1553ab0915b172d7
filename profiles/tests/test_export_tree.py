"""Folded stacks, speedscope, pprof and pstats of a call tree say all that is in it, whatever names it has."""

from __future__ import annotations

import gzip
import json
import pstats
from collections import Counter
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles import calltree, export, export_pprof, export_pstats, export_tree
from profiles.calltree import CallTree, Function
from profiles.file_format import CHUNK_CHARACTERS, NotRenderable, printable
from profiles.merged import from_recording, merge, prune
from profiles.tests import protobuf, recorded, trees

merged_trees = st.lists(trees.trees(), max_size=3).map(merge)

VIEW = recorded.own("view", "shop/views.py:10", owner="Cart")
QUERY = recorded.library("query", "db/sql.py:30")
SESSION = recorded.session([((VIEW, QUERY), 0.002), ((VIEW,), 0.001), ((VIEW, QUERY, QUERY), 0.004)])
TREE = from_recording(SESSION)


def names(tree: CallTree, node: int) -> tuple[str, ...]:
    """From the root down, as exports write them."""
    found: list[str] = []
    while node >= 0:
        found.append(printable(calltree.name_of(tree.functions[tree.function[node]])))
        node = tree.parent[node]
    return tuple(reversed(found))


# Folded stacks


def test_folded_stacks() -> None:
    assert "".join(export_tree.folded(TREE)) == (
        "Cart.view (shop/views.py:10) 1000\n"
        "Cart.view (shop/views.py:10);query (db/sql.py:30) 2000\n"
        "Cart.view (shop/views.py:10);query (db/sql.py:30);query (db/sql.py:30) 4000\n"
    )
    assert "".join(export_tree.folded(CallTree())) == ""


@given(merged_trees)
def test_folded_stacks_add_up_by_depth(tree: CallTree) -> None:
    expected: Counter[int] = Counter()
    for node, self_us in enumerate(tree.self_us):
        expected[len(names(tree, node))] += self_us
    found: Counter[int] = Counter()
    text = "".join(export_tree.folded(tree))
    for line in text.splitlines():
        stack, _, microseconds = line.rpartition(" ")
        found[stack.count(";") + 1] += int(microseconds)
    assert +found == +expected
    assert not set(text) & {"\0", "\x1b", "\r", "\u2028"}


def test_folded_stacks_of_a_deep_tree_come_bit_by_bit() -> None:
    chunks = list(export_tree.folded(merge([trees.chain(2_000)])))
    longest = 2_000 * len("walk (shop/walk.py:7);")
    assert max(map(len, chunks)) < CHUNK_CHARACTERS + longest
    assert min(map(len, chunks[:-1])) >= CHUNK_CHARACTERS
    assert [line.count(";") for line in "".join(chunks).splitlines()] == list(range(2_000))


# speedscope


def read_speedscope(text: str) -> Counter[tuple[str, ...]]:
    """Time by stack, as speedscope counts it: between two events, whatever is open."""
    file = json.loads(text)
    [profile] = file["profiles"]
    frames = [frame["name"] for frame in file["shared"]["frames"]]
    assert profile["type"] == "evented"
    found: Counter[tuple[str, ...]] = Counter()
    open_frames: list[int] = []
    before = profile["startValue"]
    for event in profile["events"]:
        assert event["at"] >= before
        found[tuple(frames[frame] for frame in open_frames)] += event["at"] - before
        before = event["at"]
        if event["type"] == "O":
            open_frames.append(event["frame"])
        else:
            assert open_frames.pop() == event["frame"]
    assert not open_frames
    assert profile["endValue"] == before
    return +found


@given(merged_trees)
def test_speedscope_shows_the_same_times(tree: CallTree) -> None:
    expected: Counter[tuple[str, ...]] = Counter()
    for node, self_us in enumerate(tree.self_us):
        expected[names(tree, node)] += self_us
    assert read_speedscope(export_tree.speedscope(tree, title="GET /")) == +expected


def test_speedscope_names_places() -> None:
    file = json.loads(export_tree.speedscope(TREE, title="GET /cart"))
    assert file["name"] == file["profiles"][0]["name"] == "GET /cart"
    assert file["profiles"][0]["unit"] == "microseconds"
    assert file["shared"]["frames"] == [
        {"name": "Cart.view", "file": "shop/views.py", "line": 10},
        {"name": "query", "file": "db/sql.py", "line": 30},
    ]


# pprof


@given(merged_trees)
def test_pprof_has_every_node(tree: CallTree) -> None:
    if sum(tree.self_us) >= 2**63:
        return
    expected = []
    for node, self_us in enumerate(tree.self_us):
        if self_us or tree.samples[node]:
            expected.append((names(tree, node), [tree.samples[node], self_us]))
    found = protobuf.profile(export_pprof.pprof(tree))
    assert expected == [
        (tuple(name for name, _file, _line in reversed(stack)), values) for stack, values in found.samples
    ]


def test_pprof_of_a_recording() -> None:
    at = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
    data = export.pprof({**SESSION, "start_time": at.timestamp()})
    found = protobuf.profile(data)
    assert found.sample_types == [("samples", "count"), ("wall", "microseconds")]
    assert found.default_type == "wall"
    assert found.samples[1] == ([("query", "db/sql.py", 30), ("Cart.view", "shop/views.py", 10)], [1, 2_000])
    assert (found.time_ns, found.duration_ns, found.period) == (
        int(at.timestamp()) * 10**9,
        7_000_000,
        1_000,
    )
    assert data == export.pprof({**SESSION, "start_time": at.timestamp()})


def test_pstats_of_nothing_load(tmp_path: Path) -> None:
    assert read_pstats(export.pstats(recorded.session([])), tmp_path).total_tt == 0


def test_pprof_of_nothing() -> None:
    assert protobuf.profile(export_pprof.pprof(CallTree())).samples == []


def test_pprof_of_a_time_that_has_no_nanoseconds() -> None:
    assert protobuf.profile(export.pprof({**SESSION, "start_time": 253_402_214_399.0})).time_ns == 0


def test_times_too_large_for_pprof_are_said_so() -> None:
    tree = merge([CallTree([Function("f", "", "", "", 1, False)], [-1], [0], [2**63], [], [1])])
    with pytest.raises(NotRenderable, match="too large"):
        export_pprof.pprof(tree)


# pstats


def read_pstats(data: bytes, tmp_path: Path) -> Any:
    (tmp_path / "file.pstats").write_bytes(data)
    return pstats.Stats(str(tmp_path / "file.pstats"), stream=StringIO())


def test_pstats_loads_what_a_recording_says(tmp_path: Path) -> None:
    found = read_pstats(export.pstats(SESSION), tmp_path)
    view = (f"{recorded.APP}shop/views.py", 10, "Cart.view")
    query = (f"{recorded.LIBRARY}db/sql.py", 30, "query")
    assert found.stats == {
        view: (3, 3, 0.001, 0.007, {}),
        # Twice on one stack: 3 calls, 2 of them not by itself.
        query: (2, 3, 0.006, 0.006, {view: (2, 2, 0.002, 0.006), query: (1, 1, 0.004, 0.004)}),
    }
    assert found.total_tt == pytest.approx(0.007)
    found.sort_stats("cumulative").print_stats()
    found.print_callers()
    found.print_callees()
    assert "views.py:10(Cart.view)" in found.stream.getvalue()


@given(merged_trees)
def test_pstats_add_up(tmp_path_factory: pytest.TempPathFactory, tree: CallTree) -> None:
    found = read_pstats(export_pstats.pstats(tree), tmp_path_factory.mktemp("pstats"))
    assert found.total_tt == pytest.approx(sum(tree.self_us) / 1e6)
    roots_us = sum(total for total, parent in zip(tree.total_us, tree.parent, strict=True) if parent < 0)
    for _calls, all_calls, own, total, callers in found.stats.values():
        assert own <= total * (1 + 1e-9) <= roots_us / 1e6 * (1 + 2e-9)
        assert sum(calls for calls, *_rest in callers.values()) <= all_calls


@pytest.mark.parametrize("format_name", ["pstats", "folded", "pprof"])
def test_recordings_of_any_depth(format_name: str) -> None:
    deep = recorded.session(
        [([recorded.own("walk")] * 10_000, 0.001), ([recorded.own("walk")] * 9_000, 0.001)]
    )
    content = export.FORMATS[format_name].render(deep)
    found = content if isinstance(content, bytes) else "".join(content).encode()
    assert b"walk" in (gzip.decompress(found) if format_name == "pprof" else found)


@pytest.mark.parametrize("format_name", ["pstats", "folded", "pprof"])
def test_recordings_too_large_for_a_tree_are_said_so(format_name: str) -> None:
    many = [[recorded.own(f"f{number}", f"a.py:{line}") for line in range(4_000)] for number in range(80)]
    with pytest.raises(NotRenderable, match="too large"):
        export.FORMATS[format_name].render(recorded.session([(stack, 0.001) for stack in many]))


@pytest.mark.parametrize("format_name", ["html", "speedscope", "text", "pstats", "folded", "pprof"])
def test_recordings_of_endless_names_are_said_so(format_name: str) -> None:
    """26,000 frames are few for a tree, but of 4,000 characters each they fill the memory."""
    many = [
        [recorded.own("f" * 4_000, f"a.py:{line}") for line in range(200 * n, 200 * n + 200)]
        for n in range(130)
    ]
    with pytest.raises(NotRenderable, match="too large"):
        export.FORMATS[format_name].render(recorded.session([(stack, 0.001) for stack in many]))


def test_large_recordings_that_repeat_are_small_trees() -> None:
    """Two stacks that take turns are too much for pyinstrument's trees, and little for ours."""
    stacks = [[recorded.own(name, f"a.py:{line}") for line in range(200)] for name in "ab"]
    session = recorded.session([(stack, 0.001) for stack in stacks])
    session["frame_records"] *= 1_000
    with pytest.raises(NotRenderable, match="too large"):
        export.speedscope(session)
    assert "".join(export.folded(session)).count("\n") == 2


def test_formats_of_a_merged_tree() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    formats = export_tree.formats(title="GET /cart", started_at=at)
    assert set(formats) == {"folded", "speedscope", "pprof"}
    small = prune(merge([TREE, TREE]), 2)
    contents = {name: chosen.render(small) for name, chosen in formats.items()}
    assert "".join(contents["folded"]) == (  # type: ignore[arg-type]
        "Cart.view (shop/views.py:10) 2000\nCart.view (shop/views.py:10);(small) 12000\n"
    )
    assert json.loads(contents["speedscope"])["name"] == "GET /cart"  # type: ignore[arg-type]
    assert isinstance(contents["pprof"], bytes)
    assert protobuf.profile(contents["pprof"]).time_ns == int(at.timestamp()) * 10**9


@pytest.mark.parametrize("name", ["a\nb 5", "a\x1b[2J", "a\u2028b", "a\x85b", "\0"])
def test_no_name_breaks_a_line_or_steers_a_terminal(name: str, tmp_path: Path) -> None:
    tree = merge([CallTree([Function(name, "", "", "a\nb.py", 1, False)], [-1], [0], [5], [], [1])])
    clean = printable(name)
    assert clean == clean.strip("\n\x1b\0\u2028\x85")
    assert "".join(export_tree.folded(tree)).splitlines() == [f"{clean} (a\ufffdb.py:1) 5"]
    assert read_speedscope(export_tree.speedscope(tree, title="")) == {(clean,): 5}
    assert clean in protobuf.profile(export_pprof.pprof(tree)).strings
    assert list(read_pstats(export_pstats.pstats(tree), tmp_path).stats) == [("a\ufffdb.py", 1, clean)]
