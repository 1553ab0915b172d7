"""Database statements and outbound calls of a record: how many, from which function, and how long in all."""

from __future__ import annotations

from types import CodeType
from typing import Optional

MAX_ROWS = 500  # as on the wire
_MAX_NAMED = MAX_ROWS - 2  # the rest is for (other), one a type
OTHER = "(other)"

DATABASE, HTTP = "db", "http"

# Type, id of the calling function's code (0: unknown), shape. To hash the code itself takes longer; the tally
# holds it, so that no other code gets its id.
Key = tuple[str, int, str]
Row = tuple[str, Optional[CodeType], str, int, int]


class Tally:
    """How often, and how long in all."""

    __slots__ = ("code", "count", "fingerprint", "total_ns")

    def __init__(self, code: CodeType | None, fingerprint: str) -> None:
        self.code = code  # of the calling function
        self.fingerprint = fingerprint  # what is sent of the shape
        self.count = 0
        self.total_ns = 0


Counters = dict[Key, Tally]


def new_tally(counters: Counters, key: Key, code: CodeType | None, fingerprint: str) -> Tally:
    """A tally for a key that has none yet; once there are too many, that of `(other)`."""
    if len(counters) >= _MAX_NAMED:
        key, code, fingerprint = (key[0], 0, OTHER), None, OTHER
    # Threads may work for one record at once.
    return counters.setdefault(key, Tally(code, fingerprint))


def merge(into: Counters, counters: Counters) -> None:
    """Add the counts and times of one record to those of a minute."""
    # A copy: a thread that outlives the record may still add to it.
    for key, found in list(counters.items()):
        place = into.get(key) or new_tally(into, key, found.code, found.fingerprint)
        place.count += found.count
        place.total_ns += found.total_ns


def rows(counters: Counters) -> list[Row]:
    """(type, code of the calling function or None, fingerprint, count, total_us) of each."""
    return [
        (kind, found.code, found.fingerprint, found.count, found.total_ns // 1000)
        for (kind, _, _), found in list(counters.items())
    ]
