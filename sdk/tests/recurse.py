"""Recurses to the limit again and again, recorded; prints the least depth reached and the samples taken.

Before them the depth under a profile function that does nothing: on 3.11 and 3.12 any profile function makes
calls through slots (`__getattr__`, `key=`) take more of the stack.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import suppress
from typing import Any, Callable

from perfplatform_sdk.engines.pyinstrument import PyinstrumentRecording

deepest = 0


def reached(depth: int) -> int:
    global deepest
    deepest = max(deepest, depth)
    return depth + 1


def plain(depth: int) -> Any:
    return plain(reached(depth))


def levels(depth: int) -> Any:
    try:
        return levels(reached(depth))
    except RecursionError:
        return depth


def busy(depth: int) -> Any:
    sum(len(str(number)) for number in range(30))
    return busy(reached(depth))


def to_json(depth: int) -> Any:
    return json.dumps([[[object()]]], default=lambda _: to_json(reached(depth)))


def by_sorting(depth: int) -> Any:
    return sorted([1], key=lambda _: by_sorting(reached(depth)))


class Shown:
    depth = 0

    def __repr__(self) -> str:
        Shown.depth = reached(Shown.depth)
        return repr([Shown()])


class Attributes:
    def __getattr__(self, name: str) -> Any:
        return getattr(self, "x" * reached(len(name)))


SHAPES: dict[str, Callable[[int], Any]] = {
    "plain": plain,
    "levels": levels,
    "busy": busy,
    "json": to_json,
    "sorted": by_sorting,
    "repr": lambda depth: repr(Shown()),
    "attributes": lambda depth: Attributes().x,
}


def depth_of(shape: Callable[[int], Any]) -> int:
    global deepest
    deepest = Shown.depth = 0
    with suppress(RecursionError):
        shape(0)
    return deepest


def main() -> None:
    shape = SHAPES[sys.argv[1]]
    bare = sys.maxsize
    for _ in range(5):
        sys.setprofile(lambda *_: None)
        bare = min(bare, depth_of(shape))
        sys.setprofile(None)
    recorded, samples = bare, 0
    until = time.monotonic() + 0.5
    while time.monotonic() < until:
        recording = PyinstrumentRecording(0.0002)
        assert recording.resume()
        for _ in range(5):
            recorded = min(recorded, depth_of(shape))
        recording.pause()
        samples += len(recording.records)
    print(bare, recorded, samples)


main()
