"""What the hooks counted for a piece of code that runs as a request."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import pytest

from perfplatform_sdk.counters import rows
from perfplatform_sdk.recorder import Record, begin


class Count(NamedTuple):
    kind: str
    caller: str  # name of the calling function, empty where unknown
    fingerprint: str
    count: int


class Counts:
    """Filled when the request is over."""

    def __init__(self) -> None:
        self.rows: list[Count] = []
        self.times_us: dict[str, int] = {}  # by fingerprint

    def shapes(self) -> list[tuple[str, int]]:
        return [(row.fingerprint, row.count) for row in self.rows]


@contextmanager
def a_request() -> Iterator[Counts]:
    """Everything in the block is one request."""
    counts = Counts()
    record = begin("request", "GET")
    assert record is not None
    try:
        yield counts
    finally:
        read(record, counts)
        record.end()


def read(record: Record, counts: Counts) -> None:
    for kind, code, fingerprint, count, total_us in rows(record.counters or {}):
        counts.rows.append(Count(kind, code.co_name if code else "", fingerprint, count))
        counts.times_us[fingerprint] = counts.times_us.get(fingerprint, 0) + total_us


def server_address(variable: str) -> str:
    """The address of a real server, from the environment."""
    address = os.environ.get(variable, "")
    if not address:
        pytest.fail(f"{variable} is not set: `./dev test` starts the servers that these tests need")
    return address
