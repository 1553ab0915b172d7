"""Which endpoints are recorded: route patterns with `*` for any characters."""

from __future__ import annotations

from collections.abc import Sequence


def is_wanted(include: Sequence[str], exclude: Sequence[str], *, method: str, name: str) -> bool:
    """Whether an endpoint is among the included ones (all, where none are named) and not excluded.

    A pattern is held against `METHOD /route` and against `/route`; tasks and calls have a name alone.
    """
    subjects = (name, f"{method} {name}")
    if any(matches(pattern, subject) for pattern in exclude for subject in subjects):
        return False
    return not include or any(matches(pattern, subject) for pattern in include for subject in subjects)


def matches(pattern: str, subject: str) -> bool:
    """Whether the whole subject is as the pattern says. Takes linear time, unlike a regular expression."""
    first, *rest = pattern.split("*")
    if not rest:
        return pattern == subject
    last = rest.pop()
    if not subject.startswith(first) or not subject.endswith(last):
        return False
    place, end = len(first), len(subject) - len(last)
    for piece in rest:
        place = subject.find(piece, place, end)
        if place < 0:
            return False
        place += len(piece)
    return place <= end
