"""A table of endpoints: which rows, in which order. No Django here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Final

from profiles.trends import EndpointRow


class Column(StrEnum):
    """What the table can be sorted by; a name in addresses."""

    NAME = "name"
    COUNT = "count"
    P50 = "p50"
    P95 = "p95"
    P99 = "p99"
    ERRORS = "errors"
    TIME = "time"

    @property
    def starts_ascending(self) -> bool:
        """Names begin with A, numbers with the greatest."""
        return self is Column.NAME


_VALUES: Final[dict[Column, Callable[[EndpointRow], float | None]]] = {
    Column.COUNT: lambda row: row.measured.count,
    Column.P50: lambda row: row.measured.p50_us,
    Column.P95: lambda row: row.measured.p95_us,
    Column.P99: lambda row: row.measured.p99_us,
    Column.ERRORS: lambda row: row.measured.error_rate,
    Column.TIME: lambda row: row.measured.sum_us,
}


def found(rows: Iterable[EndpointRow], text: str) -> list[EndpointRow]:
    """Rows whose method and route hold a text, whatever the case."""
    wanted = text.casefold().strip()
    return [row for row in rows if wanted in f"{row.endpoint.method} {row.endpoint.route}".casefold()]


def arranged(rows: Iterable[EndpointRow], column: Column, *, ascending: bool) -> list[EndpointRow]:
    """Rows in an order; those without a value come last, and equal ones are in the order of their names."""
    by_name = sorted(rows, key=lambda row: (row.endpoint.route.casefold(), row.endpoint))
    if column is Column.NAME:
        return by_name if ascending else by_name[::-1]
    value_of = _VALUES[column]
    known = [(value, row) for row in by_name if (value := value_of(row)) is not None]
    unknown = [row for row in by_name if value_of(row) is None]
    known.sort(key=lambda pair: pair[0] if ascending else -pair[0])
    return [*(row for _value, row in known), *unknown]
