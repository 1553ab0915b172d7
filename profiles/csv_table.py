"""Tables as files for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

# Excel takes a file for UTF-8 only with this at its beginning.
BYTE_ORDER_MARK: Final = "\ufeff"
# A spreadsheet would compute a cell that begins so (OWASP, "CSV Injection").
COMPUTED: Final = ("=", "+", "-", "@", "\t", "\r")


def text(header: Sequence[str], rows: Iterable[Sequence[str | float | None]]) -> str:
    """The file (RFC 4180). Numbers have a point whatever the language; None is empty."""
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(header)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return BYTE_ORDER_MARK + written.getvalue()


def _cell(value: str | float | None) -> str | float:
    if value is None:
        return ""
    return f"'{value}" if isinstance(value, str) and value.startswith(COMPUTED) else value
