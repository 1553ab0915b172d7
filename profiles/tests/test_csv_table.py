from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles import csv_table

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=20)


@given(rows=st.lists(st.tuples(TEXT, st.integers(), st.none() | st.floats(0, 1e9)), max_size=5))
def test_what_is_written_can_be_read(rows: list[tuple[str, int, float | None]]) -> None:
    text = csv_table.text(["name", "count", "time"], rows)
    assert text.startswith(csv_table.BYTE_ORDER_MARK)
    read = list(csv.reader(io.StringIO(text[1:], newline="")))
    assert read[0] == ["name", "count", "time"]
    for (name, count, time), cells in zip(rows, read[1:], strict=True):
        assert cells[0].removeprefix("'") == name.removeprefix("'")
        assert int(cells[1]) == count
        assert (float(cells[2]) if cells[2] else None) == time


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", '=HYPERLINK("http://x","y")'])
def test_no_cell_is_computed(name: str) -> None:
    read = list(csv.reader(io.StringIO(csv_table.text(["name"], [[name]])[1:])))
    assert read[1] == [f"'{name}"]


def test_negative_numbers_stay_numbers() -> None:
    assert csv_table.text(["change"], [[-1.5]]).splitlines()[1] == "-1.5"
