"""A call tree as other tools read it: merged ones, and those of recordings. All iterative."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final

from profiles import export_pprof
from profiles.calltree import CallTree, Function, name_of, place_of
from profiles.file_format import Format, NotRenderable, in_chunks, printable

# A line repeats its whole stack: with the longest names a small tree would become gigabytes.
MOST_FOLDED_CHARACTERS: Final = 100_000_000
# The separator of stacks has no escape in this format; its own collapsers write a colon.
_SEMICOLON: Final = str.maketrans(";", ":")


def folded(tree: CallTree) -> Iterator[str]:
    """Write lines `caller;callee microseconds`, one for each node with time of its own, root first.

    The format of https://github.com/brendangregg/FlameGraph, in which nothing can be escaped: a semicolon
    becomes a colon, what would end the line or steer a terminal a replacement character.
    Raises NotRenderable.
    """
    labels = [printable(_label(function)).translate(_SEMICOLON) for function in tree.functions]
    if _folded_characters(tree, labels) > MOST_FOLDED_CHARACTERS:
        raise NotRenderable("The names and stacks are too long for this format. Choose another one.")
    return in_chunks(_folded_lines(tree, labels))


def speedscope(tree: CallTree, *, title: str) -> str:
    """Write the JSON of https://www.speedscope.app/file-format-schema.json, with one evented profile.

    Functions open and close in the tree's order, the time of their own behind what they call.
    """
    events: list[dict[str, Any]] = []
    path: list[int] = []
    now_us = 0

    def close() -> None:
        nonlocal now_us
        node = path.pop()
        now_us += tree.self_us[node]
        events.append({"type": "C", "frame": tree.function[node], "at": now_us})

    for node, parent in enumerate(tree.parent):
        while path and path[-1] != parent:
            close()
        path.append(node)
        events.append({"type": "O", "frame": tree.function[node], "at": now_us})
    while path:
        close()
    profile = {
        "type": "evented",
        "name": title,
        "unit": "microseconds",
        "startValue": 0,
        "endValue": now_us,
        "events": events,
    }
    return json.dumps(
        {
            "$schema": "https://www.speedscope.app/file-format-schema.json",
            "exporter": "perfplatform",
            "name": title,
            "activeProfileIndex": 0,
            "shared": {"frames": [_speedscope_frame(function) for function in tree.functions]},
            "profiles": [profile],
        },
        separators=(",", ":"),
    )


def formats(*, title: str, started_at: datetime | None = None) -> Mapping[str, Format[CallTree]]:
    """The formats of a merged tree; `title` says of what, `started_at` since when."""
    return {
        "speedscope": Format(partial(speedscope, title=title), "application/octet-stream", "speedscope.json"),
        "folded": FOLDED,
        "pprof": Format(
            partial(export_pprof.pprof, started_at=started_at), "application/octet-stream", "pb.gz"
        ),
    }


def _folded_characters(tree: CallTree, labels: Sequence[str]) -> int:
    """How long the stacks of all lines are together."""
    lengths, whole = [0], 0
    for parent, function, self_us in zip(tree.parent, tree.function, tree.self_us, strict=True):
        lengths.append(lengths[parent + 1] + len(labels[function]) + 1)
        whole += lengths[-1] if self_us else 0
    return whole


def _folded_lines(tree: CallTree, labels: Sequence[str]) -> Iterator[str]:
    path: list[int] = []
    stack: list[str] = []
    for node, parent in enumerate(tree.parent):
        while path and path[-1] != parent:
            path.pop()
            stack.pop()
        path.append(node)
        stack.append(labels[tree.function[node]])
        if tree.self_us[node]:
            yield f"{';'.join(stack)} {tree.self_us[node]}\n"


def _label(function: Function) -> str:
    place = place_of(function)
    name = name_of(function) or "(no name)"
    return f"{name} ({place})" if place else name


def _speedscope_frame(function: Function) -> dict[str, Any]:
    frame: dict[str, Any] = {"name": printable(name_of(function))}
    if function.short_file:
        frame["file"] = printable(function.short_file)
    if function.line > 0:
        frame["line"] = function.line
    return frame


FOLDED: Final = Format(folded, "text/plain; charset=utf-8", "folded.txt")
