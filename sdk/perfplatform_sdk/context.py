"""Which record this context works for."""

from __future__ import annotations

from contextvars import Context, ContextVar
from typing import Any

current: ContextVar[Any] = ContextVar("perfplatform_record", default=None)


def innermost(record: Any) -> Any:
    """The record itself, or the nearest around it that is still under way; None where there is none."""
    while record is not None and record.ended:
        record = record.outer
    return record


def outermost(record: Any) -> Any:
    """The record whose recording shows this one."""
    while record is not None and record.outer is not None:
        record = record.outer
    return record


def record_in(context: Context) -> Any:
    """The record that another context works for, the outermost."""
    return outermost(innermost(context.get(current)))
