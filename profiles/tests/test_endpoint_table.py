from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles import histogram
from profiles.endpoint_table import Column, arranged, found
from profiles.rollup import ClassTotals, EndpointKey, Rollup
from profiles.trends import EndpointRow

START = datetime(2026, 11, 24, tzinfo=UTC)


def row(
    route: str, *durations: int, errors: int = 0, engine: str = "sampler", method: str = "GET"
) -> EndpointRow:
    lanes = histogram.lanes([(histogram.index(us), 1) for us in set(durations)])
    totals = ClassTotals(len(durations), sum(durations), lanes)
    rollup = Rollup(max(1, len(durations)), errors, {engine: totals} if durations else {})
    return EndpointRow.of(EndpointKey("request", method, route), [(START, rollup)])


ROWS = [
    row("/b", 10_000, 20_000, errors=1),
    row("/C", 900_000),
    row("/a", 1_000, 2_000, 3_000),
    row("/slowed", 5_000_000, engine="pyinstrument"),
]


def names(rows: list[EndpointRow]) -> list[str]:
    return [row.endpoint.route for row in rows]


@pytest.mark.parametrize(
    ("column", "descending"),
    [
        (Column.NAME, ["/slowed", "/C", "/b", "/a"]),
        (Column.COUNT, ["/a", "/b", "/C", "/slowed"]),
        (Column.P50, ["/C", "/b", "/a", "/slowed"]),
        (Column.P95, ["/C", "/b", "/a", "/slowed"]),
        (Column.P99, ["/C", "/b", "/a", "/slowed"]),
        (Column.ERRORS, ["/b", "/a", "/C", "/slowed"]),
        (Column.TIME, ["/C", "/b", "/a", "/slowed"]),
    ],
)
def test_every_column_sorts(column: Column, descending: list[str]) -> None:
    assert names(arranged(ROWS, column, ascending=False)) == descending


def test_what_was_not_timed_comes_last_either_way() -> None:
    assert names(arranged(ROWS, Column.P95, ascending=True)) == ["/a", "/b", "/C", "/slowed"]
    assert names(arranged(ROWS, Column.NAME, ascending=True)) == ["/a", "/b", "/C", "/slowed"]


@given(order=st.permutations(ROWS), column=st.sampled_from(Column), ascending=st.booleans())
def test_an_order_is_the_same_whatever_it_is_made_of(
    order: list[EndpointRow], column: Column, ascending: bool
) -> None:
    assert arranged(order, column, ascending=ascending) == arranged(ROWS, column, ascending=ascending)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", ["/b", "/C", "/a", "/slowed"]), ("/c", ["/C"]), ("  /A ", ["/a"]), ("get /b", ["/b"]), ("x", [])],
)
def test_a_text_is_looked_for_in_method_and_route(text: str, expected: list[str]) -> None:
    assert names(found(ROWS, text)) == expected


def test_names_in_any_script_are_found() -> None:
    rows = [row("/商品/<int:id>"), row("/STRASSE"), row("/straße")]
    assert names(found(rows, "商品")) == ["/商品/<int:id>"]
    assert names(found(rows, "strasse")) == ["/STRASSE", "/straße"]
