"""What is stored is what came, and it is small."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from profiles import blob
from profiles.recording import CorruptRecording, Table
from profiles.session_table import session_from_table, table_from_session
from profiles.tests import vectors
from profiles.tests.test_session_table import plain, records

CASES = vectors.load("sessions.json")


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_stored_session_is_read_back_unchanged(case: dict[str, Any]) -> None:
    packed = blob.pack(msgspec.convert(case["table"], Table))
    assert session_from_table(blob.unpack(packed)) == plain(case["session"])


lines = st.sampled_from(
    ["", "l7", "l07", "cThing\x01l7", "l7\x01h1", "cA\nB\x01l12", "l1234567890", "\x01l7", "l"]
)
frames = st.builds(
    lambda line, attributes: f"f\x00a.py\x00{line}" + (f"\x01{attributes}" if attributes else ""),
    st.integers(-5, 2**53),
    lines,
)


@given(records=records | st.lists(st.tuples(st.lists(frames, max_size=5), st.floats(0, 86400)), max_size=9))
def test_any_session_is_read_back_unchanged(records: list[Any]) -> None:
    session = plain({**CASES[3]["session"], "frame_records": records})
    assert session_from_table(blob.unpack(blob.pack(table_from_session(session)))) == session


def test_recorded_session_is_small() -> None:
    """A real recording of 40 samples with its interpreter's paths takes less than 30 bytes a sample."""
    table = msgspec.convert(CASES[0]["table"], Table)
    assert len(blob.pack(table)) < 40 * 35
    assert len(blob.pack(table)) < len(json.dumps(CASES[0]["session"])) / 15


def test_unknown_format_is_refused() -> None:
    for data in (b"", b"\x00", b"\x03anything"):
        with pytest.raises(CorruptRecording, match="unknown format"):
            blob.unpack(data)


@given(st.binary(max_size=300))
def test_arbitrary_bytes_raise_one_error(data: bytes) -> None:
    for damaged in (data, b"\x01" + data, b"\x01" + zstandard.compress(data)):
        with pytest.raises(CorruptRecording):
            blob.unpack(damaged)


PLAIN = zstandard.decompress(blob.pack(msgspec.convert(CASES[0]["table"], Table))[1:])


@given(st.integers(0, len(PLAIN) - 1), st.integers(0, 255))
def test_damaged_recordings_are_read_or_refused(place: int, byte: int) -> None:
    """What is read although a byte is wrong can be turned into stacks."""
    damaged = PLAIN[:place] + bytes([byte]) + PLAIN[place + 1 :]
    try:
        table = blob.unpack(b"\x01" + zstandard.compress(damaged))
    except CorruptRecording:
        return
    session_from_table(table)


def test_a_frame_that_says_it_is_huge_is_refused_before_memory_is_taken() -> None:
    says_2_to_the_40 = bytes.fromhex("28b52ffd") + b"\xe0" + (2**40).to_bytes(8, "little")
    with pytest.raises(CorruptRecording):
        blob.unpack(b"\x01" + says_2_to_the_40)
