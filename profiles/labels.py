"""What is unusual about a profile, as words that one index finds it by.

Most profiles are random samples of requests that succeeded: these have no label and cost the index nothing.
So one index, of the rare ones alone, answers seven filters.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

FAILED: Final = "failed"
# What a profile without a label is.
USUAL_KIND: Final = "request"
USUAL_STATUS: Final = 200
USUAL_TRIGGER: Final = "sampled"


def labels(profile: Mapping[str, Any]) -> list[str]:
    """The labels of a profile as it is stored, in a fixed order."""
    found = [FAILED] if profile["is_error"] else []
    if profile["kind"] != USUAL_KIND:
        found.append(of_kind(profile["kind"]))
    if profile["status"] not in (None, USUAL_STATUS):
        found.append(of_status(profile["status"]))
    if profile["error_type"]:
        found.append(of_exception(profile["error_type"]))
    if profile["trigger"] != USUAL_TRIGGER:
        found.append(of_trigger(profile["trigger"]))
    if profile["trace_id"]:
        found.append(of_trace(profile["trace_id"]))
    return [*found, *(of_tag(f"{name}={value}") for name, value in sorted(profile["tags"].items()))]


def of_kind(kind: str) -> str:
    return f"kind:{kind}"


def of_status(status: int) -> str:
    return f"status:{status}"


def of_exception(name: str) -> str:
    return f"exception:{name}"


def of_trigger(trigger: str) -> str:
    return f"trigger:{trigger}"


def of_trace(trace_id: str) -> str:
    return f"trace:{trace_id}"


def of_tag(text: str) -> str:
    """`text` is `name=value`."""
    return f"tag:{text}"
