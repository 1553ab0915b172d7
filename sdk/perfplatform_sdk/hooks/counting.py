"""What a hook does when a statement or a call is done: count it for the records that are under way."""

from __future__ import annotations

from typing import Any, Callable

from perfplatform_sdk import caller
from perfplatform_sdk.context import current
from perfplatform_sdk.counters import new_tally
from perfplatform_sdk.fingerprint import conceal
from perfplatform_sdk.recorder import Record, count_error

_readable = False


def show_shapes(readable: bool) -> None:  # noqa: FBT001 - the setting `statement_shapes`
    """Whether readable shapes leave the process; otherwise it is their first word and a hash."""
    global _readable
    _readable = readable


def count(kind: str, duration_ns: int, shape_of: Callable[..., str], *what: Any) -> None:
    """Count one statement (`db`) or outbound call (`http`) of the record that this context works for.

    `shape_of(*what)` gives its shape, which is without literals (fingerprint.py). Raises nothing.
    """
    try:
        record: Record | None = current.get()
        while record is not None and record.ended:
            record = record.outer
        if record is None:
            return
        shape = shape_of(*what)
        code = caller.find(shape)
        key = (kind, 0 if code is None else id(code), shape)
        # What a call of @profile does in a request is part of the request.
        while record is not None:
            counters = record.counters
            if counters is None:
                counters = record.counters = {}
            tally = counters.get(key)
            if tally is None:
                tally = new_tally(counters, key, code, shape if _readable else conceal(shape))
            tally.count += 1
            tally.total_ns += duration_ns
            record = record.outer
    except Exception:  # noqa: BLE001 - the border to the app
        count_error()
