"""Recordings that share frames are read back as they were, and nothing else is read at all."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles import blob, shared_blob
from profiles.frame_book import Additions, Book
from profiles.recording import CorruptRecording, Plain, Table
from profiles.session_table import session_from_table, table_from_session
from profiles.tests import recorded, vectors
from profiles.tests.test_blob import frames
from profiles.tests.test_session_table import bits, plain, records

CASES = vectors.load("sessions.json")
PAGE = b"x" * 12
any_records = records | st.lists(st.tuples(st.lists(frames, max_size=5), st.floats(0, 86_400)), max_size=9)


def session(records: Any) -> Plain:
    return plain({**CASES[3]["session"], "frame_records": records, "sample_count": len(records)})


def book_of(*tables: Table, book: Book | None = None) -> Book:
    """A book of what these recordings have, behind what is in a book."""
    before = book or Book()
    additions = Additions(before)
    for table in tables:
        additions.add(table)
    return before.extended(additions.page())


def read_with(book: Book, data: bytes) -> Table:
    return blob.unpack(data, lambda page: book if page == PAGE else blob.no_book(page))


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_vectors_with_and_without_a_book(case: dict[str, Any]) -> None:
    table = msgspec.convert(case["table"], Table)
    others = book_of(*(msgspec.convert(other["table"], Table) for other in CASES if other is not case))
    canonical = table_from_session(plain(case["session"]))
    assert blob.unpack(shared_blob.pack(table, Book())) == canonical
    for book in (others, book_of(table), book_of(table, book=others)):
        assert read_with(book, shared_blob.pack(table, book, PAGE)) == canonical


@given(any_records, any_records, any_records)
def test_any_recording_is_read_back_with_any_book_and_every_later_one(
    known: Any, own: Any, later: Any
) -> None:
    before = session(own)
    table = table_from_session(before)
    book = book_of(table_from_session(session(known)))
    data = shared_blob.pack(table, book, PAGE)
    after = session_from_table(read_with(book, data))
    assert after == before
    assert bits(after) == bits(before)
    grown = book_of(table_from_session(session(later)), table, book=book)
    assert read_with(grown, shared_blob.pack(table, grown, PAGE)) == table


def test_table_with_unused_rows_in_an_order_of_its_own() -> None:
    """Other SDKs may number as they like; the session is the same."""
    table = msgspec.convert(CASES[0]["table"], Table)
    strings = ["unused", *reversed(table.strings)]
    place = {text: number for number, text in enumerate(strings)}
    moved = [
        place[table.strings[frame]]
        if isinstance(frame, int)
        else (
            *(place[table.strings[number]] for number in frame[:2]),
            frame[2],
            place[table.strings[frame[3]]],
        )
        for frame in table.frames
    ]
    odd = msgspec.structs.replace(table, strings=strings, frames=[*moved, (0, 0, 1, 0)])
    odd = msgspec.structs.replace(odd, nodes=[*odd.nodes, (-1, len(moved))])
    book = book_of(odd)
    assert read_with(book, shared_blob.pack(odd, book, PAGE)) == table_from_session(session_from_table(table))


def test_stack_of_10_000_frames() -> None:
    deep = [f"recurse\0/srv/a.py\0{number % 7}\x01l{number}" for number in range(10_000)]
    # The wire takes half of it; packing has no bound of its own.
    plain_form = msgspec.structs.replace(session([]), frame_records=[(deep, 0.001), (deep[:-1], 0.002)])
    table = table_from_session(plain_form)
    book = book_of(table)
    assert read_with(book, shared_blob.pack(table, book, PAGE)) == table
    assert blob.unpack(shared_blob.pack(table, Book())) == table


def test_100_000_samples() -> None:
    stacks = [[f"f{depth}\0/srv/a.py\0{number}" for depth in range(3)] for number in range(50)]
    table = table_from_session(session([(stacks[n * n % 50], n % 977 / 1e6) for n in range(100_000)]))
    data = shared_blob.pack(table, Book())
    assert blob.unpack(data) == table
    assert len(data) < 300_000


def test_recording_of_known_stacks_holds_samples_and_times_alone() -> None:
    table = msgspec.convert(CASES[0]["table"], Table)
    book = book_of(table)
    data = shared_blob.pack(table, book, PAGE)
    assert len(data) < len(blob.pack(table)) / 2
    assert b"\0" + CASES[0]["table"]["strings"][0].encode() not in data
    assert shared_blob.page_of(data) == PAGE


def test_what_is_lost_is_said_by_one_error() -> None:
    table = msgspec.convert(CASES[0]["table"], Table)
    data = shared_blob.pack(table, book_of(table), PAGE)
    with pytest.raises(CorruptRecording):
        blob.unpack(data)
    with pytest.raises(CorruptRecording):
        read_with(Book(), data)


@given(st.binary(max_size=300))
def test_arbitrary_bytes_raise_one_error(data: bytes) -> None:
    with pytest.raises(CorruptRecording):
        blob.unpack(b"\x02" + data)
    for page in (data, b"\x01" + data):
        with pytest.raises(CorruptRecording):
            Book().extended(page)


SHOP = table_from_session(
    msgspec.convert(
        recorded.session([((recorded.own("a"), recorded.library(f"b{n % 3}")), n / 1e3) for n in range(9)]),
        Plain,
    )
)
WHOLE = shared_blob.pack(SHOP, Book())


@given(st.integers(1, len(WHOLE) - 1), st.integers(0, 255))
def test_damaged_recordings_are_read_or_refused(place: int, byte: int) -> None:
    """What is read although a byte is wrong can be turned into stacks."""
    try:
        table = blob.unpack(WHOLE[:place] + bytes([byte]) + WHOLE[place + 1 :])
    except CorruptRecording:
        return
    session_from_table(table)


@pytest.mark.parametrize("end", range(1, len(WHOLE), 7))
def test_recording_that_is_cut_off(end: int) -> None:
    with pytest.raises(CorruptRecording):
        blob.unpack(WHOLE[:end])
