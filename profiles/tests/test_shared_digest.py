"""A digest whose functions are numbers says the same as one that stands for itself."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiles import function_times, shared_digest
from profiles.calltree import Function
from profiles.frame_book import Additions, Book
from profiles.function_times import FunctionTime
from profiles.recording import CorruptRecording

PAGE = b"x" * 12
names = st.sampled_from(["", "f", "g\n", "\x00", "订", "[await]"]) | st.text(max_size=5)
functions = st.builds(Function, names, names, st.just(""), names, st.just(0), st.booleans())
counts = st.integers(0, 86_400_000_000)
times = st.lists(
    st.builds(
        lambda function, own, below, n: FunctionTime(function, own, own + below, n),
        *(functions, counts),
        counts,
        counts,
    ),
    max_size=30,
    unique_by=lambda time: time.function,
)


def book_of(known: list[FunctionTime]) -> Book:
    additions = Additions(Book())
    for time in known:
        additions.add_digested(shared_digest.function_key(time.function))
    return Book().extended(additions.page())


@settings(max_examples=150, deadline=None, derandomize=True)
@given(times, times)
def test_any_digest_is_read_back_with_any_book(known: list[FunctionTime], own: list[FunctionTime]) -> None:
    whole = function_times.unpack_digest(function_times.pack_digest(own))
    for book in (Book(), book_of(known), book_of(known + own)):
        data = shared_digest.pack(whole, book, PAGE)
        assert shared_digest.unpack(data, {PAGE: book}.__getitem__) == whole


@settings(max_examples=100, deadline=None, derandomize=True)
@given(times, times, times)
def test_any_digest_is_read_back_with_every_later_book(
    known: list[FunctionTime], own: list[FunctionTime], later: list[FunctionTime]
) -> None:
    whole = function_times.unpack_digest(function_times.pack_digest(own))
    book = book_of(known)
    data = shared_digest.pack(whole, book, PAGE)
    additions = Additions(book)
    for time in (*later, *own):
        additions.add_digested(shared_digest.function_key(time.function))
    grown = book.extended(additions.page())
    assert shared_digest.unpack(data, lambda _page: grown) == whole


def test_known_functions_are_numbers_alone() -> None:
    known = [FunctionTime(Function(f"name{n}", "", "", "a.py", 0, False), n, 2 * n, 1) for n in range(50)]
    data = shared_digest.pack(known, book_of(known), PAGE)
    assert b"name" not in data
    assert len(data) < len(function_times.pack_digest(known)) / 1.5


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.binary(max_size=100))
def test_arbitrary_bytes_raise_one_error(data: bytes) -> None:
    for damaged in (data, shared_digest.FORMAT + data):
        with pytest.raises(CorruptRecording):
            shared_digest.unpack(damaged, lambda _page: Book())


WHOLE = shared_digest.pack([FunctionTime(Function("f", "A", "", "a.py", 0, True), 5, 9, 2)] * 1, Book(), PAGE)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.integers(1, len(WHOLE) - 1), st.integers(0, 255))
def test_damaged_digests_are_read_or_refused(place: int, byte: int) -> None:
    damaged = WHOLE[:place] + bytes([byte]) + WHOLE[place + 1 :]
    try:
        found = shared_digest.unpack(damaged, lambda _page: Book())
    except CorruptRecording:
        return
    assert all(isinstance(time, FunctionTime) for time in found)
