"""Files of real pyinstruments, of the past and of now, and hostile ones."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyinstrument import Profiler
from pyinstrument.session import Session

from profiles import calltree, export, pyisession
from profiles.pyisession import Problem, UnusableFile
from profiles.session_table import session_from_table

FILES = Path(__file__).parent / "pyisessions"
LATEST = 2_000_000_000.0
FRAME = "main\x00/srv/app/main.py\x001"


def old(**changes: Any) -> dict[str, Any]:
    """A session in the layout of pyinstrument 4.0."""
    return {
        "frame_records": [[[FRAME, "work\x00/srv/app/main.py\x009"], 0.25], [[FRAME], 0.5]],
        "start_time": 1_650_000_000.5,
        "duration": 0.75,
        "sample_count": 2,
        "start_call_stack": [FRAME],
        "program": "main.py --fast",
        "cpu_time": 0.7,
        **changes,
    }


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in old().items() if name not in names}


def problem_of(content: Any) -> Problem:
    sent = content if isinstance(content, bytes) else json.dumps(content).encode()
    with pytest.raises(UnusableFile) as caught:
        pyisession.read(sent, latest_start=LATEST)
    return caught.value.problem


def busy() -> None:
    until = time.perf_counter() + 0.02
    while time.perf_counter() < until:
        sum(range(100))


def test_file_of_the_pyinstrument_of_today(tmp_path: Path) -> None:
    profiler = Profiler(interval=0.002)
    profiler.start()
    busy()
    session = profiler.stop()
    session.save(tmp_path / "now.pyisession")
    table, written_by = pyisession.read((tmp_path / "now.pyisession").read_bytes(), latest_start=LATEST)
    plain = session_from_table(table).as_dict()
    assert written_by == "5"
    assert json.loads(json.dumps(plain)) == json.loads(json.dumps(session.to_json()))


@pytest.mark.parametrize("name", ["4.0.4", "4.4.0", "4.5.3", "4.7.3"])
def test_files_that_old_pyinstruments_wrote(name: str) -> None:
    content = (FILES / f"pyinstrument-{name}.pyisession").read_bytes()
    saved = json.loads(content)
    table, written_by = pyisession.read(content, latest_start=LATEST)
    plain = session_from_table(table).as_dict()
    assert written_by == "4"
    for field in ("start_time", "duration", "sample_count", "start_call_stack", "cpu_time"):
        assert plain[field] == saved[field], field
    assert plain["target_description"] == saved.get("program", saved.get("target_description"))
    assert [[list(stack), seconds] for stack, seconds in plain["frame_records"]] == saved["frame_records"]
    # The pyinstrument of today renders it, and so do our pages.
    assert Session.from_json(plain).root_frame() is not None
    assert "price_of" in export.text(plain)
    tree = calltree.from_session(plain)
    assert any(function.name == "price_of" for function in tree.functions)


def test_old_layout_is_filled_in() -> None:
    table, written_by = pyisession.read(json.dumps(old(cpu_time=None)).encode(), latest_start=LATEST)
    assert written_by == "4"
    assert (table.min_interval, table.max_interval, table.cpu_time) == (0.001, 0.001, 0.0)
    assert (table.target_description, table.sys_path, table.sys_prefixes) == ("main.py --fast", [], [])


def test_no_stack_at_the_start_is_filled_in() -> None:
    table, _ = pyisession.read(json.dumps(old(start_call_stack=[])).encode(), latest_start=LATEST)
    assert session_from_table(table).start_call_stack == ["<thread>\x00\x000"]


def test_file_without_samples_is_one() -> None:
    table, _ = pyisession.read(json.dumps(old(frame_records=[])).encode(), latest_start=LATEST)
    assert table.samples == []


def test_hundred_thousand_samples() -> None:
    records = [[[FRAME], 0.001]] * 100_000
    sent = json.dumps(old(frame_records=records, duration=100.0)).encode()
    assert len(pyisession.read(sent, latest_start=LATEST).table.samples) == 100_000


def nested(depth: int) -> bytes:
    return b'{"frame_records": ' + b"[" * depth + b"]" * depth + b"}"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", Problem.EMPTY),
        (b" \n", Problem.EMPTY),
        (b"not JSON", Problem.NOT_JSON),
        (b"\x89PNG\r\n\x1a\n", Problem.NOT_JSON),
        (json.dumps(old()).encode()[:-9], Problem.NOT_JSON),
        (json.dumps(old(duration=float("nan"))).encode(), Problem.NOT_A_NUMBER),
        (json.dumps(old(duration=float("inf"))).encode(), Problem.NOT_A_NUMBER),
        (json.dumps(old(frame_records=[[[FRAME], float("-inf")]])).encode(), Problem.NOT_A_NUMBER),
        (old(duration=1e308), Problem.TOO_LONG),
        (json.dumps(old()).replace("0.75", "1e999").encode(), Problem.NOT_A_NUMBER),
        (b"[]", Problem.NOT_A_SESSION),
        (b"null", Problem.NOT_A_SESSION),
        (b"{}", Problem.NOT_A_SESSION),
        (without("frame_records"), Problem.NOT_A_SESSION),
        (without("start_time"), Problem.NOT_A_SESSION),
        (nested(10_000), Problem.DAMAGED),
        (old(duration=-1), Problem.NEGATIVE),
        (old(frame_records=[[[FRAME], -0.1]]), Problem.NEGATIVE),
        (old(cpu_time=-1), Problem.NEGATIVE),
        (old(duration=86_401), Problem.TOO_LONG),
        (old(frame_records=[[[FRAME] * 10_000, 0.1]]), Problem.TOO_DEEP),
        (old(frame_records=[[["f"] * 5_000, 0.1]] * 401), Problem.TOO_MANY_SAMPLES),
        (old(frame_records=[[[], 0.1]] * 500_001), Problem.TOO_MANY_SAMPLES),
        (old(frame_records=[[[f"x{n}", *["f"] * 4_999], 0.1] for n in range(101)]), Problem.TOO_MANY_SAMPLES),
        (old(frame_records=[[["f" * 2**20], 0.1]]), Problem.NAME_TOO_LONG),
        (old(frame_records=[[[FRAME]]]), Problem.DAMAGED),
        (old(frame_records=[[[FRAME, 7], 0.1]]), Problem.DAMAGED),
        (old(frame_records={"a": 1}), Problem.DAMAGED),
        (old(frame_records=[[["f\x00f.py\x00no number"], 0.1]]), Problem.DAMAGED),
        (old(frame_records=[[["[self]", FRAME], 0.1]]), Problem.DAMAGED),
        (old(frame_records=[[["f\x00\x00\x00f\x001"], 0.1]]), Problem.DAMAGED),
        (old(frame_records=[[["\x00\x00"], 0.1]]), Problem.DAMAGED),
        (old(sample_count="many"), Problem.DAMAGED),
        (old(start_time=0), Problem.START_UNKNOWN),
        (old(start_time=-5e9), Problem.START_UNKNOWN),
        (old(start_time=LATEST + 1), Problem.START_IN_FUTURE),
        (old(start_time=1e300), Problem.START_IN_FUTURE),
        (json.dumps(old()).replace("work", "\\ud800").encode(), Problem.NOT_UNICODE),
        (json.dumps(old()).encode().replace(b"work", b"\xff\xfe"), Problem.NOT_UNICODE),
        (b" " * (pyisession.LARGEST_FILE_BYTES + 1), Problem.TOO_LARGE),
    ],
)
def test_hostile_files_are_refused_by_what_is_wrong(content: Any, problem: Problem) -> None:
    assert problem_of(content) == problem


@pytest.mark.parametrize("name", ["\x00", "\x01", "", "日本\x00a\x001", "\x01l1\x01", "f\x00f.py\x001\x01"])
def test_odd_names_are_kept_as_they_are(name: str) -> None:
    sent = json.dumps(old(frame_records=[[[FRAME, name], 0.1]])).encode()
    table, _ = pyisession.read(sent, latest_start=LATEST)
    assert session_from_table(table).frame_records[0][0][1] == name
    assert export.text(session_from_table(table).as_dict())


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_or_read(content: bytes) -> None:
    with pytest.raises(UnusableFile):
        pyisession.read(content, latest_start=LATEST)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(old())), json_values)
def test_any_value_of_any_field_is_refused_or_renders(name: str, value: Any) -> None:
    try:
        sent = msgspec.json.encode(old(**{name: value}))
    except (UnicodeEncodeError, OverflowError):
        return
    try:
        table, _ = pyisession.read(sent, latest_start=LATEST)
    except UnusableFile:
        return
    assert export.text(session_from_table(table).as_dict())
