"""Tables as files for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from profiles.file_format import in_chunks

# Excel takes a file for UTF-8 only with this at its beginning.
BYTE_ORDER_MARK: Final = "\ufeff"
# A spreadsheet would compute a cell that begins so (OWASP, "CSV Injection").
COMPUTED: Final = ("=", "+", "-", "@", "\t", "\r")


def text(header: Sequence[str], rows: Iterable[Sequence[str | float | None]]) -> str:
    """The file (RFC 4180). Numbers have a point whatever the language; None is empty."""
    return "".join(stream(header, rows))


def stream(header: Sequence[str], rows: Iterable[Sequence[str | float | None]]) -> Iterator[str]:
    """The same file in pieces, so that long ones need not be in memory."""
    yield BYTE_ORDER_MARK
    yield from in_chunks(_lines([header]))
    yield from in_chunks(_lines(rows))


def _lines(rows: Iterable[Sequence[str | float | None]]) -> Iterator[str]:
    written = io.StringIO()
    writer = csv.writer(written)
    for row in rows:
        writer.writerow([_cell(value) for value in row])
        yield written.getvalue()
        written.seek(0)
        written.truncate()


def _cell(value: str | float | None) -> str | float:
    if value is None:
        return ""
    return f"'{value}" if isinstance(value, str) and value.startswith(COMPUTED) else value
