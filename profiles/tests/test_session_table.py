"""Both forms of a recording hold the same, to the last bit."""

from __future__ import annotations

import json
import struct
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles import recording
from profiles.frame import assemble, take_apart
from profiles.recording import Plain, Table
from profiles.session_table import session_from_table, table_from_session
from profiles.tests import vectors

CASES = vectors.load("sessions.json")


def plain(session: dict[str, Any]) -> Plain:
    return msgspec.convert(session, Plain)


def as_json(form: Plain | Table) -> Any:
    return json.loads(msgspec.json.encode(form))


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_vectors_both_ways(case: dict[str, Any]) -> None:
    table = table_from_session(plain(case["session"]))
    assert as_json(table) == case["table"]
    recording.check(table)
    back = session_from_table(msgspec.convert(case["table"], Table))
    assert as_json(back) == case["session"]
    assert list(back.as_dict()) == list(case["session"])


# Pieces from which every kind of frame comes up often: separators, digits, signs, names of synthetic frames.
frames = st.lists(
    st.sampled_from([*"\x00\x0110-f _订", "a.py", "l7", "cThing", "[await]", "9" * 17]),
    max_size=9,
).map("".join)
seconds = st.floats(min_value=0, max_value=86400)
records = st.lists(st.tuples(st.lists(frames, max_size=6), seconds), max_size=12)


@given(records=records, start=st.lists(frames, min_size=1, max_size=3))
def test_any_recording_comes_back_unchanged(records: list[Any], start: list[str]) -> None:
    before = Plain(
        start_time=1.5,
        duration=0.1,
        min_interval=0.001,
        max_interval=0.001,
        sample_count=len(records),
        start_call_stack=start,
        target_description="",
        cpu_time=0.2,
        sys_path=[],
        sys_prefixes=[],
        frame_records=records,
    )
    after = session_from_table(table_from_session(before))
    assert after == before
    assert bits(after) == bits(before)


def bits(form: Plain) -> list[bytes]:
    return [struct.pack("<d", record[1]) for record in form.frame_records]


@given(frames)
def test_a_frame_taken_apart_is_put_together_unchanged(text: str) -> None:
    parts = take_apart(text)
    assert parts is None or assemble(parts) == text


@pytest.mark.long
@pytest.mark.parametrize(
    "stacks", [[[f"x{n}", *["f"] * 4_999] for n in range(101)], [[f"f{n}"] for n in range(500_001)]]
)
def test_more_distinct_nodes_or_frames_than_a_column_holds(stacks: list[list[str]]) -> None:
    many = plain({**CASES[0]["session"], "frame_records": []})
    many.frame_records = [(stack, 0.001) for stack in stacks]
    with pytest.raises(recording.InvalidRecording, match="over 500000"):
        table_from_session(many)
